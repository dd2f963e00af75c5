"""An object storage that checks every signature and keeps what is locked: the S3 server of moto."""

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import boto3
import httpx
import msgspec
from moto.server import ThreadedMotoServer
from msgspec import Struct

BUCKET = "ledger-anchors"
REGION = "us-east-1"
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


class LockedStorage(Struct):
    """Its address, the key that may write there, and a client of the vendor's."""

    url: str
    secret: str
    client: Any


@contextmanager
def a_locked_storage() -> Iterator[LockedStorage]:
    """Run the server with one bucket that has Object Lock; every later call must be signed."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        server.start()
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        try:
            first = _client("s3", url, "any", "any")
            first.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
            people = _client("iam", url, "any", "any")
            people.create_user(UserName="gateway")
            policy = msgspec.json.encode(EVERYTHING).decode()
            people.put_user_policy(UserName="gateway", PolicyName="all", PolicyDocument=policy)
            made = people.create_access_key(UserName="gateway")["AccessKey"]
            key, secret = made["AccessKeyId"], made["SecretAccessKey"]
            httpx.post(f"{url}/moto-api/reset-auth", content=b"0", trust_env=False)
            yield LockedStorage(url, f"{key}:{secret}", _client("s3", url, key, secret))
        finally:
            httpx.post(f"{url}/moto-api/reset-auth", content=b"inf", trust_env=False)
            server.stop()


def _client(service: str, url: str, key: str, secret: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name=REGION,
    )
