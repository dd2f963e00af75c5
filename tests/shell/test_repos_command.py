"""`perimeter repos`: an address explained, and an export taken in without lowering anything."""

import csv
import io
import shutil
from pathlib import Path

import msgspec
import pytest

from gateway.config import repo_export
from gateway.config.files import load
from gateway.config.repo_export import Exported, ExportError, read_export
from gateway.config.repo_text import RepoTextError, add_repos, set_label
from tests.doubles.gateway_folders import command, ran
from tests.doubles.running_gateway import ROOT

VISIBILITIES = (
    "--visibility", "public=public", "--visibility", "internal=internal",
    "--visibility", "private=confidential",
)  # fmt: skip
HOST = "https://git.example.com"
GITLAB = [
    {
        "id": 7, "visibility": "private", "description": "=HYPERLINK(1)", "name": "@evil",
        "http_url_to_repo": f"{HOST}/team/new-thing.git", "web_url": f"{HOST}/team/new-thing",
    },
    {"visibility": "private", "http_url_to_repo": f"{HOST}/web/website.git"},
    {"visibility": "public", "http_url_to_repo": f"{HOST}/payments/ledger-core.git"},
]  # fmt: skip
GITHUB = [
    {"clone_url": "https://github.com/Org/A.git", "private": True, "full_name": "Org/A"},
    {"url": "https://github.com/Org/B", "visibility": "PUBLIC"},
]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "policies" / "default", tmp_path / "policy"))


def export(policy: Path, rows, name: str = "export.json") -> tuple[str, ...]:
    path = policy.parent / name
    path.write_bytes(rows if isinstance(rows, bytes) else msgspec.json.encode(rows))
    return ("repos", "import", "--from", str(path), "--policy", str(policy))


def registry(policy: Path):
    return load(policy / "repos.yaml").value["repos"]


def check(policy: Path, url: str) -> list[str]:
    return command("repos", "check", url, "--policy", str(policy)).splitlines()


def test_an_address_is_explained(policy) -> None:
    for url in (f"{HOST}/payments/ledger-1.git", "git@GIT.example.com:payments/ledger-1"):
        told = check(policy, url)
        assert told[0] == "address git.example.com/payments/ledger-1"
        assert told[1] == "entry payments: label restricted, by its address"
        assert told[2] == "label restricted"
    assert check(policy, "payments")[0] == "entry payments: label restricted"
    stranger = check(policy, f"{HOST}/payments/ledger-199")
    assert stranger[1] == "label confidential: no entry has this address (`unregistered`)"


def test_several_entries_of_one_address_are_explained_as_their_join(policy) -> None:
    file = policy / "repos.yaml"
    entry = {"label": "confidential", "patterns": [f"{HOST}/web/*"]}
    file.write_text(add_repos(file.read_text(), {"web-all": entry}))
    told = check(policy, f"{HOST}/web/website")
    assert "entry website: label public, by its address" in told
    assert "entry web-all: label confidential, by the pattern git.example.com/web/*" in told
    assert "label confidential: the join of 2 entries" in told


@pytest.mark.parametrize("url", ["", "nonsense", f"{HOST}/a/../b", f"{HOST}/%2e%2e/b"])
def test_what_is_no_address_is_told(policy, url) -> None:
    done = ran("repos", "check", url, "--policy", str(policy))
    assert done.code == 1
    assert "repository URL" in done.err


def test_an_export_adds_and_raises_and_never_lowers(policy) -> None:
    before = (policy / "repos.yaml").read_text()
    done = ran(*export(policy, GITLAB), *VISIBILITIES)
    assert done.code == 0, done.err
    found = registry(policy)
    assert found["team-new-thing"] == {
        "label": "confidential",
        "urls": [f"{HOST}/team/new-thing"],
    }
    assert found["website"]["label"] == "confidential"
    assert found["payments"]["label"] == "restricted"
    after = (policy / "repos.yaml").read_text()
    assert all(line in after for line in before.splitlines() if "#" in line)
    assert "HYPERLINK" not in after + done.out
    again = ran(*export(policy, GITLAB), *VISIBILITIES)
    assert "0 changed" in again.err
    assert (policy / "repos.yaml").read_text() == after


def test_a_dry_run_writes_nothing(policy) -> None:
    before = (policy / "repos.yaml").read_text()
    done = ran(*export(policy, GITLAB), *VISIBILITIES, "--dry-run")
    assert "add team-new-thing" in done.out
    assert "raise website: public to confidential" in done.out
    assert (policy / "repos.yaml").read_text() == before


