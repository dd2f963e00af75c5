"""`perimeter policy`: what a policy says, and what a change of it would do, before it serves."""

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from gateway.cli import policy_explain
from gateway.config.files import load
from gateway.domain.decision import Effect
from gateway.ledger.paths import LedgerPaths
from tests.doubles.gateway_folders import Template, ran
from tests.doubles.ledgers import a_boot, a_new_ledger
from tests.doubles.records import a_decision, an_id
from tests.doubles.running_gateway import OFFERING, ROOT
from tests.flow.test_replay import a_store, recorded

POLICIES = ROOT / "policies"
HOSTS = ("10.0.0.5", "198.51.100.7", "192.0.2.7")
EXAMPLES = ("eu-bank", "us-defence", "hospital", "software-company")
NODE = """\
version: 1
origin: tests/example
listeners: {data: {host: 127.0.0.1, port: 0}, admin: {host: 127.0.0.1, port: 0}}
paths: {policy: POLICY, models: models, keys: keys.yaml}
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    return Template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def node(template: Template, tmp_path: Path) -> Path:
    """The demo's node with a policy of its own to change, and an engine in each zone."""
    folder = tmp_path / "node"
    shutil.copytree(template.folder, folder)
    shutil.copytree(POLICIES / "demo", folder / "policy")
    text = (folder / "perimeter.yaml").read_text()
    (folder / "perimeter.yaml").write_text(text.replace(str(POLICIES / "demo"), "./policy"))
    engines(folder, {"on_prem": "http://127.0.1.1:9", "frontier": "http://127.0.2.1:9"})
    return folder / "perimeter.yaml"


def engines(folder: Path, urls: dict[str, str]) -> None:
    """Write one engine and one model in each zone, and a task that falls back through all."""
    models = folder / "models"
    names = {zone: zone.replace("_", "-") for zone in urls}
    listed = "".join(
        f'  {name}: {{kind: vllm, url: "{urls[zone]}", zone: {zone}}}\n'
        for zone, name in names.items()
    )
    offered = "".join(
        f"  {name}-model:{OFFERING.format(backend=name, model=f'{name}-model')}"
        for name in names.values()
    )
    (models / "backends.yaml").write_text(f"version: 1\nbackends:\n{listed}")
    (models / "catalog.yaml").write_text(f"version: 1\nmodels:\n{offered}")
    order = ", ".join(f"{name}-model" for name in reversed(names.values()))
    (models / "tasks.yaml").write_text(f"code: [{order}]\n")


def edit(node: Path, name: str, old: str, new: str) -> None:
    file = node.parent / "policy" / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_cases_are_played_and_each_rule_is_counted(node: Path) -> None:
    done = ran("policy", "test", str(node), "--strict")
    assert done.code == 0, done.err
    assert "27 of 27 cases hold" in done.out
    assert "rule no-export-control: held in 2 cases, made the answer in 0" in done.out
    assert "4 of 4 rules are exercised" in done.out


def test_a_rule_that_no_case_exercises_is_named(node: Path) -> None:
    more = "rules:\n  - {id: forgotten, effect: deny, when: {team: nobody}, zones: any}\n"
    edit(node, "policy.yaml", "rules:\n", more)
    done = ran("policy", "test", str(node))
    assert done.code == 0
    assert "no case exercises rule forgotten" in done.err
    assert "4 of 5 rules are exercised" in done.out
    assert ran("policy", "test", str(node), "--strict").code == 1


def test_a_case_that_does_not_hold_fails(node: Path) -> None:
    edit(node, "policy.yaml", "level_max: internal", "level_max: public")
    done = ran("policy", "test", str(node))
    assert done.code == 1
    assert "a key that binds nothing has the default label" in done.err


def test_the_matrix_says_why_for_each_offering(node: Path) -> None:
    done = ran(
        "policy", "matrix", str(node), "--label", "restricted+pii+secret", "--label", "public"
    )
    assert done.code == 0
    assert [line.split(maxsplit=3) for line in done.out.splitlines()[1:]] == [
        ["restricted+pii+secret", "frontier", "frontier-model@frontier", "no: clearance"],
        ["restricted+pii+secret", "on_prem", "on-prem-model@on-prem", "yes"],
        ["public", "frontier", "frontier-model@frontier", "yes"],
        ["public", "on_prem", "on-prem-model@on-prem", "yes"],
    ]
    whole = ran("policy", "matrix", str(node)).out
    assert "public+export-control" in whole
    unknown = ran("policy", "matrix", str(node), "--label", "nonsense")
    assert (unknown.code, unknown.out) == (2, "")


