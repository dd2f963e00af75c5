"""Claims in the path, in metadata and by agents, as clients send them to the served gateway."""

import anthropic
import msgspec
import openai
import pytest
from msgspec.structs import replace

from tests.doubles.ledger_sight import personal_of
from tests.doubles.raw_http import Heard, ask, request
from tests.doubles.serving_house import ANTHROPIC, FORMS, JSON, OPENAI, Form, House
from tests.serving.test_claims import assert_label


def at(form: Form, prefix: str) -> Form:
    return replace(form, path=prefix + form.path)


def placed(house: House, form: Form, prefix: str, repo: str = "website") -> Heard:
    return house.ask(at(form, prefix), form.body(), repo)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(
    "prefix",
    ["/r/payments", "/l/restricted", "/r/website/l/restricted", "/l/public/r/payments"],
)
def test_a_path_may_raise_the_label(house, form, prefix) -> None:
    assert_label(house, placed(house, form, prefix), "restricted", "on_prem")


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("prefix", ["/r/website", "/l/public", "/r/website/l/public"])
def test_a_path_never_lowers_the_label(house, form, prefix) -> None:
    heard = placed(house, form, prefix, "payments")
    assert_label(house, heard, "restricted", "on_prem", "payments")


WRONG = [
    "/r/nowhere",
    "/l/cosmic",
    "/r/website/r/website",
    "/l/public/l/public",
    "/r/website/l/public/r/website",
    "/r/Website",
    "/r/web_site",
    "/r/web%73ite",
    "/l/public+pii",
    "/r/",
    "/l/",
    "/r/" + "a" * 65,
    "/r/..",
    "/r/website;x",
]


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("prefix", WRONG)
def test_a_path_that_claims_what_nobody_knows_is_refused_in_the_clients_own_form(
    house, form, prefix
) -> None:
    with house.nothing_sent():
        heard = placed(house, form, prefix)
    assert heard.status == 400, heard.body
    kind = {OPENAI: openai.BadRequestError, ANTHROPIC: anthropic.BadRequestError}[form]
    assert isinstance(form.error(heard), kind)
    assert b"nowhere" not in heard.body
    assert b"cosmic" not in heard.body


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("prefix", WRONG)
def test_the_models_are_not_listed_under_a_wrong_path(house, form, prefix) -> None:
    more = (("anthropic-version", "2023-06-01"),) if form is ANTHROPIC else ()
    fields = (form.key(house.gateway.keys["website"]), *more)
    heard = ask(house.url, request("GET", f"{prefix}/v1/models", fields=fields), "GET")
    assert heard.status == 400, heard.body
    kind = {OPENAI: openai.BadRequestError, ANTHROPIC: anthropic.BadRequestError}[form]
    assert isinstance(form.error(heard), kind)


def test_the_models_are_listed_under_a_right_path(house) -> None:
    plain = house.get("/v1/models").json
    for prefix in ("/r/payments", "/l/restricted", "/l/public/r/website"):
        assert house.get(f"{prefix}/v1/models").json == plain


def test_what_is_no_path_under_a_claim_is_not_there(house) -> None:
    assert house.get("/r/website/v1/nothing").status == 404
    assert house.get("/r/website/metrics").status == 404
    assert house.get("/rr/website/v1/models").status == 404


@pytest.mark.parametrize("place", ["metadata", "requestMetadata"])
@pytest.mark.parametrize(
    ("told", "label"),
    [
        ({"perimeter-label": "restricted"}, "restricted"),
        ({"perimeter-repo": "payments"}, "restricted"),
        ({"perimeter-label": "internal", "perimeter-repo": "website"}, "internal"),
        ({"perimeter-label": "public"}, "public"),
    ],
)
def test_metadata_may_raise_the_label(house, place, told, label) -> None:
    heard = house.ask(OPENAI, OPENAI.body(**{place: told}))
    assert heard.status == 200, heard.body
    assert house.record(heard.record)["label"] == label
    heard = house.ask(OPENAI, OPENAI.body(**{place: told}), "payments")
    assert house.record(heard.record, "payments")["label"] == "restricted"


@pytest.mark.parametrize(
    "told",
    [
        {"perimeter-label": "cosmic"},
        {"perimeter-label": 7},
        {"perimeter-label": "públic"},
        {"perimeter-label": "public" + "+pii" * 200},
        {"perimeter-repo": "nowhere"},
        {"perimeter-repo": None},
    ],
)
def test_metadata_that_claims_what_nobody_knows_is_refused(house, told) -> None:
    with house.nothing_sent():
        heard = house.ask(OPENAI, OPENAI.body(metadata=told))
    assert heard.status == 400
    assert isinstance(OPENAI.error(heard), openai.BadRequestError)


def test_claude_code_tells_its_folder_and_its_session(house) -> None:
    user_id = {"device_id": "d", "account_uuid": "", "session_id": "0a1b-session"}
    system = [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2"},
        {"type": "text", "text": "# Environment\n - Primary working directory: /src/ledger\n"},
    ]
    body = ANTHROPIC.body(
        system=system, metadata={"user_id": msgspec.json.encode(user_id).decode()}
    )
    heard = house.ask(ANTHROPIC, body)
    assert heard.status == 200
    personal = personal_of(house.gateway, heard.record)
    assert personal.session == "0a1b-session"
    assert personal.metadata["folder"] == "/src/ledger"


@pytest.mark.parametrize("name", ["session_id", "x_session_id", "x_claude_code_session_id"])
def test_a_session_spelled_with_underscores_is_not_heard(house, name) -> None:
    heard = house.ask(OPENAI, OPENAI.body(), fields=((name, "s-1"),))
    assert heard.status == 200
    assert personal_of(house.gateway, heard.record).session == ""


def test_a_session_that_is_told_twice_is_refused(house) -> None:
    heard = house.ask(OPENAI, OPENAI.body(), fields=(("session-id", "a"), ("session-id", "b")))
    assert heard.status == 400


@pytest.mark.parametrize("prefix", ["", "/l/public"])
def test_request_metadata_of_bedrocks_own_form_may_raise_the_label(house, prefix) -> None:
    told = {"perimeter-label": "restricted"}
    turns = [{"role": "user", "content": [{"text": "hello"}]}]
    raw = msgspec.json.encode({"messages": turns, "requestMetadata": told})
    fields = (JSON, OPENAI.key(house.gateway.keys["website"]))
    path = f"{prefix}/model/local-model/converse"
    heard = ask(house.url, request("POST", path, raw, fields))
    assert_label(house, heard, "restricted", "on_prem")
