import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.files import load_text
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Problem
from gateway.identity import keyfile
from gateway.identity.keyfile import read_keys
from gateway.identity.keyfile_text import (
    KeyFileError,
    add_key,
    change_key,
    raise_generation,
)
from gateway.identity.keys import KeyEntry, new_key

KEY, DIGEST = new_key("ann", bytes(32))
OTHER = new_key("bob", bytes(range(32)))[1]
ENTRY = KeyEntry("ann", "payments", DIGEST)


def problems(text: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        read_keys(load_text(text, "keys.yaml"))
    return list(caught.value.problems)


def with_entry(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"version: 1\nkeys:\n  ann:\n{body}"


GOOD = (f"hash: {DIGEST}", "subject: ann", "team: payments")


def test_a_full_entry_is_read() -> None:
    text = with_entry(
        *GOOD,
        "label: internal+pii@EU",
        "repos: [payments, ledger]",
        "selects_repo: true",
        "expires_on: 2027-01-31",
        "revoked: false",
    )
    ring = read_keys(load_text(text, "keys.yaml"))
    (caller,) = ring.callers
    assert (caller.key_id, caller.label) == ("ann", "internal+pii@EU")
    assert (caller.repos, caller.selects_repo) == (("payments", "ledger"), True)
    headers = {"x-api-key": KEY.reveal()}
    assert ring.authenticate(headers, datetime(2027, 1, 31, 23, 59, tzinfo=UTC)) == caller


def test_no_keys_are_a_valid_file() -> None:
    assert len(read_keys(load_text("version: 1\nkeys: {}\n", "keys.yaml"))) == 0


@pytest.mark.parametrize(
    ("line", "place", "what"),
    [
        ("hash: 12", "/keys/ann/hash", "Expected `str | null`"),
        ("generation: 0", "/keys/ann/generation", ">= 1"),
        ("generation: 1000001", "/keys/ann/generation", "<= 1000000"),
        ("generation: true", "/keys/ann/generation", "Expected `int | null`"),
        ("hash: sha256:1234", "/keys/ann/hash", "64 hexadecimal digits"),
        ("subject: ''", "/keys/ann/subject", "1 to 256 characters"),
        ("team: " + "a" * 257, "/keys/ann/team", "1 to 256 characters"),
        ("label: ''", "/keys/ann/label", "1 to 256 characters"),
        ("repos: payments", "/keys/ann/repos", "Expected `array`"),
        ("repos: [1]", "/keys/ann/repos", "Expected `str`"),
        ("selects_repo: true", "/keys/ann/selects_repo", "no repo to select"),
        ("selects_repo: 1", "/keys/ann/selects_repo", "Expected `bool`"),
        ("expires_on: tomorrow", "/keys/ann/expires_on", "date"),
        ("revoked: yes", "/keys/ann/revoked", "Expected `bool`"),
        ("labell: x", "/keys/ann", "unknown key `labell`"),
        ("pmt_ann_s3cr3t: x", "/keys/ann", "an unknown key"),
    ],
)
def test_what_is_wrong_in_an_entry_is_told_with_its_place(line: str, place: str, what: str) -> None:
    name = line.partition(":")[0]
    replaced = "hash" if name == "generation" else name
    kept = [good for good in GOOD if good.partition(":")[0] != replaced]
    (problem,) = problems(with_entry(*kept, line))
    assert problem.path == place
    assert what in problem.what
    assert problem.line > 1


@pytest.mark.parametrize(
    "lines",
    [
        GOOD[1:],
        (*GOOD, "generation: 1"),
        ("hash: null", *GOOD[1:]),
        ("generation: null", *GOOD[1:]),
    ],
)
def test_a_key_is_known_by_its_hash_or_by_its_generation(lines: tuple[str, ...]) -> None:
    (problem,) = problems(with_entry(*lines))
    assert problem.path == "/keys/ann"
    assert "`generation` for an access key" in problem.what


def test_no_key_has_the_name_of_callers_without_a_key() -> None:
    (problem,) = problems(with_entry(*GOOD).replace("ann:", "anonymous:"))
    assert "callers without a key" in problem.what
    with pytest.raises(KeyFileError, match="without a key"):
        add_key("", "anonymous", ENTRY)


ACCESS = KeyEntry("bob", "payments", generation=9)


def test_an_access_key_keeps_a_generation_and_nothing_of_its_secret() -> None:
    text = add_key("", "bob", ACCESS)
    entry = read_keys(load_text(text, "keys.yaml")).entry("bob")
    assert entry == ACCESS
    assert "hash" not in text
    assert "secret" not in text


@pytest.mark.parametrize(
    "text",
    [
        add_key(add_key("# mine\n" + with_entry(*GOOD), "bob", ACCESS), "eve", ACCESS),
        "version: 1\nkeys: {bob: {subject: b, generation:  9 , team: x}} # all\n",
        "version: 1\nkeys:\n  bob: # 9\n    generation: 9 # generation: 9\n"
        "    subject: '9'\n    team: x\n",
    ],
)
def test_the_next_generation_changes_one_number(text: str) -> None:
    after, generation = raise_generation(text, "bob")
    assert generation == 10
    entry = read_keys(load_text(after, "keys.yaml")).entry("bob")
    assert entry is not None
    assert entry.generation == 10
    lines = zip(text.splitlines(), after.splitlines(), strict=True)
    ((old, new),) = [(old, new) for old, new in lines if old != new]
    assert new == re.sub("(generation: *)9", r"\g<1>10", old, count=1)


@pytest.mark.parametrize(
    ("text", "key_id"),
    [
        ("", "bob"),
        (with_entry(*GOOD), "ann"),
        (with_entry(*GOOD), "bob"),
        ("version: 1\nkeys: {bob: 1}\n", "bob"),
        ("version: 1\nkeys: {bob: {generation: '9'}}\n", "bob"),
        ("version: 1\nkeys: {a: {generation: &x 9}, bob: {generation: *x }}\n", "bob"),
        ("a: [\n", "bob"),
    ],
)
def test_what_is_no_access_key_has_no_next_generation(text: str, key_id: str) -> None:
    with pytest.raises(KeyFileError):
        raise_generation(text, key_id)


def test_every_problem_is_told_at_once() -> None:
    text = "version: 2\nmore: 1\nkeys:\n  ann: 1\n  bob: {subject: 1, revoked: no}\n  UPPER: {}\n"
    found = problems(text)
    assert [problem.path for problem in found].count("/keys/bob") == 2
    assert {problem.path for problem in found} == {
        "",
        "/version",
        "/keys/ann",
        "/keys/bob",
        "/keys/bob/subject",
        "/keys/bob/revoked",
        "/keys",
    }


@pytest.mark.parametrize(
    "text",
    ["[1]\n", "version: 1\n", "version: 1\nkeys: []\n", "keys: {}\n", "version: true\nkeys: {}\n"],
)
def test_a_file_of_another_form_is_refused(text: str) -> None:
    assert problems(text)


def test_a_key_that_was_pasted_into_the_file_is_not_repeated() -> None:
    key = KEY.reveal()
    texts = [
        f"version: 1\nkeys:\n  {key}: {{}}\n",
        with_entry(f"hash: {key}", "subject: ann", "team: x"),
        with_entry(*GOOD, f"{key}: 1"),
    ]
    for text in texts:
        shown = "".join(str(problem) for problem in problems(text))
        assert key[8:] not in shown
        assert key not in shown


def test_one_hash_for_two_keys_is_a_copy() -> None:
    entry = f"{{hash: '{DIGEST}', subject: x, team: y}}"
    (problem,) = problems(f"version: 1\nkeys:\n  ann: {entry}\n  bob: {entry}\n")
    assert problem.path == "/keys/bob/hash"
    assert DIGEST[7:] not in str(problem)


def test_keys_and_repos_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyfile, "REPOS_MAX", 1)
    assert "at most 1" in problems(with_entry(*GOOD, "repos: [a, b]"))[0].what
    monkeypatch.setattr(keyfile, "KEYS_MAX", 0)
    assert "more than 0 keys" in problems(with_entry(*GOOD))[0].what


def test_a_document_from_the_ledger_needs_no_lines() -> None:
    value: dict[str, Any] = {"version": 1, "keys": {"ann": {"hash": "x"}}}
    with pytest.raises(ConfigError):
        read_keys(Document("keys.yaml", value))


def test_a_new_file_is_written_and_reads_strictly() -> None:
    text = add_key("", "ann", ENTRY)
    assert text.startswith("version: 1\nkeys:\n")
    (caller,) = read_keys(load_text(text, "keys.yaml")).callers
    assert caller.subject == "ann"


def test_everything_else_stays_as_it_stands() -> None:
    text = (
        "# our keys\nversion: 1\nkeys: # by id\n"
        "    # the laptop\n    ann: # revoke soon\n"
        f'        hash: "{DIGEST}"\n        subject: ann\n        team: payments\n'
        "\n    # more to come\n"
    )
    added = add_key(text, "bob", KeyEntry("bob", "payments", OTHER))
    kept = iter(added.splitlines())
    assert all(line in kept for line in text.splitlines())
    assert '    "bob":\n' in added
    assert len(read_keys(load_text(added, "keys.yaml"))) == 2


def test_what_follows_the_keys_still_follows() -> None:
    text = f"keys:\n  ann:\n    hash: {DIGEST}\n    subject: a\n    team: b\nversion: 1"
    added = add_key(text, "bob", KeyEntry("bob", "payments", OTHER))
    assert added.endswith("version: 1\n")
    assert len(read_keys(load_text(added, "keys.yaml"))) == 2


@pytest.mark.parametrize(
    "text", ["version: 1\nkeys: {}\n", "version: 1\nkeys:\n", "version: 1\nkeys: { }  # none\n"]
)
def test_a_file_without_keys_gets_its_first(text: str) -> None:
    assert len(read_keys(load_text(add_key(text, "ann", ENTRY), "keys.yaml"))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nkeys: {bob: {}}\n",
        "version: 1\nkeys: {}\nkeys:\n  bob: {}\n",
        "{version: 1,\nkeys:\n {bob: {}}}\n",
        "version: 1\nkeys:\n  {bob: {}}\n",
        "version: 1\n",
        "version: 1\n'keys':\n  bob: {}\n",
        "- 1\n",
        "keys: [1]\n",
        "a: [\n",
        "version: 1\nkeys:\n  ann: {}\n",
        "version: 1\nkeys:\n  bob:\n    team: |\n      x\n\n#\nother: 1\n" + "\tx: 1\n",
    ],
)
def test_a_file_that_cannot_be_extended_safely_is_left_alone(text: str) -> None:
    with pytest.raises(KeyFileError):
        add_key(text, "ann", ENTRY)


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(KeyFileError):
        add_key("", "Not An Id", ENTRY)


