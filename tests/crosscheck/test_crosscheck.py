"""Our logs read by Go's `sumdb/tlog` and `note`, and Go's logs read by us: both must agree."""

import asyncio
import os
import subprocess
from base64 import b64decode
from functools import cache
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit import checkpoint
from gateway.audit.cosignature import cosign, cosigner_of, with_signatures
from gateway.audit.tiles import ENTRIES, Tile, TiledTree, Tiling, tiles_of, unbundle
from gateway.audit.tree import Head, leaf_hash, verify_consistency, verify_inclusion
from gateway.export.static_log import write_static_log
from tests.doubles.ledgers import a_boot, a_new_ledger, serve
from tests.doubles.records import a_person

pytestmark = pytest.mark.crosscheck

SOURCE = Path(__file__).with_name("crosscheck.go")
# Where Debian's golang-golang-x-mod-dev puts the packages that are asked.
GO_PATH = "/usr/share/gocode"
GO_S_MAX = 300
ORIGIN = "perimeter.example/crosscheck"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = "witness.example/w1"
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
TIME_S = 1_795_262_400
SIZES = [1, 2, 3, 255, 256, 257, 511, 512, 70_000, 65_536]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("go")
    built = folder / "crosscheck"
    env = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": GO_PATH,
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    subprocess.run(["go", "build", "-o", built, SOURCE], env=env, check=True, timeout=GO_S_MAX)
    return built


def go(program: Path, *words: object, told: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *map(str, words)],
        input=told,
        capture_output=True,
        text=True,
        timeout=GO_S_MAX,
        check=False,
    )


def asked(size: int) -> list[int]:
    """Return the records that are proven: the edges of every tile, and some between."""
    edges = {0, 1, 2, 254, 255, 256, 257, 511, 512, size // 3, size // 2, size - 2, size - 1}
    return sorted(edges & set(range(size)))


def entry(index: int) -> bytes:
    return b"entry \x00 %d of python \xff" % index


@cache
def tiles(size: int) -> dict[str, bytes]:
    tiling = Tiling()
    made: dict[str, bytes] = {}
    for index in range(size):
        made |= {tile.path: data for tile, data in tiling.append(entry(index))}
    made |= {tile.path: data for tile, data in tiling.rest()}
    text = checkpoint.body(ORIGIN, size, tiling.head.root)
    note = checkpoint.sign(text, ORIGIN, KEY)
    note = with_signatures(note, [cosign(note, WITNESS, WITNESS_KEY, TIME_S)])
    return made | {"checkpoint": note.encode()}


def written(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def keys() -> tuple[str, str]:
    return str(checkpoint.vkey_of(ORIGIN, KEY)), str(cosigner_of(WITNESS, WITNESS_KEY))


def decoded(texts: list[str] | None) -> tuple[bytes, ...]:
    return tuple(b64decode(text) for text in texts or ())


def agreed(program: Path, root: Path, size: int, keys: tuple[str, str]) -> None:
    """Go verifies what is there, and its proofs are byte for byte those that we compute."""
    said = go(program, "read", root, *keys, *asked(size))
    assert said.returncode == 0, said.stderr
    proofs = msgspec.json.decode(said.stdout)
    assert [one["index"] for one in proofs] == asked(size)
    tree = TiledTree(size, lambda tile: (root / tile.path).read_bytes())
    for proof in proofs:
        index = proof["index"]
        assert b64decode(proof["leaf"]) == tree.leaf(index)
        assert decoded(proof["inclusion"]) == tree.inclusion(index, size)
        assert decoded(proof["consistency"]) == tree.consistency(index, size)
        if index:
            assert b64decode(proof["old_root"]) == tree.root(index)


@pytest.mark.parametrize("size", SIZES)
def test_go_verifies_our_tiles_and_computes_the_same_proofs(
    program: Path, tmp_path: Path, size: int
) -> None:
    agreed(program, written(tmp_path, tiles(size)), size, keys())


def test_go_verifies_a_ledger_that_a_gateway_wrote(program: Path, tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path / "gw")

    async def write() -> None:
        async with a_boot(paths) as ledger:
            for _ in range(100):
                await serve(ledger, a_person())

    asyncio.run(write())
    out = tmp_path / "static"
    sealed = write_static_log(paths.folder, out)
    agreed(program, out, sealed.size, (paths.folder.vkey.read_text().strip(), "-"))


@pytest.mark.parametrize("size", [3, 256, 700])
def test_go_refuses_every_tile_and_checkpoint_that_was_changed(
    program: Path, tmp_path: Path, size: int
) -> None:
    for number, name in enumerate(tiles(size)):
        data = tiles(size)[name]
        bent = data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]
        root = written(tmp_path / str(number), tiles(size) | {name: bent})
        said = go(program, "read", root, *keys(), *range(size))
        assert said.returncode == 1, name
        assert "crosscheck:" in said.stderr


@pytest.mark.parametrize("size", SIZES)
def test_we_verify_a_log_that_go_made(program: Path, tmp_path: Path, size: int) -> None:
    said = go(program, "make", tmp_path, "go.example/log", size)
    assert said.returncode == 0, said.stderr
    own, _other = msgspec.json.decode(said.stdout)
    vkey = checkpoint.parse_vkey(own)
    assert str(vkey) == own
    sealed = checkpoint.verify((tmp_path / "checkpoint").read_text(), vkey)
    head = Head(sealed.size, sealed.root)
    tree = TiledTree(size, lambda tile: (tmp_path / tile.path).read_bytes())
    assert tree.head == head
    assert all((tmp_path / tile.path).is_file() for tile in tiles_of(size))
    for index in asked(size):
        width = min(256, size - index // 256 * 256)
        tile = Tile(ENTRIES, index // 256, width)
        read = unbundle((tmp_path / tile.path).read_bytes(), width)[index % 256]
        assert read == b"entry %d of go" % index
        assert verify_inclusion(leaf_hash(read), index, tree.inclusion(index, size), head)
        old = Head(index, tree.root(index))
        assert verify_consistency(old, head, tree.consistency(index, size))


def test_go_opens_our_notes_with_the_keys_of_log_and_witness(program: Path) -> None:
    note = tiles(3)["checkpoint"].decode()
    said = go(program, "note", *keys(), told=note)
    assert said.returncode == 0, said.stderr
    assert said.stdout == note.split("\n\n")[0] + "\n"


@pytest.mark.parametrize("number", [0, 1])
def test_go_opens_no_note_of_ours_under_another_key(program: Path, number: int) -> None:
    note = tiles(3)["checkpoint"].decode()
    other = Ed25519PrivateKey.generate()
    wrong = [
        str(checkpoint.vkey_of(ORIGIN, other)),
        str(cosigner_of(WITNESS, other)),
    ][number]
    said = go(program, "note", *(wrong if n == number else keys()[n] for n in (0, 1)), told=note)
    assert said.returncode == 1


def test_a_log_that_go_signed_is_refused_under_another_key_and_when_changed(
    program: Path, tmp_path: Path
) -> None:
    said = go(program, "make", tmp_path, "go.example/log", 3)
    own, other = msgspec.json.decode(said.stdout)
    note = (tmp_path / "checkpoint").read_text()
    with pytest.raises(checkpoint.NoteRefused):
        checkpoint.verify(note, checkpoint.parse_vkey(other))
    with pytest.raises(checkpoint.NoteRefused):
        checkpoint.verify(note.replace("\n3\n", "\n4\n"), checkpoint.parse_vkey(own))
