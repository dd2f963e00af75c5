"""An export: what is in it, what is left out, and what its verifier finds when it is changed."""

import asyncio
import html.parser
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit.canonical import decode
from gateway.audit.cosignature import cosign, cosigner_of, with_signatures
from gateway.audit.record import Admin, Attempted, Decided, Settled
from gateway.domain.decision import Effect
from gateway.domain.errors import LedgerUnavailable
from gateway.domain.route import OutcomeKind
from gateway.export.bundle import About, Source, seal_bundle, write_bundle
from gateway.export.selection import Asked
from gateway.ledger import cosigned, signing
from gateway.ledger.files import Files
from gateway.ledger.ledger import Ledger
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from tests.doubles.ledgers import IDS, a_boot, a_new_ledger, a_request, check_log, serve
from tests.doubles.records import (
    CANARIES,
    NOW_US,
    PUBLIC,
    a_decided,
    a_decision,
    a_person,
    a_settled,
)
from tests.doubles.static_logs import WITNESS, WITNESS_KEY, judged

DAY_US = 86_400_000_000
MINUTE_US = 60_000_000
EVERYTHING = Asked()
ABOUT = About("f" * 32, NOW_US, "Perimeter test")
POLICY = {"version": 1, "levels": ["public", "restricted"]}
HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e&\"'"


async def at(ledger: Ledger, ts_us: int, **fields) -> str:
    """One request at that time."""
    name = IDS.record_id()
    before, after = a_request(ledger, a_person(), name)
    told = [(replace(record, ts_us=ts_us, **_own(record, fields)), who) for record, who in before]
    await ledger.append(told)
    await ledger.append([(replace(record, ts_us=ts_us + 1), who) for record, who in after])
    return name


def _own(record, fields: dict) -> dict:
    return fields if isinstance(record, Decided) else {}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[LedgerPaths, list[str]]:
    """Requests on four days, one of them public, one denied with hostile words, one left open."""
    paths = a_new_ledger(tmp_path_factory.mktemp("made"))
    ids: list[str] = []

    async def write() -> None:
        async with a_boot(paths) as ledger:
            await ledger.store_document(POLICY, "policy")
            ids.extend([await at(ledger, NOW_US + day * DAY_US) for day in range(4)])
            ids.append(await at(ledger, NOW_US + 3 * DAY_US + 9, label=PUBLIC))
            policy = await ledger.store_document(POLICY, "policy")
            refusing = replace(a_decision(effect=Effect.DENY), because=(HOSTILE,), policy=policy)
            denied = a_decided(
                IDS.record_id(),
                boot=ledger.boot,
                ts_us=NOW_US + 3 * DAY_US + 10,
                decision=refusing,
                candidates=(),
                documents={"policy": policy},
            )
            ended = a_settled(denied.id, boot=ledger.boot, outcome=OutcomeKind.REFUSED)
            await ledger.append([(denied, None)])
            await ledger.append([(replace(ended, ts_us=denied.ts_us), None)])
            await ledger.record("quarantined", {"backend": HOSTILE})
            await serve(ledger, a_person())

    asyncio.run(write())
    check_log(paths)
    return paths, ids


def exported(paths: LedgerPaths, out: Path, asked: Asked = EVERYTHING, **more) -> Path:
    source = Source(paths.folder, signing.load(paths.signing_key), **more)
    seal_bundle(source, write_bundle(source, asked, ABOUT, out), out)
    return out


def verdict(out: Path, *words: object, vkey: str | None = None) -> dict:
    return judged(out, *words, vkey=vkey)


def lines(out: Path) -> list[dict]:
    return [msgspec.json.decode(one) for one in (out / "records.jsonl").read_bytes().splitlines()]


def test_a_whole_log_is_exported_and_found_whole_by_its_own_verifier(made, tmp_path: Path) -> None:
    paths, _ = made
    out = exported(paths, tmp_path / "out")
    report = verdict(out, vkey=paths.folder.vkey.read_text())
    own = check_log(paths)
    assert (report["verdict"], report["records"]) == ("whole", own.records), report
    assert report["documents"] == 1
    assert [one["entry"].encode() for one in lines(out)] == [
        stored.entry for stored in Reading(paths.folder)
    ]
    assert (out / "tile/entries").is_dir()
    assert (out / "verify_bundle.py").read_bytes() == (
        Path(__file__).parents[2] / "gateway/export/verify_bundle.py"
    ).read_bytes()


def test_an_export_of_a_day_holds_its_records_and_shows_that_none_is_left_out(
    made, tmp_path: Path
) -> None:
    paths, ids = made
    asked = Asked(NOW_US + DAY_US, NOW_US + 2 * DAY_US - MINUTE_US)
    out = exported(paths, tmp_path / "out", asked)
    told = lines(out)
    records = [decode(one["entry"].encode()) for one in told]
    assert [record.id for record in records[1:-1]] == [ids[1]] * 3
    assert [one["index"] for one in told] == list(
        range(told[0]["index"], told[0]["index"] + len(told))
    )
    assert records[0].ts_us < asked.from_us <= records[1].ts_us
    assert records[-1].ts_us >= asked.to_us
    assert not (out / "tile/entries").exists()
    report = verdict(out)
    assert report["verdict"] == "whole", report
    assert report["size"] == check_log(paths).records