def test_invariants_are_proven_over_every_name_and_offering(node: Path) -> None:
    done = ran("policy", "prove", str(node))
    assert done.code == 0
    assert "invariant restricted-never-leaves: holds" in done.out
    assert "on-prem-model@on-prem, by code, on-prem-model" in done.out
    assert "3 of 3 invariants hold, over 3 names and 2 offerings" in done.out
    assert "BREAKS" not in done.out


def test_an_invariant_that_does_not_hold_names_the_offering_and_the_task(node: Path) -> None:
    edit(node, "zones.yaml", "level: internal", "level: restricted")
    edit(
        node, "policy.yaml", "{level_min: restricted}\n    zones: [on_prem]",
        "{level_min: restricted}\n    zones: [on_prem, frontier]",
    )  # fmt: skip
    done = ran("policy", "prove", str(node))
    assert done.code == 1
    assert "invariant restricted-never-leaves: does not hold" in done.out
    assert "invariant secrets-never-leave: holds" in done.out
    assert "restricted BREAKS IT: may be in frontier" in done.out
    assert "frontier-model@frontier, by code, frontier-model" in done.out
    assert "label restricted may reach zone frontier" in done.err


def asking(tmp_path: Path, **said: object) -> Path:
    body = {"model": "code", "messages": [{"role": "user", "content": "hello"}]}
    file = tmp_path / "request.json"
    file.write_bytes(msgspec.json.encode({"body": body, **said}))
    return file


def test_explain_judges_the_request_of_a_key_and_sends_nothing(node: Path, tmp_path: Path) -> None:
    file = asking(tmp_path, key="web", headers={"x-perimeter-label": "restricted"})
    done = ran("policy", "explain", str(file), str(node))
    assert done.code == 0, done.err
    for line in (
        "The label is restricted.",
        "Signal: claim:label says restricted.",
        "Rule: restricted-stays-home.",
        "Not in zone frontier: clearance.",
        "Candidate 1: on-prem-model@on-prem in zone on_prem.",
        "Not frontier-model@frontier: clearance.",
        "Nothing was sent, and nothing was recorded.",
    ):
        assert line in done.out.splitlines()


def test_explain_scans_and_repeats_no_word_of_the_body(node: Path, tmp_path: Path) -> None:
    token = "ghp_Zq3vR8kLm2Nx7Wd5Tb9Yc4Hf6Js1Pg0AeUiO"
    body = {"model": "code", "messages": [{"role": "user", "content": f"TOKEN={token}"}]}
    file = asking(tmp_path, caller={"team": "web", "repos": ["website"]}, body=body)
    done = ran("policy", "explain", str(file), str(node))
    assert "The label is restricted+secret." in done.out
    assert "Found: github-pat." in done.out
    assert token not in done.out + done.err


def test_explain_reads_claims_of_the_path_and_other_surfaces(node: Path, tmp_path: Path) -> None:
    body = {"model": "code", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
    file = asking(tmp_path, caller={"team": "web"}, path="/r/payments/v1/messages", body=body)
    done = ran("policy", "explain", str(file), str(node))
    assert "Signal: claim:path says restricted." in done.out


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [
        ({}, 2, "give either"),
        ({"key": "web", "caller": {"team": "x"}}, 2, "give either"),
        ({"key": "nobody-here"}, 2, "no key of that id"),
        ({"key": "web", "sent_to": "x"}, 2, "is no JSON of the form"),
        ({"key": "web", "path": "/v1/nowhere"}, 1, "refused before policy spoke"),
        ({"key": "web", "headers": {"x-perimeter-label": "x"}}, 1, "refused before policy"),
        ({"key": "web", "body": {"model": "code"}}, 1, "refused before policy spoke"),
    ],
    ids=["nobody", "both", "unknown-key", "unknown-field", "path", "label", "body"],
)
def test_what_cannot_be_judged_is_told(
    node: Path, tmp_path: Path, said: dict, code: int, told: str
) -> None:
    done = ran("policy", "explain", str(asking(tmp_path, **said)), str(node))
    assert done.code == code
    assert told in done.out + done.err


