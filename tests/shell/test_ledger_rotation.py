"""A new key is announced under the old one; until the next shard neither signs alone."""

from pathlib import Path

import pytest

from gateway.audit import checkpoint
from gateway.audit.canonical import decode
from gateway.audit.checkpoint import NoteRefused
from gateway.audit.record import Admin
from gateway.audit.tree import leaf_hash, root_of
from gateway.audit.verify import Verdict
from gateway.domain.errors import ChainBroken, LedgerUnavailable
from gateway.ledger import frames, signing
from gateway.ledger.files import Files
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerFolder, LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.shards import shards
from gateway.ledger.signers import KeyFiles, Signers
from gateway.ledger.signing import SigningKey
from gateway.ledger.verify import verify_folder
from tests.doubles.ledgers import a_boot, a_new_ledger, check_log, ledger_paths, opened, serve

pytestmark = pytest.mark.anyio


def key_files(paths: LedgerPaths) -> KeyFiles:
    return KeyFiles(paths.signing_key, Files())


def is_signed_by(folder: LedgerFolder, key: SigningKey) -> bool:
    name = folder.origin.read_text().strip()
    try:
        checkpoint.verify(folder.checkpoint.read_text(), key.under(name).vkey)
    except NoteRefused:
        return False
    return True


async def rotated(root: Path) -> tuple[LedgerPaths, SigningKey, SigningKey]:
    """Return a ledger in whose only shard a key was announced, with the old key and the new one."""
    paths = a_new_ledger(root)
    async with a_boot(paths) as ledger:
        await serve(ledger)
    old, new = signing.load(paths.signing_key), key_files(paths).wait()
    async with a_boot(paths) as ledger:
        await serve(ledger)
    return paths, old, new


def sign_again(folder: LedgerFolder, *keys: SigningKey) -> None:
    """Publish the checkpoint of what lies there, signed with these keys alone."""
    entries = [stored.entry for stored in Reading(folder)]
    name = folder.origin.read_text().strip()
    text = checkpoint.body(name, len(entries), root_of(map(leaf_hash, entries)))
    folder.checkpoint.write_text(checkpoint.sign(text, name, *(key.private for key in keys)))


async def test_both_keys_sign_until_the_shard_is_closed_and_the_new_one_alone_after_it(
    tmp_path: Path,
) -> None:
    paths, old, new = await rotated(tmp_path)
    assert (is_signed_by(paths.folder, old), is_signed_by(paths.folder, new)) == (True, True)
    assert signing.load(paths.signing_key).vkey == new.vkey
    records = [decode(stored.entry) for stored in Reading(paths.folder)]
    told = [one.facts for one in records if isinstance(one, Admin) and one.what == "key_rotated"]
    assert told == [{"vkey": str(new.vkey)}]
    async with a_boot(paths) as ledger:
        await serve(ledger)
        await ledger.hand_over()
        await serve(ledger)
    last = shards(paths.folder)[-1]
    assert (is_signed_by(last, old), is_signed_by(last, new)) == (False, True)
    assert not key_files(paths).former.exists()
    report = verify_folder(paths.ledger, str(old.vkey), paths.checkpoints)
    assert (report.verdict, report.decided) == (Verdict.WHOLE, 4)


async def test_the_old_key_alone_signs_no_later_checkpoint(tmp_path: Path) -> None:
    """It was stolen: what it signs after the announcement convicts whoever uses it."""
    paths, old, new = await rotated(tmp_path)
    announced = next(
        stored.index for stored in Reading(paths.folder) if b'"key_rotated"' in stored.entry
    )
    sign_again(paths.folder, old)
    forged = paths.folder.checkpoint.read_text()
    report = verify_folder(paths.ledger, str(old.vkey))
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, announced)
    assert "not signed with the key" in report.reason
    sign_again(paths.folder, old, new)
    assert verify_folder(paths.ledger, str(old.vkey)).verdict is Verdict.WHOLE
    report = verify_folder(paths.ledger, str(old.vkey), None, [forged])
    assert (report.verdict, report.first_bad) == (Verdict.TAMPERED, announced)