NAMES = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x24F, exclude_characters="\x7f"),
    min_size=1,
    max_size=20,
).filter(lambda text: all(not 0x7F <= ord(char) <= 0xA0 and ord(char) != 0xAD for char in text))


@settings(max_examples=60, deadline=None)
@given(NAMES, NAMES, st.lists(st.sampled_from(["no", "1", "2027-01-01", "null", "a"]), max_size=3))
def test_whatever_is_written_reads_as_itself(subject: str, team: str, repos: list[str]) -> None:
    entry = KeyEntry(
        subject,
        team,
        DIGEST,
        label="no",
        repos=tuple(repos),
        expires_on=date(2027, 1, 1),
        revoked=True,
    )
    (caller,) = read_keys(load_text(add_key("", "null", entry), "keys.yaml")).callers
    assert (caller.key_id, caller.label) == ("null", "no")
    assert (caller.subject, caller.team, caller.repos) == (subject, team, tuple(repos))


UNTIL = "2026-12-01T00:00:00Z"


def test_limits_and_a_predecessor_are_read() -> None:
    text = with_entry(
        *GOOD,
        f"previous: {{until: '{UNTIL}', hash: {OTHER}}}",
        "tasks: [code]",
        "zones: [on_prem]",
        "clearance: internal",
        "may: [explain, on_behalf_of]",
    )
    entry = read_keys(load_text(text, "keys.yaml")).entry("ann")
    assert entry is not None
    assert entry.previous is not None
    assert (entry.previous.hash, entry.previous.until.isoformat()) == (
        OTHER,
        "2026-12-01T00:00:00+00:00",
    )
    assert (entry.tasks, entry.zones, entry.clearance) == (("code",), ("on_prem",), "internal")
    assert entry.may == ("explain", "on_behalf_of")