def an_example(template: Template, folder: Path, policy: Path) -> str:
    """A node with that policy and an engine in each of its zones, at an address for examples."""
    shutil.copytree(template.folder, folder)
    (folder / "keys.yaml").write_text("version: 1\nkeys: {}\n")
    (folder / "perimeter.yaml").write_text(NODE.replace("POLICY", str(policy)))
    zones = load(policy / "zones.yaml").value["zones"]
    urls = {
        zone: f"{'http' if entry.get('premises') else 'https'}://{host}:8443"
        for (zone, entry), host in zip(zones.items(), HOSTS, strict=True)
    }
    engines(folder, urls)
    return str(folder / "perimeter.yaml")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_worked_example_is_checked_tested_and_proven(
    template: Template, tmp_path: Path, name: str
) -> None:
    node = an_example(template, tmp_path / "node", POLICIES / name)
    for words in (("check",), ("policy", "test", "--strict"), ("policy", "prove")):
        done = ran(*words, node)
        assert done.code == 0, done.out[-2000:] + done.err
    assert "does not hold" not in done.out


@pytest.mark.parametrize("region", ["eu-west-2", "eu-central-2"])
def test_a_cloud_region_outside_the_union_is_noticed_by_the_cases_of_the_bank(
    template: Template, tmp_path: Path, region: str
) -> None:
    policy = Path(shutil.copytree(POLICIES / "eu-bank", tmp_path / "policy"))
    zones = (policy / "zones.yaml").read_text()
    moved = zones.replace("[eu-central-1, eu-west-1]", f"[eu-central-1, {region}]")
    assert moved != zones
    (policy / "zones.yaml").write_text(moved)
    done = ran("policy", "test", an_example(template, tmp_path / "node", policy))
    assert done.code == 1
    assert "case 'an app of the branches stays in the Union'" in done.err


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerPaths:
    """A ledger with one decision of the flow, one that was refused, and one without its facts."""
    paths = a_new_ledger(tmp_path)
    store = a_store()
    refused = replace(a_decision(effect=Effect.REFUSED), reason="malformed")

    async def write() -> None:
        async with a_boot(paths) as opened:
            for value in store.values():
                await opened.store_document(value)
            record = replace(recorded(store), boot=opened.boot)
            for name, more in (
                ("one", {}),
                ("two", {"decision": refused, "ask": None, "facts": None}),
                ("three", {"facts": None}),
            ):
                await opened.append([(replace(record, id=an_id(name), **more), None)])

    asyncio.run(write())
    return paths


def policies(tmp_path: Path, old: str = "", new: str = "", name: str = "policy.yaml") -> list[str]:
    """The default policy twice, the second one with a change."""
    folders = [tmp_path / "old", tmp_path / "new"]
    for folder in folders:
        shutil.copytree(POLICIES / "default", folder)
    file = folders[1] / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return [str(folder) for folder in folders]


def diff(tmp_path: Path, ledger: LedgerPaths, *change: str) -> tuple[int, str]:
    folders = policies(tmp_path, *change)
    done = ran("policy", "diff", *folders, "--ledger", str(ledger.ledger))
    assert done.err == ""
    return done.code, done.out


def test_an_equal_policy_changes_nothing(tmp_path: Path, ledger: LedgerPaths) -> None:
    code, out = diff(tmp_path, ledger)
    assert "1 would be the same" in out
    assert "0 would change" in out
    assert "3 decisions are recorded" in out
    assert "perimeter verify says whether it is whole" in out
    # What cannot be replayed is not known to be the same, so the answer is not yes.
    assert "1 cannot be replayed\n  1 the record holds no facts" in out
    assert "1 refused before policy spoke" in out
    assert code == 1


def test_a_narrower_rule_is_told_with_the_record(tmp_path: Path, ledger: LedgerPaths) -> None:
    code, out = diff(
        tmp_path, ledger, "{level_max: internal}\n    zones: [on_prem, frontier]",
        "{level_max: internal}\n    zones: [on_prem]",
    )  # fmt: skip
    assert code == 1
    assert "1 would have a narrower boundary" in out
    assert f"{an_id('one')} would have a narrower boundary" in out
    assert "  old: permit internal in frontier, on_prem (permitted), first claude-opus" in out
    assert "  new: permit internal in on_prem (permitted), first qwen3-coder-30b@vllm" in out