@pytest.mark.parametrize("at_end", [0, -1])
def test_an_export_that_leaves_out_the_ends_of_its_time_is_noticed(
    made, tmp_path: Path, at_end: int
) -> None:
    """The exporter holds the signing key here: the manifest is right, and the records tell."""
    paths, _ = made
    asked = Asked(NOW_US + DAY_US, NOW_US + 2 * DAY_US)
    source = Source(paths.folder, signing.load(paths.signing_key))
    out = tmp_path / "out"
    manifest = write_bundle(source, asked, ABOUT, out)
    kept = (out / "records.jsonl").read_bytes().splitlines(keepends=True)
    cut = kept[1:] if at_end == 0 else kept[:-1]
    (out / "records.jsonl").write_bytes(b"".join(cut))
    run = manifest.selection
    moved = replace(run, first=run.first + 1) if at_end == 0 else replace(run, last=run.last - 1)
    seal_bundle(source, replace(manifest, selection=moved), out)
    report = verdict(out)
    assert report["verdict"] == "tampered"
    assert (
        "of the time that it names" in report["reason"]
        or "the time that it names" in (report["reason"])
    )


def test_a_record_in_the_middle_that_is_left_out_is_noticed(made, tmp_path: Path) -> None:
    paths, _ = made
    source = Source(paths.folder, signing.load(paths.signing_key))
    out = tmp_path / "out"
    manifest = write_bundle(source, Asked(NOW_US + DAY_US), ABOUT, out)
    kept = (out / "records.jsonl").read_bytes().splitlines(keepends=True)
    (out / "records.jsonl").write_bytes(b"".join([*kept[:3], *kept[4:]]))
    seal_bundle(source, manifest, out)
    report = verdict(out)
    missing = msgspec.json.decode(kept[3])["index"]
    assert (report["verdict"], report["first_bad"]) == ("tampered", missing), report


@pytest.mark.parametrize("label", ["public", "restricted", "pii"])
def test_an_export_of_a_label_holds_its_requests_and_every_admin_record(
    made, tmp_path: Path, label: str
) -> None:
    paths, ids = made
    out = exported(paths, tmp_path / "out", Asked(labels=(label,)))
    records = [decode(one["entry"].encode()) for one in lines(out)]
    requests = {one.id for one in records if isinstance(one, Decided)}
    assert (ids[4] in requests, ids[0] in requests) == (label == "public", label != "public")
    others = {one.id for one in records if isinstance(one, Attempted | Settled)}
    assert others <= requests
    stored = [decode(one.entry) for one in Reading(paths.folder)]
    admins = [one for one in stored if isinstance(one, Admin)]
    assert [one for one in records if isinstance(one, Admin)] == admins
    report = verdict(out)
    assert report["verdict"] == "whole", report


def test_a_time_without_records_is_no_export(made, tmp_path: Path) -> None:
    paths, _ = made
    with pytest.raises(LedgerUnavailable):
        exported(paths, tmp_path / "out", Asked(to_us=1))
    assert not (tmp_path / "out").exists()


def test_a_redacted_export_names_nobody(made, tmp_path: Path) -> None:
    paths, _ = made
    out = exported(paths, tmp_path / "out")
    looked = [path for path in out.rglob("*") if path.is_file()]
    assert len(looked) > 8
    for path in looked:
        data = path.read_bytes()
        assert [name for name in CANARIES if name.encode() in data] == [], path.name


def test_a_full_export_holds_what_was_opened_and_says_so(made, tmp_path: Path) -> None:
    paths, ids = made
    out = exported(paths, tmp_path / "out", opened=lambda record: {"subject": record.id[:3]})
    told = [msgspec.json.decode(one) for one in (out / "personal.jsonl").read_bytes().splitlines()]
    assert {one["id"] for one in told} >= set(ids)
    assert msgspec.json.decode((out / "MANIFEST.json").read_bytes())["profile"] == "full"
    assert verdict(out)["verdict"] == "whole"