@pytest.mark.parametrize(
    ("line", "place", "what"),
    [
        ("tasks: []", "/keys/ann/tasks", "would allow nothing"),
        ("zones: []", "/keys/ann/zones", "would allow nothing"),
        ("may: [everything]", "/keys/ann/may", "Invalid enum value"),
        (f"previous: {{until: '{UNTIL}'}}", "/keys/ann/previous", "earlier `hash`"),
        (f"previous: {{until: '{UNTIL}', generation: 1}}", "/keys/ann/previous", "earlier `hash`"),
        (
            f"previous: {{until: '2026-12-01T00:00:00', hash: {OTHER}}}",
            "/keys/ann/previous",
            "time zone",
        ),
        (f"previous: {{until: '{UNTIL}', hash: 'sha256:1'}}", "/keys/ann/previous", "64 hexa"),
        (f"previous: {{until: '{UNTIL}', hash: {DIGEST}}}", "/keys/ann/previous", "hash of `ann`"),
    ],
)
def test_what_is_wrong_in_limits_is_told_with_its_place(line, place, what) -> None:
    (problem,) = problems(with_entry(*GOOD, line))
    assert problem.path == place
    assert what in problem.what


@pytest.mark.parametrize(
    "text",
    [
        "# ours\n" + with_entry(*GOOD) + "\n# the end\n",
        with_entry(*GOOD, "repos:", "  - a # one", "", "# not yet") + "  bob: {}\n",
        f"version: 1\nkeys: {{ann: {{hash: '{DIGEST}', subject: a, team: b}}}} # all\n",
    ],
)
def test_a_change_of_a_key_loses_nothing(text: str) -> None:
    after = change_key(text, "ann", {"revoked": True, "hash": OTHER})
    assert "revoked: true" in after
    assert after.replace("revoked: true", "").count("#") == text.count("#")
    kept = after.splitlines()
    lost = [line for line in text.splitlines() if line not in kept]
    assert all("hash" in line for line in lost)
    again = change_key(after, "ann", {"revoked": False})
    assert again == after.replace("revoked: true", "revoked: false")


@pytest.mark.parametrize("text", ["", with_entry(*GOOD), "version: 1\nkeys: {bob: {}}\n"])
def test_what_is_no_key_is_not_changed(text: str) -> None:
    with pytest.raises(KeyFileError):
        change_key(text, "bob", {"revoked": True})
