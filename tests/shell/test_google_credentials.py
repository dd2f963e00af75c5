"""Tokens of Google, each from where the files say, by google-auth's own hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.domain.secret import Secret
from gateway.transport.credentials import DIRECT, CredentialRefused, Lease, WayOut, google
from gateway.transport.credentials.messenger import Question, ask
from tests.doubles import fake_google as vendor
from tests.doubles.fake_aws import fake_aws
from tests.doubles.fake_google import FakeGoogle, fake_google, federation, service_account

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.fixture
def fake():
    with fake_google() as running:
        yield running


@pytest.fixture(autouse=True)
def other_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the environment, and must not be used."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent")
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv(
        "GOOGLE_SDK_EXPERIMENTAL_PYTHON_REGIONAL_ACCESS_BOUNDARY_LOOKUP_ENABLED", "true"
    )


def secret_of(given: dict[str, Any]) -> Secret:
    return Secret(msgspec.json.encode(given).decode())


def fetched(given: dict[str, Any], **settings: str) -> Lease:
    return google.source(secret_of(given), settings).fetch(NOW)


def test_a_service_account_signs_for_its_token(fake: FakeGoogle) -> None:
    lease = fetched(service_account(f"{fake.url}/token"), token_hosts=fake.url)
    assert lease.secret.reveal() == vendor.TOKEN
    left = lease.expires_at - datetime.now(UTC)  # noqa: TID251 - google-auth has a clock of its own
    assert timedelta(minutes=50) < left <= timedelta(hours=1)
    assert fake.asked == ["/token"], "no trust boundary is looked up, whatever the environment says"


def test_the_machine_gives_its_own_token(fake: FakeGoogle) -> None:
    source = google.source(None, {"credentials": "metadata", "metadata_url": fake.url})
    lease = source.fetch(NOW)
    assert (lease.secret.reveal(), lease.expires_at) == (
        vendor.MACHINE,
        NOW + timedelta(seconds=3_599),
    )
    assert source.hosts == (fake.url,)


@pytest.mark.parametrize("kind", ["file", "url"])
def test_a_federated_token_is_exchanged(fake: FakeGoogle, tmp_path: Path, kind: str) -> None:
    (tmp_path / "subject").write_text(vendor.SUBJECT)
    at = {"file": str(tmp_path / "subject"), "url": f"{fake.url}/subject"}[kind]
    given = federation({kind: at}, f"{fake.url}/v1/token")
    assert fetched(given, token_hosts=fake.url).secret.reveal() == vendor.FEDERATED


def test_a_federated_token_impersonates_an_account(fake: FakeGoogle, tmp_path: Path) -> None:
    (tmp_path / "subject").write_text(vendor.SUBJECT)
    url = f"{fake.url}/v1/projects/-/serviceAccounts/{vendor.ACCOUNT}:generateAccessToken"
    given = federation({"file": str(tmp_path / "subject")}, f"{fake.url}/v1/token")
    lease = fetched(given | {"service_account_impersonation_url": url}, token_hosts=fake.url)
    assert lease.secret.reveal() == vendor.IMPERSONATED


def test_a_service_account_impersonates_another(
    fake: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """google-auth asks IAM by its constant name; here that name is led to the fake."""

    def led(question: Question, hosts: tuple[str, ...], _way_out: WayOut) -> object:
        real = "https://iamcredentials.googleapis.com"
        assert question.url.startswith(hosts)
        url = question.url.replace(real, fake.url)
        moved = Question(
            url=url, method=question.method, headers=question.headers, body=question.body
        )
        return ask(moved, (fake.url,))

    monkeypatch.setattr(google, "ask", led)
    account = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/other@x.iam"
    given = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"{account}:generateAccessToken",
        "source_credentials": service_account(f"{fake.url}/token"),
    }
    assert fetched(given, token_hosts=fake.url).secret.reveal() == vendor.IMPERSONATED
    assert [path.rpartition(":")[2] for path in fake.asked] == ["/token", "generateAccessToken"]


def test_the_role_of_an_aws_instance_is_federated(
    fake: FakeGoogle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT00000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "environment")
    given = federation(
        {
            "environment_id": "aws1",
            "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        },
        f"{fake.url}/v1/token",
    )
    with fake_aws() as machine:
        monkeypatch.setattr(google.aws_machine, "INSTANCE_URL", machine.url)
        settings = {"token_hosts": fake.url, "aws_region": "eu-central-1"}
        assert fetched(given, **settings).secret.reveal() == vendor.FEDERATED
        assert len(machine.asked) >= 3


def test_every_host_is_of_the_closed_list_or_stated() -> None:
    strange = service_account("https://tokens.example/token")
    with pytest.raises(ValueError, match="token_hosts"):
        google.source(secret_of(strange), {})
    stated = google.source(secret_of(strange), {"token_hosts": "https://tokens.example"})
    assert stated.hosts == ("https://tokens.example",)
    inner = {"type": "impersonated_service_account", "source_credentials": strange}
    with pytest.raises(ValueError, match="token_hosts"):
        google.source(secret_of(inner), {})
    assert google.source(secret_of(service_account()), {}).hosts == (
        "https://oauth2.googleapis.com",
    )


def test_what_google_auth_would_ask_besides_is_not_asked(fake: FakeGoogle) -> None:
    caller = google._Caller((fake.url,), DIRECT)
    lookup = f"{fake.url}/v1/projects/-/serviceAccounts/a/allowedLocations"
    for url, more in ((lookup, {}), (f"{fake.url}/token", {"cert": ("a", "b")})):
        with pytest.raises(CredentialRefused):
            caller(url, timeout=120, **more)
    with pytest.raises(CredentialRefused):
        caller("https://www.googleapis.com/oauth2/v1/certs")
    assert fake.asked == []


@pytest.mark.parametrize(
    ("given", "settings", "says"),
    [
        (None, {}, "needs a secret"),
        (None, {"credentials": "environment"}, "file or metadata"),
        ({"type": "service_account"}, {"credentials": "metadata"}, "takes no secret"),
        ({"type": "authorized_user"}, {}, "JSON of one of"),
        ({"type": "service_account", "private_key": "canary"}, {}, "no usable service_account"),
        (federation({"executable": {"command": "canary"}}), {}, "from a file, a URL"),
        (federation({}), {}, "from a file, a URL"),
        (federation({"environment_id": "aws1"}), {}, "needs aws_region"),
        ({"type": "external_account"}, {}, "credential_source"),
        ({"type": "impersonated_service_account"}, {}, "begins with a service account"),
    ],
)
def test_what_does_not_fit_is_refused_without_a_word_of_the_secret(
    given: dict[str, Any] | None, settings: dict[str, str], says: str
) -> None:
    secret = None if given is None else secret_of(given)
    with pytest.raises(ValueError, match=says) as caught:
        google.source(secret, settings)
    assert "canary" not in str(caught.value)


def test_a_refusal_of_google_is_a_failure(fake: FakeGoogle) -> None:
    fake.refuses = 400
    with pytest.raises(Exception, match=r".") as caught:
        fetched(service_account(f"{fake.url}/token"), token_hosts=fake.url)
    assert type(caught.value).__module__.startswith("google.auth")


def test_no_token_is_shown_by_what_holds_it(fake: FakeGoogle) -> None:
    source = google.source(
        secret_of(service_account(f"{fake.url}/token")), {"token_hosts": fake.url}
    )
    lease = source.fetch(NOW)
    shown = f"{source!r}{lease!r}"
    assert vendor.TOKEN not in shown
    assert "PRIVATE KEY" not in shown


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, "no json"), "holds no token"),
        ((200, {"access_token": "", "expires_in": 9}), "holds no token"),
        ((200, {"access_token": "two words", "expires_in": 9}), "holds no token"),
        ((200, {"access_token": "ya29.canary-token", "expires_in": "9"}), "holds no token"),
        ((403, {}), "status 403"),
    ],
)
def test_an_answer_of_the_machine_that_holds_no_token_is_refused(
    fake: FakeGoogle, answer: tuple[int, Any], says: str
) -> None:
    fake.get = lambda _path, _headers: answer
    source = google.source(None, {"credentials": "metadata", "metadata_url": fake.url})
    with pytest.raises(CredentialRefused, match=says):
        source.fetch(NOW)


def test_a_token_of_the_machine_is_believed_for_a_day_at_most(fake: FakeGoogle) -> None:
    fake.life_s = 10**12
    source = google.source(None, {"credentials": "metadata", "metadata_url": fake.url})
    assert source.fetch(NOW).expires_at == NOW + timedelta(days=1)
