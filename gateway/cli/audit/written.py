"""An answer on paper: a table for people, JSON and CSV for programs."""

import csv
import io
import re
from base64 import b64encode
from collections.abc import Iterator

import msgspec

from gateway.cli.audit.gone import gone_of
from gateway.cli.audit.question import Answer, Asked, Cell
from gateway.cli.shown import shown

CELL_CHARACTERS_MAX = 80
# WHY: a spreadsheet takes what begins with one of these for a formula; the wide ones are so written
# in Japan, and blanks before them are passed over.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
GUARD = "'"
# WHY: where people write numbers with a comma, a spreadsheet ends a cell at each semicolon.
_CELL_ENDS = re.compile(r"(?<=;)(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])")


def table(answer: Answer) -> Iterator[str]:
    """Yield the lines of a table."""
    cells = [_cells(row) for row in (answer.columns, *answer.rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(answer.columns))]
    for row in cells:
        *short, last = row
        cells_short = [c.ljust(width) for c, width in zip(short, widths, strict=False)]
        yield "  ".join([*cells_short, last]).rstrip()


def json_of(name: str, asked: Asked, answer: Answer) -> str:
    """Return one JSON document; text is as it stands in the log, escaped as JSON does it."""
    document = {
        "question": name,
        "period": str(asked.period),
        "checkpoint": stands_on(asked),
        **_before(asked),
        "verified": asked.ledger.report is not None,
        "good": answer.good,
        "notes": [shown(note) for note in answer.notes],
        "columns": list(answer.columns),
        "rows": [dict(zip(answer.columns, map(_plain, row), strict=True)) for row in answer.rows],
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def _before(asked: Asked) -> dict[str, object]:
    """Return what lies before the shard of the checkpoint, and what of that is gone."""
    closed = asked.ledger.parts[:-1]
    if not closed:
        return {}
    gone = gone_of(asked.ledger.parts, asked.ledger.index)
    before = {
        "shards": len(closed),
        "records": sum(one.checkpoint.size for one in closed),
        "pruned": gone.records,
        "pruned_by": gone.told_by,
    }
    return {"before": before}


def csv_of(asked: Asked, answer: Answer) -> str:
    """Return CSV: each row ends with the checkpoint that it stands on."""
    stands = {f"checkpoint_{name}": value for name, value in stands_on(asked).items()}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*answer.columns, *stands])
    for row in answer.rows:
        writer.writerow([_spread(cell) for cell in (*row, *stands.values())])
    return out.getvalue()


def stands_on(asked: Asked) -> dict[str, Cell]:
    """Return origin, size and root of the checkpoint."""
    checkpoint = asked.ledger.checkpoint
    root = b64encode(checkpoint.root).decode()
    return {"origin": checkpoint.origin, "size": checkpoint.size, "root": root}


def safe(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    guarded = _CELL_ENDS.sub(GUARD, text)
    return f"{GUARD}{guarded}" if text.lstrip().startswith(FORMULA) else guarded


def _cells(row: tuple[Cell, ...]) -> list[str]:
    """Return the cells of a line; all but the last, which may be a sentence, are kept short."""
    *short, last = map(_text, row)
    return [*map(_cut, short), last]


def _spread(cell: Cell) -> Cell:
    return safe(shown(cell)) if isinstance(cell, str) else cell


def _text(cell: Cell) -> str:
    return "-" if cell is None else shown(cell)


def _plain(cell: Cell) -> Cell:
    return shown(cell) if isinstance(cell, str) else cell


def _cut(text: str) -> str:
    return text if len(text) <= CELL_CHARACTERS_MAX else f"{text[: CELL_CHARACTERS_MAX - 3]}..."
