"""The interface of anchors is left for others: a place of a third kind, anchored and recorded."""

import shutil

import pytest

from gateway.app.anchoring import Anchoring
from gateway.audit.checkpoint import Checkpoint
from gateway.audit.tree import Head, verify_consistency
from gateway.ledger.paths import LedgerPaths
from gateway.transport.anchors import Anchored, NotAnchored, Prove
from tests.doubles.ledgers import a_new_ledger
from tests.shell.test_anchors import Records, grow, paths

__all__ = ["paths"]
pytestmark = pytest.mark.anyio


class Notebook:
    """Another kind of place: a page for each checkpoint, and the proof that the log only grew."""

    kind = "notebook"

    def __init__(self) -> None:
        self.pages: list[tuple[Checkpoint, str]] = []
        self.is_full = False

    async def anchor(self, checkpoint: Checkpoint, note: str, prove: Prove) -> Anchored:
        if self.is_full:
            raise NotAnchored("the notebook is full")
        old = self.pages[-1][0] if self.pages else None
        if old is not None:
            before, now = Head(old.size, old.root), Head(checkpoint.size, checkpoint.root)
            if not verify_consistency(before, now, await prove(old.size)):
                raise NotAnchored("the log did not grow", contradicts=True)
        self.pages.append((checkpoint, note))
        return Anchored({"page": len(self.pages)})


async def test_a_place_of_another_kind_needs_one_method_and_is_recorded_as_any(
    paths: LedgerPaths,
) -> None:
    records, notebook = Records(), Notebook()
    ours = Anchoring({"desk": notebook}, paths.folder, paths.ledger.parent / "marks", records)
    for page in (1, 2):
        await grow(paths)
        assert await ours.once()
        what, facts = records.told[-1]
        sealed, note = notebook.pages[-1]
        assert (what, facts["anchor"], facts["kind"]) == ("anchored", "desk", "notebook")
        assert (facts["page"], facts["size"], facts["root"]) == (
            page, sealed.size, sealed.root.hex(),
        )  # fmt: skip
        assert note == paths.folder.checkpoint.read_text()
    notebook.is_full = True
    await grow(paths)
    assert not await ours.once()
    assert len(records.told) == 2
    notebook.is_full = False
    shutil.rmtree(paths.folder.root)
    other = a_new_ledger(paths.ledger.parent.parent / "other")
    await grow(other, requests=20)
    ours = Anchoring({"desk": notebook}, other.folder, other.ledger.parent / "marks", records)
    assert not await ours.once()
    assert records.told[-1][0] == "anchor_contradicted"
