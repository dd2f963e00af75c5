"""Whoever wrote the words of a record writes no part of the page that is made of them."""

from html import escape
from typing import Any

import msgspec
import pytest

from gateway.audit.canonical import encode
from gateway.audit.record import Record
from gateway.export.manifest import Manifest, Selected
from gateway.export.report import report
from gateway.export.selection import Chosen
from gateway.export.tally import Tally
from tests.doubles.records import NOW_US, an_admin
from tests.export.test_alone_forms import FULL, written
from tests.export.test_bundle import Page

HOSTILE = (
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' style='background:url(//x)",
    "<!--",
    "]]></style><style>@import '//x'",
    "&#60;script&#62;",
    "<\u0000svg/onload=alert(1)>",
    "\u202e<iframe srcdoc='x'>",
)
TAGS = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "thead",
        "tbody", "tr", "th", "td", "pre", "code"}  # fmt: skip


def spoken(value: Any, text: str) -> Any:
    """Return the data with that text behind every text of it, in names of maps too."""
    if isinstance(value, dict):
        return {f"{name}{text}": spoken(one, text) for name, one in value.items()}
    if isinstance(value, list):
        return [spoken(one, text) for one in value]
    return f"{value}{text}" if isinstance(value, str) else value


def hostile(record: Record, text: str) -> bytes:
    """Return the record with that text behind each of its own that may be any."""
    whole = msgspec.json.decode(encode(record))
    told = dict(whole)
    for name in whole.keys() - {"id", "boot", "type", "v", "what"}:
        for other in (spoken(whole[name], text), _words(whole[name], text)):
            try:
                entry = encode(msgspec.json.decode(written(told | {name: other}), type=Record))
            except (msgspec.MsgspecError, ValueError):
                continue
            told = msgspec.json.decode(entry)
            break
    return written(told)


def _words(value: Any, text: str) -> Any:
    """Return the data with that text behind the texts of fields that are no words of ours."""
    if isinstance(value, dict):
        odd = {"effect", "kind", "trust", "decided_at", "begins", "until", "operation"}
        kept = {name: one for name, one in value.items() if name in odd}
        return {name: _words(one, text) for name, one in value.items()} | kept
    return [_words(one, text) for one in value] if isinstance(value, list) else spoken(value, text)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_record_becomes_a_part_of_the_report(text: str) -> None:
    tally = Tally()
    admin = an_admin("document_stored", "s", facts={"digest": text, "name": text, text: [text]})
    denied = msgspec.json.decode(encode(FULL[0]))
    denied["decision"] |= {"effect": "deny", "boundary": []}
    denied |= {"candidates": [], "id": denied["id"][:-1] + "0"}
    entries = [hostile(one, text) for one in (*FULL, admin)]
    entries.append(hostile(msgspec.json.decode(written(denied), type=Record), text))
    for index, entry in enumerate(entries):
        tally.read(Chosen(index, entry, inside=True))
    asked = Selected(None, None, (text,), 0, len(entries) - 1)
    manifest = Manifest(
        origin=text, vkey=text, profile=text, exporter=text, exported_at_us=NOW_US, product=text,
        size=9, records=9, selection=asked,
    )  # fmt: skip
    told = report(manifest, tally, text)
    page = Page()
    page.feed(told)
    assert page.tags <= TAGS
    assert page.addresses == []
    assert not any(one in told for one in HOSTILE if "<" in one)
    assert told.count("<style>") == told.count("<body>") == 1
    assert "<!--" not in told
    # What they hold is there all the same, as text.
    assert told.count(plain(text)) > 30


def plain(text: str) -> str:
    """Return the beginning of the text as the page has it."""
    seen = text.translate({0: "\\u0000", 0x202E: "\\u202e"})
    return escape(seen[:6])
