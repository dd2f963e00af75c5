"""What bodies of real clients tell of their work, and what says nothing."""

import msgspec
import pytest

from gateway.domain.errors import Malformed
from gateway.domain.request import Claims
from gateway.surfaces.codex import REMOTES_MAX, with_workspaces
from gateway.surfaces.headers import claims_of, with_metadata
from gateway.surfaces.places import Place, cut
from gateway.surfaces.tellings import FOLDERS_MAX, TELLING_CHARS_MAX, with_tellings

LINE = "Here is useful information.\n<env>\n - Primary working directory: /src/ledger\n</env>"


def folders(body: dict) -> tuple[str, ...]:
    return with_tellings(Claims(), body).folders


@pytest.mark.parametrize(
    "body",
    [
        {"system": LINE},
        {"system": [{"type": "text", "text": "x"}, {"type": "text", "text": LINE}]},
        {"messages": [{"role": "system", "content": LINE}]},
        {"messages": [{"role": "developer", "content": [{"type": "text", "text": LINE}]}]},
        {"instructions": LINE},
        {"system": "Working directory: /src/ledger"},
        {"system": "* Working directory:\t/src/ledger \r\nmore"},
        {"system": [{"text": LINE}, {"text": LINE}]},
    ],
)
def test_an_agent_tells_its_folder(body) -> None:
    assert folders(body) == ("/src/ledger",)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"system": None},
        {"system": 3},
        {"system": [3, None, {"text": 3}]},
        {"messages": [{"role": "user", "content": LINE}]},
        {"messages": "x"},
        {"messages": [None, {"role": "system"}]},
        {"system": "the primary working directory: /src"},
        {"system": "Working directory:\n/src"},
    ],
)
def test_what_no_agent_tells_is_not_heard(body) -> None:
    assert folders(body) == ()


def test_folders_are_bounded() -> None:
    many = "\n".join(f"Working directory: /src/{number}" for number in range(100))
    assert len(folders({"system": many})) == FOLDERS_MAX
    (long,) = folders({"system": "Working directory: /" + "a" * 5_000})
    assert len(long) <= 1_024


def test_claude_code_tells_its_session_in_the_user_id() -> None:
    def session(user_id: object, **claims: str) -> str | None:
        body = {"metadata": {"user_id": user_id}}
        return with_tellings(Claims(**claims), body).session

    told = msgspec.json.encode({"device_id": "d", "session_id": "s-1"}).decode()
    assert session(told) == "s-1"
    assert session(told, session="header") == "header"
    for nothing in ("user-7", "{", "[1]", '{"session_id": 3}', '{"session_id": ""}', 3, None):
        assert session(nothing) is None
    assert session(" " * 5_000 + told) is None
    assert with_tellings(Claims(), {"metadata": 3}).session is None


def test_metadata_tells_labels_and_repositories() -> None:
    body = {
        "metadata": {"perimeter-label": "internal", "perimeter-repo": "website"},
        "requestMetadata": {"perimeter-label": "public", "perimeter-repo": "website"},
    }
    found = with_tellings(Claims(), body)
    assert found.told_labels == ("internal", "public")
    assert found.told_repos == ("website",)
    for bad in (3, None, "é", "a" * (TELLING_CHARS_MAX + 1)):
        with pytest.raises(Malformed):
            with_tellings(Claims(), {"metadata": {"perimeter-label": bad}})
    assert with_metadata(Claims(), {"requestMetadata": {"a": "b"}}).metadata == {"a": "b"}


def test_codex_tells_its_folders() -> None:
    turn = {"workspaces": {"/src/ledger": {}, "/src/site": {}}}
    body = {"client_metadata": {"x-codex-turn-metadata": msgspec.json.encode(turn).decode()}}
    assert with_workspaces(Claims(), [], body).folders == ("/src/ledger", "/src/site")
    many = {"workspaces": {f"/{number}": {} for number in range(100)}}
    body = {"client_metadata": {"x-codex-turn-metadata": msgspec.json.encode(many).decode()}}
    assert len(with_workspaces(Claims(), [], body).folders) == REMOTES_MAX
    assert with_tellings(Claims(folders=("/a",)), {"system": LINE}).folders == ("/a", "/src/ledger")


def test_a_session_header_is_heard_in_its_own_spelling_alone() -> None:
    assert claims_of([(b"Session-Id", b"s")]).session == "s"
    for name in (b"session_id", b"x_session_id", b"X_Claude_Code_Session_Id"):
        assert claims_of([(name, b"s")]).session is None
    assert claims_of([(b"session_id", b"a"), (b"session-id", b"b")]).session == "b"
    for name in (b"x_perimeter_label", b"x_perimeter_repo"):
        with pytest.raises(Malformed):
            claims_of([(name, b"public")])


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v1/models", Place("/v1/models")),
        ("/r/a/v1/models", Place("/v1/models", repo="a")),
        ("/l/b/v1/models", Place("/v1/models", label="b")),
        ("/l/b/r/a/v1/models", Place("/v1/models", "a", "b")),
        ("/r/a", Place("/", repo="a")),
        ("/rx/a/v1", Place("/rx/a/v1")),
        ("/v1/r/a", Place("/v1/r/a")),
    ],
)
def test_a_path_is_cut_into_claims_and_the_rest(path: str, place: Place) -> None:
    assert cut(path) == place
    place.require()


@pytest.mark.parametrize(
    "path",
    ["/r", "/r/", "/l//v1", "/r/A/v1", "/r/a_b/v1", "/r/a/r/a/v1", "/l/a/r/b/l/c/v1", "/r/%61/v1"],
)
def test_a_path_that_claims_unclearly_has_a_fault(path: str) -> None:
    with pytest.raises(Malformed):
        cut(path).require()