def test_a_policy_that_permits_no_more_is_told(tmp_path: Path, ledger: LedgerPaths) -> None:
    _, out = diff(tmp_path, ledger, "{level_max: internal}", "{level_max: public}")
    assert "1 would go from permit to deny" in out
    assert "in nowhere (no_rule_matched), no candidate" in out


def test_what_is_evidence_now_is_stated_again(tmp_path: Path, ledger: LedgerPaths) -> None:
    _, out = diff(tmp_path, ledger, "default: internal", "default: restricted")
    assert "1 would have a narrower boundary" in out
    assert "new: permit restricted in on_prem" in out


def test_a_rule_about_what_the_record_does_not_say_is_not_guessed(
    tmp_path: Path, ledger: LedgerPaths
) -> None:
    _, out = diff(
        tmp_path, ledger, "rules:\n",
        "rules:\n  - {id: no-curl, effect: deny, when: {client: curl}, zones: any}\n",
    )  # fmt: skip
    assert "0 would be the same" in out
    assert "1 the record does not say which client it was" in out


def test_a_ledger_that_cannot_be_read_is_unusable(tmp_path: Path, ledger: LedgerPaths) -> None:
    for document in ledger.folder.documents.iterdir():
        document.write_bytes(b"[]")
    done = ran("policy", "diff", *policies(tmp_path), "--ledger", str(ledger.ledger))
    assert done.code == 2
    assert "is not what its digest says" in done.err


def test_other_answers_are_told_apart(tmp_path: Path, ledger: LedgerPaths) -> None:
    rule = "rules:\n  - {id: keep, effect: oblige, when: {any: true}, obligations: [no_store]}\n"
    _, out = diff(tmp_path, ledger, "rules:\n", rule)
    assert "1 would have other obligations" in out
    assert "obliged to no_store" in out


def test_examples_may_be_left_out_and_are_bounded(tmp_path: Path, ledger: LedgerPaths) -> None:
    folders = policies(tmp_path, "{level_max: internal}", "{level_max: public}")
    words = ("policy", "diff", *folders, "--replay", str(ledger.ledger), "--examples")
    done = ran(*words, "0")
    assert "1 would go from permit to deny" in done.out
    assert an_id("one") not in done.out
    with pytest.raises(SystemExit):
        ran(*words, "1001")


def test_too_many_labels_for_a_proof_are_told(node: Path) -> None:
    more = ", ".join(f"more-{number}" for number in range(18))
    edit(node, "policy.yaml", "caveats: [pii,", f"caveats: [{more}, pii,")
    done = ran("policy", "prove", str(node))
    assert done.code == 1
    assert "are more than can be proven" in done.err
    assert done.out == ""


def test_explain_tells_duties_shadows_and_what_nobody_may_answer(
    node: Path, tmp_path: Path
) -> None:
    rules = (
        "rules:\n"
        "  - {id: keep, effect: oblige, when: {any: true}, obligations: [no_store]}\n"
        "  - {id: watched, effect: deny, when: {team: web}, zones: any, mode: shadow}\n"
    )
    edit(node, "policy.yaml", "rules:\n", rules)
    file = asking(tmp_path, caller={"team": "web", "label": "internal"})
    out = ran("policy", "explain", str(file), str(node)).out
    assert "Obliged to: no_store." in out
    assert "In the shadow, watched would have made it: deny." in out
    body = {"model": "frontier-model", "messages": [{"role": "user", "content": "hello"}]}
    file = asking(tmp_path, caller={"team": "web", "label": "restricted"}, body=body)
    done = ran("policy", "explain", str(file), str(node))
    assert done.code == 1
    assert "Not frontier-model@frontier: clearance." in done.out


def test_a_request_file_that_is_absent_or_too_large_is_unusable(
    node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ran("policy", "explain", str(tmp_path / "absent"), str(node)).code == 2
    monkeypatch.setattr(policy_explain, "FILE_BYTES_MAX", 10)
    done = ran("policy", "explain", str(asking(tmp_path, key="web")), str(node))
    assert done.code == 2
    assert "larger than 10 bytes" in done.err