def test_the_exports_of_two_hosts_and_a_table_are_read(policy) -> None:
    command(*export(policy, GITHUB), *VISIBILITIES)
    assert registry(policy)["org-a"]["label"] == "confidential"
    assert registry(policy)["org-b"]["label"] == "public"
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerows([("url", "visibility", "note"), (f"{HOST}/c/d", "internal", "=1+1")])
    command(*export(policy, table.getvalue().encode(), "export.csv"), *VISIBILITIES)
    assert registry(policy)["c-d"] == {"label": "internal", "urls": [f"{HOST}/c/d"]}


def test_ids_of_two_hosts_do_not_meet(policy) -> None:
    rows = [
        {"url": "https://one.example/a/b", "visibility": "public"},
        {"url": "https://two.example/a/b", "visibility": "public"},
        {"url": f"https://two.example/{'x' * 90}", "visibility": "public"},
        {"url": "https://two.example/~+", "visibility": "public"},
    ]
    command(*export(policy, rows), *VISIBILITIES)
    found = registry(policy)
    assert found["a-b"]["urls"] == ["https://one.example/a/b"]
    assert sum(name.startswith("a-b-") for name in found) == 1
    assert all(len(name) <= 64 for name in found)
    assert "repo" in found


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--visibility", "public=public"), "--visibility private=LABEL"),
        (("--visibility", "private"), "write --visibility"),
        (("--visibility", "private=nonsense"), "unknown level"),
    ],
)
def test_every_visibility_is_given_a_label(policy, words, what) -> None:
    before = (policy / "repos.yaml").read_text()
    done = ran(*export(policy, GITLAB), *words)
    assert done.code == 1
    assert what in done.err
    assert (policy / "repos.yaml").read_text() == before


BAD = {
    "no JSON": b"{",
    "no list": b"{}",
    "no map": b"[1]",
    "no address": b'[{"visibility": "public"}]',
    "no plain address": b'[{"visibility": "public", "url": "https://a@b@c/d"}]',
    "no visibility": b'[{"url": "https://a.b/c"}]',
    "an odd visibility": b'[{"url": "https://a.b/c", "visibility": "=1"}]',
    "two visibilities": (
        b'[{"url": "https://a.b/c", "visibility": "x"}, {"url": "a.b/c", "visibility": "y"}]'
    ),
}


@pytest.mark.parametrize("raw", BAD.values(), ids=BAD.keys())
def test_an_export_that_is_not_clear_is_refused_whole(raw) -> None:
    with pytest.raises(ExportError):
        read_export(raw, table=False)


def test_an_export_has_bounds(monkeypatch) -> None:
    rows = msgspec.json.encode([{"url": f"https://a.b/{n}", "private": False} for n in range(3)])
    assert read_export(rows, table=False)[0] == Exported("a.b/0", "public")
    monkeypatch.setattr(repo_export, "EXPORTED_MAX", 2)
    with pytest.raises(ExportError, match="more than 2"):
        read_export(rows, table=False)
    monkeypatch.setattr(repo_export, "EXPORT_BYTES_MAX", 2)
    with pytest.raises(ExportError, match="larger than 2"):
        read_export(rows, table=False)
    for table in (b"url,visibility\n\xff,x", b'url,visibility\n"a', b"url\n" + b"x" * 9_000):
        with pytest.raises(ExportError):
            read_export(table, table=True)


@pytest.mark.parametrize(
    "text", ["", "[1]", "repos: [1]", "a: [", "version: 1", "repos: {a: {}}", "'repos':\n  a: {}\n"]
)
def test_a_file_of_another_form_is_left_to_a_person(text) -> None:
    with pytest.raises(RepoTextError):
        add_repos(text, {"x": {"label": "public"}})


def test_only_the_label_of_that_entry_changes() -> None:
    text = "# all\nrepos:\n  a: {label: public} # one\n  b:\n    label: public # two\n"
    assert set_label(text, "b", "top") == text.replace("public # two", '"top" # two')
    for repo in ("c", "a/label"):
        with pytest.raises(RepoTextError):
            set_label(text, repo, "top")
    with pytest.raises(RepoTextError):
        set_label("repos: {a: 1}", "a", "top")
    assert add_repos(text, {}) == text