class Page(html.parser.HTMLParser):
    """Collects the elements of a page and every address in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [f"{name}={value}" for name, value in attrs if name in _LEADS_AWAY]


_LEADS_AWAY = {"src", "href", "action", "data", "poster", "background", "srcset", "formaction"}


def test_the_report_is_a_page_without_script_and_without_anything_from_outside(
    made, tmp_path: Path
) -> None:
    paths, _ = made
    text = (exported(paths, tmp_path / "out") / "REPORT.html").read_text()
    page = Page()
    page.feed(text)
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "thead",
        "tbody", "tr", "th", "td", "pre", "code",
    }  # fmt: skip
    assert page.addresses == []
    assert not re.search(r"url\(|@import|https?:", text)
    assert "default-src 'none'" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u001b[2J\\u202e&amp;" in text
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text
    )
    for told in ("restricted+pii@DE,FR", "on_prem", "deny", "verify_bundle.py"):
        assert told in text
    assert "None lies outside" in text
    # Printed: no row is cut in two, each page of a table has its head, no margin of the screen.
    for rule in (
        "@media print { body { margin: 0; max-width: none; } }",
        "tr { break-inside: avoid; } thead { display: table-header-group; }",
    ):
        assert rule in text


def test_the_report_counts_attempts_by_label_and_zone(made, tmp_path: Path) -> None:
    paths, _ = made
    text = (exported(paths, tmp_path / "out") / "REPORT.html").read_text()
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", text)]
    assert ["public", "on_prem", "vllm", "1"] in cells
    assert ["restricted+pii@DE,FR", "on_prem", "vllm", "5"] in cells


def bent(data: bytes) -> bytes:
    return data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]


def test_every_file_that_is_changed_or_missing_or_added_is_noticed(made, tmp_path: Path) -> None:
    paths, _ = made
    whole = exported(paths, tmp_path / "whole", Asked(NOW_US + DAY_US))
    names = [path.relative_to(whole) for path in whole.rglob("*") if path.is_file()]
    assert len(names) >= 9
    for number, name in enumerate(names):
        out = tmp_path / str(number)
        for change in (bent, None):
            shutil.copytree(whole, out)
            if change is None:
                (out / name).unlink()
            else:
                (out / name).write_bytes(change((out / name).read_bytes()))
            vkey = paths.folder.vkey.read_text()
            assert verdict(out, vkey=vkey)["verdict"] in {"tampered", "unreadable"}, (name, change)
            shutil.rmtree(out)
    (whole / "more").write_text("x")
    assert "is in no list" in verdict(whole)["reason"]


CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "edited": lambda kept: [*kept[:2], kept[2].replace(b"on_prem", b"on_pram"), *kept[3:]],
    "deleted": lambda kept: [*kept[:2], *kept[3:]],
    "swapped": lambda kept: [*kept[:2], kept[3], kept[2], *kept[4:]],
    "inserted": lambda kept: [*kept[:2], kept[2], kept[2], *kept[3:]],
    "cut off": lambda kept: kept[:2],
    "no record": lambda kept: [*kept[:2], b"{}\n", *kept[3:]],
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_changed_record_of_an_export_is_named_although_its_manifest_was_signed_again(
    made, tmp_path: Path, how: str
) -> None:
    """Whoever holds the signing key can sign a manifest; the tree of the log he cannot change."""
    paths, _ = made
    source = Source(paths.folder, signing.load(paths.signing_key))
    out = tmp_path / "out"
    manifest = write_bundle(source, Asked(NOW_US + DAY_US), ABOUT, out)
    kept = (out / "records.jsonl").read_bytes().splitlines(keepends=True)
    at_third = msgspec.json.decode(kept[2])["index"]
    edited_entry = CHANGES[how](kept)
    (out / "records.jsonl").write_bytes(b"".join(edited_entry))
    seal_bundle(source, manifest, out)
    report = verdict(out)
    assert report["verdict"] == "tampered", report
    if how != "no record":
        near = {at_third, at_third + 1} if how in {"swapped", "edited", "inserted"} else {at_third}
        assert report["first_bad"] in near, report


def test_what_witnesses_signed_goes_with_the_export(made, tmp_path: Path) -> None:
    paths, _ = made
    note = paths.folder.checkpoint.read_text()
    line = cosign(note, WITNESS, WITNESS_KEY, 1_795_262_400)
    shutil.copytree(paths.ledger, tmp_path / "ledger")
    folder = replace(paths, ledger=tmp_path / "ledger").folder
    cosigned.keep(folder, Files(), with_signatures(note, [line]))
    key = cosigner_of(WITNESS, WITNESS_KEY)
    source = Source(
        folder, signing.load(paths.signing_key), cosigned.cosigned_of(folder), (str(key),)
    )
    out = tmp_path / "out"
    seal_bundle(source, write_bundle(source, Asked(), ABOUT, out), out)
    report = verdict(out, "--cosigner", key)
    assert report["cosigned_s"] == {WITNESS: 1_795_262_400}
    assert report["checkpoints"] == 1
    assert (out / "cosigners").read_text() == f"{key}\n"


def test_only_what_can_be_read_is_kept_of_witnesses_and_the_oldest_go(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    assert cosigned.cosigned_of(paths.folder) == ()
    cosigned.keep(paths.folder, Files(), paths.folder.checkpoint.read_text())
    place = paths.ledger / "cosigned"
    (place / ("9" * 20)).write_bytes(b"\xff")
    (place / "other").write_text("x")
    assert [size for size, _ in cosigned.cosigned_of(paths.folder)] == [1]