async def test_a_key_that_was_never_announced_signs_nothing(tmp_path: Path) -> None:
    paths, old, _ = await rotated(tmp_path)
    stranger = SigningKey(old.name, signing.Ed25519PrivateKey.generate())
    for keys in ((stranger,), (old, stranger)):
        sign_again(paths.folder, *keys)
        assert verify_folder(paths.ledger, str(old.vkey)).verdict is Verdict.TAMPERED


async def test_a_rotated_out_key_begins_no_shard(tmp_path: Path) -> None:
    paths, old, _ = await rotated(tmp_path)
    async with a_boot(paths) as ledger:
        await ledger.hand_over()
    last = shards(paths.folder)[-1]
    sign_again(last, old)
    report = verify_folder(paths.ledger, str(old.vkey))
    assert (report.verdict, report.shard) == (Verdict.TAMPERED, last.root.name)


async def test_what_the_old_key_vouches_for_is_not_adopted_after_the_announcement(
    tmp_path: Path,
) -> None:
    paths, old, _ = await rotated(tmp_path)
    stored = list(Reading(paths.folder))
    place, entry = stored[-1], stored[-1].entry.replace(b'"stopped"', b'"heartbeat"')
    forged = frames.frame(entry, place.index + 1, old.mac(place.index + 1, place.index + 1, entry))
    segment = paths.folder.segment(place.place.segment)
    segment.write_bytes(segment.read_bytes() + forged)
    with pytest.raises(ChainBroken, match="was not written by a gateway"):
        await opened(paths)


@pytest.mark.parametrize("after", ["announced", "former kept", "put in place"])
async def test_a_rotation_that_was_interrupted_is_finished(
    tmp_path: Path, after: str, monkeypatch
) -> None:
    paths = a_new_ledger(tmp_path)
    old, new = signing.load(paths.signing_key), key_files(paths).wait()
    step = {"announced": "publish", "former kept": "rename", "put in place": "sync_folder"}[after]
    files, real = Files(), KeyFiles.take_over

    def fail(*_told: object) -> None:
        raise OSError("planted")

    def take_over(self: KeyFiles, signers: Signers) -> None:
        files.publish = publish
        setattr(files, step, fail)
        real(self, signers)

    def publish(path: Path, data: bytes) -> None:
        path.write_bytes(data)
        path.chmod(0o600)

    with monkeypatch.context() as patched:
        patched.setattr(KeyFiles, "take_over", take_over)
        with pytest.raises(LedgerUnavailable, match="cannot be put in its place"):
            await opened(paths, Options(files=files))
    async with a_boot(paths) as ledger:
        await serve(ledger)
    assert signing.load(paths.signing_key).vkey == new.vkey
    assert is_signed_by(paths.folder, old)
    assert is_signed_by(paths.folder, new)
    check_log(paths)


async def test_one_key_at_a_time_waits_or_overlaps(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    key_files(paths).wait()
    with pytest.raises(LedgerUnavailable, match="waits for the next start"):
        key_files(paths).wait()
    async with a_boot(paths):
        pass
    with pytest.raises(LedgerUnavailable, match="until the shard is closed"):
        key_files(paths).wait()
    async with a_boot(paths) as ledger:
        await ledger.hand_over()
    key_files(paths).wait()
    async with a_boot(paths) as ledger:
        await serve(ledger)
    check_log(paths)


async def test_without_the_former_key_the_shard_cannot_go_on(tmp_path: Path) -> None:
    paths, _, _ = await rotated(tmp_path / "one")
    key_files(paths).former.unlink()
    with pytest.raises(ChainBroken, match="not the one of this log"):
        await opened(paths)


def test_paths_of_keys_lie_beside_the_signing_key(tmp_path: Path) -> None:
    files = key_files(ledger_paths(tmp_path))
    assert files.waiting.name == "signing.key.next"
    assert files.former.name == "signing.key.former"
