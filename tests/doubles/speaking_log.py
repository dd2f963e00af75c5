"""A house whose engines speak every dialect of theirs, and whose ledger is on a real disk."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec.structs import replace

from gateway.domain.request import Envelope
from gateway.flow.exchange import Exchange
from gateway.ledger.ledger import Ledger, open_ledger
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reader import RequestRecords
from gateway.ledger.reading import Reading
from tests.doubles.houses import Stage
from tests.doubles.ledgers import IDS, a_new_ledger
from tests.doubles.scripted_sender import Answer
from tests.doubles.speaking_stage import speaking

Told = tuple[int, dict[str, str], bytes]


class SpeakingLog:
    """Answers requests and writes them down."""

    def __init__(self, stage: Stage, ledger: Ledger, paths: LedgerPaths) -> None:
        self.stage = stage
        self.ledger = ledger
        self.paths = paths

    async def ask(self, envelope: Envelope) -> tuple[Told, RequestRecords]:
        """Return the answer, and the record of it."""
        envelope = replace(envelope, id=IDS.record_id())
        told = await self.stage.ask(envelope)
        found = self.ledger.reader.record_of(envelope.id)
        assert found is not None, "nothing was recorded"
        assert found.settled is not None
        return told, found

    def entries(self) -> list[bytes]:
        return [stored.entry for stored in Reading(self.paths.folder)]

    def files(self) -> Iterator[tuple[Path, bytes]]:
        """Yield every file of the ledger, its keys and its index, as it is on disk."""
        root = self.paths.ledger.parent
        for path in sorted(root.rglob("*")):
            if path.is_file():
                yield path, path.read_bytes()


@asynccontextmanager
async def speaking_log(root: Path, **answers: list[Answer]) -> AsyncIterator[SpeakingLog]:
    """Keep a log open, in a folder of its own."""
    stage, paths = speaking(**answers), a_new_ledger(root)
    boot = IDS.record_id()
    ledger = await open_ledger(paths, boot, stage.house.clock, IDS)
    try:
        names = {name: await ledger.store_document({"a": name}, name) for name in ("policy",)}
        world = stage.worlds.world
        program = replace(world.program, digest=names["policy"])
        stage.worlds.world = replace(world, program=program, documents=names)
        stage.house = replace(stage.house, ledger=ledger, boot=boot)
        stage.exchange = Exchange(stage.house)
        yield SpeakingLog(stage, ledger, paths)
    finally:
        await ledger.close()
