"""A ledger of several shards is handed out shard by shard, where one has records of the time."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.canonical import digest_of
from gateway.domain.errors import LedgerUnavailable
from gateway.export.bundle import About, Source
from gateway.export.chain import all_events, write_bundles
from gateway.export.selection import Asked
from gateway.ledger import signing
from gateway.ledger.create import create
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.signing import SigningKey
from tests.doubles.ledgers import INCEPTION, ORIGIN, a_boot, ledger_paths, serve
from tests.doubles.records import NOW_US, a_person
from tests.doubles.static_logs import judged

ABOUT = About("f" * 32, NOW_US, "Perimeter test")
SHARD = f"{ORIGIN}/0002-2026-12"


def a_log(root: Path, origin: str) -> LedgerPaths:
    paths = ledger_paths(root)
    create(paths, origin, NOW_US, INCEPTION)

    async def write() -> None:
        async with a_boot(paths) as ledger:
            await serve(ledger, a_person())

    asyncio.run(write())
    return paths


def source(paths: LedgerPaths) -> Source:
    return Source(paths.folder, signing.load(paths.signing_key))


@pytest.fixture
def sources(tmp_path: Path) -> list[tuple[str, Source]]:
    first, second = a_log(tmp_path / "a", ORIGIN), a_log(tmp_path / "b", SHARD)
    return [("0001", source(first)), ("0002-2026-12", source(second))]


def test_each_shard_is_a_bundle_of_its_own_and_one_file_names_them(sources, tmp_path: Path) -> None:
    out = tmp_path / "out"
    digest = write_bundles(sources, Asked(), ABOUT, out)
    data = (out / "SHARDS.json").read_bytes()
    assert digest == digest_of(data)
    for name, told in msgspec.json.decode(data).items():
        assert told == digest_of((out / name / "MANIFEST.json").read_bytes())
        assert judged(out / name, vkey=None)["verdict"] == "whole"
    assert len(list(all_events(sources, Asked(), "0"))) == 2


def test_of_one_shard_the_folder_is_its_bundle(sources, tmp_path: Path) -> None:
    digest = write_bundles(sources[:1], Asked(), ABOUT, tmp_path / "out")
    assert digest == digest_of((tmp_path / "out/MANIFEST.json").read_bytes())


def test_a_time_of_which_no_shard_has_a_record_is_no_export(sources, tmp_path: Path) -> None:
    for ask in (
        lambda: write_bundles(sources, Asked(to_us=1), ABOUT, tmp_path / "out"),
        lambda: list(all_events(sources, Asked(to_us=1), "0")),
    ):
        with pytest.raises(LedgerUnavailable, match="no record"):
            ask()


def test_a_manifest_that_a_later_key_signed_is_believed_where_that_key_is_given(
    sources, tmp_path: Path
) -> None:
    later = SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"2" * 32))
    rotated = Source(sources[0][1].folder, later)
    out = tmp_path / "out"
    write_bundles([("0001", rotated)], Asked(), ABOUT, out)
    vkey = (sources[0][1].folder.vkey).read_text()
    assert judged(out, vkey=vkey)["verdict"] == "tampered"
    assert judged(out, "--signer", later.vkey, vkey=vkey)["verdict"] == "whole"
