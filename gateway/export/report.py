"""REPORT.html: what an export shows, for a person who reads or prints it.

INVARIANT: it holds no script and names no outside resource, and whatever stands in it is escaped.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from html import escape

import msgspec

from gateway.export.manifest import Manifest
from gateway.export.tally import Event, Tally

CELL_CHARACTERS_MAX = 400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_STYLE = """
body { font: 11pt/1.4 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #111; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; break-after: avoid; }
table { border-collapse: collapse; width: 100%; margin: .5em 0; }
th, td { text-align: left; vertical-align: top; padding: .2em .6em .2em 0;
  border-bottom: 1px solid #bbb; overflow-wrap: anywhere; }
tr { break-inside: avoid; } thead { display: table-header-group; }
td.n, th.n { text-align: right; }
code, pre { font: .85em monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
.bad { font-weight: bold; border: 2px solid #a00; padding: .4em .8em; }
@media print { body { margin: 0; max-width: none; } }
"""
_HEAD = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)

Rows = Iterable[Sequence[object]]


def report(manifest: Manifest, tally: Tally, root: str) -> str:
    """Return the page; `root` is the root of the tree at the checkpoint, in base64."""
    parts = [
        f"{_HEAD}<title>{_text(manifest.origin)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>What {_text(manifest.origin)} recorded</h1>",
        _about(manifest, tally, root),
        _crossings(tally),
        "<h2>Where requests of each label were sent</h2>",
        _table(("label", "zone", "backend", "attempts"), _pairs(tally)),
        "<h2>What was decided, and how it ended</h2>",
        _table(("", "requests"), [*tally.effects.items(), *tally.outcomes.items()]),
        _more(tally),
        "<h2>Requests that were not permitted</h2>",
        _denied(tally),
        "<h2>What changed meaning</h2>",
        _table(("record", "time", "what", "facts"), map(_event, tally.events)),
        _unlisted(tally, "events"),
        "<h2>Policies and catalogues that the records name</h2>",
        _table(("name", "digest"), ((name, one) for one, name in tally.documents.items())),
        _how(manifest),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _about(manifest: Manifest, tally: Tally, root: str) -> str:
    asked = manifest.selection
    labels = ", ".join(asked.labels) or "all"
    rows = [
        ("from", _time(asked.from_us)),
        ("to, not included", _time(asked.to_us)),
        ("labels", labels),
        ("records of that time", tally.records),
        ("records in the export", f"{manifest.records} of {manifest.size}"),
        ("their numbers", f"{asked.first} to {asked.last}"),
        ("first and last record", f"{_time(tally.first_us)}, {_time(tally.last_us)}"),
        ("tree size and root", f"{manifest.size}, {root}"),
        ("public key of the log", manifest.vkey),
        ("profile", manifest.profile),
        ("exported", _time(manifest.exported_at_us)),
        ("exported by the key", manifest.exporter),
        ("made by", manifest.product),
    ]
    return _table(("", ""), rows)


def _crossings(tally: Tally) -> str:
    attempts = sum(tally.pairs.values())
    if tally.outside:
        return (
            f'<p class="bad">{tally.outside} of {attempts} attempts lie outside the boundary of '
            "their decision.</p>"
        )
    return (
        f"<p>{attempts} attempts were recorded, each before its first byte left. None lies outside "
        "the boundary of its decision. Whether these are the records that were written is what "
        "the verifier below says, and this page cannot.</p>"
    )


def _pairs(tally: Tally) -> Rows:
    return ((*pair, count) for pair, count in sorted(tally.pairs.items()))


def _more(tally: Tally) -> str:
    rows = [
        *((f"candidate excluded: {name}", count) for name, count in tally.excluded.items()),
        *((f"label raised by: {name}", count) for name, count in tally.raised.items()),
        *((f"place told by the reply: {name}", count) for name, count in tally.observed.items()),
        ("not settled within the export", tally.open),
        ("cost in micro US dollars", tally.cost_microusd),
    ]
    return _table(("", "count"), rows)


def _denied(tally: Tally) -> str:
    rows = (
        (one.index, _time(one.ts_us), one.id, one.label, one.reason, ", ".join(one.rules))
        for one in tally.denied
    )
    columns = ("record", "time", "id", "label", "reason", "rules")
    return _table(columns, rows) + _unlisted(tally, "denied")


def _event(event: Event) -> Sequence[object]:
    facts = msgspec.json.encode(event.facts, order="sorted").decode()
    return event.index, _time(event.ts_us), event.what, facts


def _unlisted(tally: Tally, what: str) -> str:
    count = tally.unlisted[what]
    return f"<p>{count} more are in records.jsonl.</p>" if count else ""


def _how(manifest: Manifest) -> str:
    return (
        "<h2>How to check this without us</h2>"
        "<p>The folder holds the records, the hashes of the whole log, the signed checkpoint and a "
        "verifier of one file. It needs Python 3.11 or later and the package "
        "<code>cryptography</code>. Take the key from whoever kept it, not from this page; with a "
        "checkpoint that somebody kept, <code>--kept</code> shows that the log grew from it.</p>"
        f"<pre>python3 -I verify_bundle.py . --vkey '{_text(manifest.vkey)}'</pre>"
        "<p>Personal fields stand in the records as ciphertext. An export of one label shows that "
        "what is here was recorded, not that nothing of that label is left out.</p>"
    )


def _table(columns: Sequence[str], rows: Rows) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    empty = "" if body else f'<tr><td colspan="{len(columns)}">none</td></tr>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}{empty}</tbody></table>"


def _cell(value: object) -> str:
    kind = ' class="n"' if isinstance(value, int) else ""
    return f"<td{kind}>{_text(value)}</td>"


def _text(value: object) -> str:
    """Return text as it is seen: whoever wrote it, it is no markup and turns nothing around."""
    whole = str(value)
    cut = "" if len(whole) <= CELL_CHARACTERS_MAX else "..."
    return escape("".join(map(_seen, whole[:CELL_CHARACTERS_MAX]))) + cut


def _seen(character: str) -> str:
    if unicodedata.category(character) in _HIDDEN:
        return f"\\u{ord(character):04x}"
    return character


def _time(ts_us: int | None) -> str:
    if ts_us is None:
        return "open"
    return (_EPOCH + timedelta(microseconds=ts_us)).isoformat(timespec="milliseconds")
