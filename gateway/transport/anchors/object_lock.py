"""Object storage that speaks S3, with Object Lock: what was put there stays until its day."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import md5, sha256
from urllib.parse import quote

from msgspec import Struct, structs

from gateway.audit.checkpoint import Checkpoint, NoteRefused
from gateway.audit.cosignature import text_of
from gateway.domain.secret import Secret
from gateway.transport.anchors import Anchored, NotAnchored, Prove
from gateway.transport.delivery import Delivery, NotDelivered, Parcel, Reply

OK = 200
EXISTS = 412
SERVICE = "s3"
_DIGITS = 20


class Bucket(Struct, frozen=True):
    """Where checkpoints go, and how long nobody may remove them there.

    `secret` is `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with `:SESSION_TOKEN` where it is temporary.
    """

    url: str
    name: str
    region: str
    prefix: str
    days: int
    mode: str
    secret: Secret


class ObjectLockAnchor:
    """Puts each checkpoint under a key of its own, which says its log and its size."""

    kind = "object_lock"

    def __init__(self, bucket: Bucket, delivery: Delivery, now: Callable[[], datetime]) -> None:
        self._bucket = bucket
        self._delivery = delivery
        self._now = now

    async def anchor(self, checkpoint: Checkpoint, note: str, prove: Prove) -> Anchored:
        """Put the note there and return under which key, and until when; NotAnchored."""
        del prove  # WHY: whoever reads the bucket compares its checkpoints by himself.
        at = self._now()
        until = (at + timedelta(days=self._bucket.days)).astimezone(UTC)
        kept_until = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        key = f"{self._bucket.prefix}/{checkpoint.origin}/{checkpoint.size:0{_DIGITS}d}"
        reply = await self._send(self._parcel(key, note.encode(), kept_until, at))
        if reply.status == EXISTS:
            return await self._there_already(key, note)
        if reply.status != OK:
            raise NotAnchored(f"the storage answered with {reply.status}")
        return Anchored({"bucket": self._bucket.name, "object": key, "kept_until": kept_until})

    async def _there_already(self, key: str, note: str) -> Anchored:
        """Compare what is there under this size; another tree there is another history."""
        at = self._now()
        unsigned = Parcel("GET", self._url(key), {"x-amz-content-sha256": _sha256(b"")}, b"")
        reply = await self._send(self._signed(unsigned, at))
        if reply.status != OK:
            raise NotAnchored(f"the storage answered with {reply.status}")
        if _text(reply.body) != text_of(note):
            raise NotAnchored("the storage keeps another tree of this size", contradicts=True)
        return Anchored({"bucket": self._bucket.name, "object": key, "kept_until": "as before"})

    async def _send(self, parcel: Parcel) -> Reply:
        try:
            return await self._delivery.send(parcel)
        except NotDelivered as error:
            raise NotAnchored(str(error)) from None

    def _url(self, key: str) -> str:
        place = f"{self._bucket.url.rstrip('/')}/{self._bucket.name}"
        return f"{place}/{quote(key, safe='/-._~')}"

    def _parcel(self, key: str, body: bytes, kept_until: str, at: datetime) -> Parcel:
        headers = {
            "content-type": "text/plain; charset=utf-8",
            # WHY: S3 asks for the MD5 of whatever it locks; it proves nothing here.
            "content-md5": b64encode(md5(body, usedforsecurity=False).digest()).decode(),
            "if-none-match": "*",
            "x-amz-content-sha256": _sha256(body),
            "x-amz-object-lock-mode": self._bucket.mode,
            "x-amz-object-lock-retain-until-date": kept_until,
        }
        return self._signed(Parcel("PUT", self._url(key), headers, body), at)

    def _signed(self, parcel: Parcel, at: datetime) -> Parcel:
        """Return the parcel with the fields of a signature over exactly what is sent."""
        # WHY: botocore costs a fifth of a second; a gateway without such an anchor never loads it.
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import ReadOnlyCredentials

        key, secret, *token = self._bucket.secret.reveal().split(":")
        stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        dated = {"x-amz-date": stamp} | ({"x-amz-security-token": token[0]} if token else {})
        told = {**parcel.headers, **dated, "host": self._delivery.authority}
        request = AWSRequest(method=parcel.method, url=parcel.url, headers=told, data=parcel.body)
        request.context["timestamp"] = stamp
        auth = S3SigV4Auth(ReadOnlyCredentials(key, secret, None), SERVICE, self._bucket.region)
        names = auth.signed_headers(auth.headers_to_sign(request))
        canonical = auth.canonical_request(request)
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        said = f"Credential={auth.scope(request)}, SignedHeaders={names}, Signature={signature}"
        more = {**dated, "authorization": f"AWS4-HMAC-SHA256 {said}"}
        return structs.replace(parcel, headers={**parcel.headers, **more})


def _sha256(data: bytes) -> str:
    return sha256(data).hexdigest()


def _text(note: bytes) -> str:
    try:
        return text_of(note.decode())
    except (NoteRefused, UnicodeDecodeError):
        return ""
