"""A reply is looked at as it goes by: recorded, masked, or the end of it."""

import pytest

from gateway.domain.decision import Finding, Scan
from gateway.domain.event import (
    Event,
    Stopped,
    TextDelta,
    ThinkingDelta,
    ToolCallBegan,
    ToolCallDelta,
)
from gateway.flow import watching
from gateway.flow.watching import HELD_CHARS, HELD_CHARS_MAX, STEP_CHARS, Orders, Watch
from gateway.stores.scanner import DetectorScanner
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.vendor_secrets import FORMATS, Draw, pem

PAT = FORMATS["github-pat"](Draw("reply"))
KEY = pem(Draw("reply key"), "PRIVATE KEY")
FILLING = "words of no weight, and more of them "
END = Stopped("end")


def a_watch(action: str = "mask", **more: str) -> Watch:
    orders = Orders({"secrets": action, **more}, frozenset({"contacts/email"}))
    return Watch(DetectorScanner(all_detectors(), b"a key of fingerprints"), orders)


def texts(events: list[Event]) -> str:
    return "".join(one.text for one in events if isinstance(one, TextDelta))


def streamed(watch: Watch, text: str, size: int = 7) -> list[Event]:
    out: list[Event] = []
    for at in range(0, len(text), size):
        out += watch.passes(TextDelta(text[at : at + size]))
    return [*out, *watch.passes(END)]


@pytest.mark.parametrize("size", [1, 7, 64, 5_000])
@pytest.mark.parametrize("before", [0, 3, 20, 40])
def test_a_secret_is_masked_however_the_stream_is_cut(size: int, before: int) -> None:
    watch = a_watch()
    text = f"{FILLING * before}token {PAT} and {FILLING * 30}"
    out = streamed(watch, text, size)
    assert texts(out) == text.replace(PAT, "[masked: github-pat]")
    assert out[-1] == END
    (found,) = watch.findings
    start = text.index(PAT)
    assert (found.kind, found.path, found.start) == ("github-pat", "/text", start)
    assert found.end == start + len(PAT)
    assert len(found.fingerprint) == 32
    assert watch.masked == 1


@pytest.mark.parametrize("size", [1, 50, 5_000])
def test_a_key_of_many_lines_is_held_until_it_ends(size: int) -> None:
    watch = a_watch()
    out = texts(streamed(watch, f"{FILLING * 20}\n{KEY}\n{FILLING * 40}", size))
    assert KEY[40:80] not in out
    assert "[masked: private-key]" in out
    assert out.count(FILLING) == 60


def test_what_is_held_back_is_bounded() -> None:
    watch = a_watch()
    out: list[Event] = []
    fed = 0
    for _ in range(400):
        out += watch.passes(TextDelta(FILLING))
        fed += len(FILLING)
        assert fed - len(texts(out)) <= HELD_CHARS + STEP_CHARS + len(FILLING)
    opened = a_watch()
    out = []
    for _ in range(400):
        out += opened.passes(TextDelta(f"-----BEGIN {FILLING}"))
    assert 400 * (11 + len(FILLING)) - len(texts(out)) <= HELD_CHARS_MAX + STEP_CHARS + 100


def test_a_cut_ends_the_reply_before_the_finding() -> None:
    watch = a_watch("cut")
    out = streamed(watch, f"{FILLING * 40}{PAT}{FILLING * 40}")
    assert texts(out) == FILLING * 40
    assert watch.cut == "github-pat"
    assert END not in out
    assert watch.passes(TextDelta("more")) == []


def test_what_is_only_to_be_told_passes_at_once() -> None:
    watch = a_watch("tag")
    assert not watch.strict
    for at in range(0, 6_000, 10):
        watch.hear(TextDelta(f"{FILLING * 150}{PAT}{FILLING * 40}"[at : at + 10]))
    watch.hear(END)
    (found,) = watch.findings
    assert found.start == len(FILLING) * 150
    assert watch.masked == 0


def test_a_secret_in_a_tool_call_is_masked_and_json_is_never_torn() -> None:
    watch = a_watch()
    fragments = [f'{{"cmd": "export T={PAT[:9]}', f'{PAT[9:]} && run", "x": 1}}']
    out = watch.passes(ToolCallBegan(0, "c", "shell"))
    for fragment in fragments:
        out += watch.passes(ToolCallDelta(0, fragment))
    out += watch.passes(END)
    said = "".join(one.fragment for one in out if isinstance(one, ToolCallDelta))
    assert said == '{"cmd": "export T=[masked: github-pat] && run", "x": 1}'
    assert [one.path for one in watch.findings] == ["/tool/0"]


def test_parts_come_out_in_the_order_in_which_they_came() -> None:
    watch = a_watch()
    events: list[Event] = [
        ThinkingDelta("let me see"),
        ThinkingDelta(signature="sealed"),
        TextDelta("first"),
        ToolCallBegan(0, "a", "f"),
        ToolCallDelta(0, '{"a":1}'),
        ToolCallBegan(1, "b", "g"),
        ToolCallDelta(1, '{"b":2}'),
        TextDelta("last"),
        END,
    ]
    assert [one for event in events for one in watch.passes(event)] == events


def test_two_parts_that_follow_at_once_are_two() -> None:
    watch = a_watch()
    events: list[Event] = [ToolCallDelta(0, "{}"), ToolCallDelta(1, "{}"), TextDelta("x"), END]
    assert [one for event in events for one in watch.passes(event)] == events


def test_signed_reasoning_is_never_altered() -> None:
    watch = a_watch()
    out = [*watch.passes(ThinkingDelta(f"I saw {PAT} there")), *watch.passes(END)]
    assert out == [ThinkingDelta("I saw ")]
    assert watch.cut == "github-pat"


class Failing:
    """Detectors that fail."""

    def look(self, text: str) -> Scan:
        return Scan(failed=("secrets",))


def test_what_could_not_be_looked_at_does_not_pass_where_policy_keeps_back() -> None:
    watch = Watch(Failing(), Orders({"secrets": "mask"}))
    assert streamed(watch, "hello") == []
    assert (watch.cut, list(watch.failed), watch.findings) == ("not verified", ["secrets"], [])
    told = Watch(Failing(), Orders({"secrets": "tag"}))
    told.hear(TextDelta("hello"))
    told.hear(END)
    assert (told.cut, list(told.failed)) == (None, ["secrets"])


class Raising:
    """Detectors that raise."""

    def look(self, text: str) -> Scan:
        raise RuntimeError("a prompt")


def test_what_nobody_could_look_at_passes_where_policy_only_wants_to_be_told() -> None:
    strict = Watch(Raising(), Orders({"secrets": "cut"}))
    assert streamed(strict, "hello") == []
    assert (strict.cut, list(strict.failed)) == ("not verified", ["unread"])
    told = Watch(Raising(), Orders({"secrets": "tag"}))
    told.hear(TextDelta("hello"))
    told.hear(END)
    assert (told.cut, list(told.failed), told.findings) == (None, ["unread"], [])
    for watch, cut in (
        (Watch(Raising(), Orders({"secrets": "cut"})), "not verified"),
        (told, None),
    ):
        watch.blinded()
        assert watch.cut == cut


def test_what_stands_beside_the_events_is_taken_once() -> None:
    watch = a_watch("cut")
    watch.beside(Scan((Finding("secrets", "guess", "/x", 0, 1, tag_only=True),), ("personal",)))
    assert (watch.findings, watch.cut, list(watch.failed)) == ([], None, ["personal"])
    found = Finding("secrets", "w", "/choices/1", 0, 1, "hash")
    watch.beside(Scan((found, found)))
    assert (watch.findings, watch.cut) == ([found], "w")
    blind = a_watch("cut")
    blind.beside(Scan(failed=("secrets",)))
    assert blind.cut == "not verified"


def test_a_key_of_many_lines_is_told_however_long_it_is() -> None:
    watch = a_watch("tag")
    for at in range(0, len(KEY), 10):
        watch.hear(TextDelta(KEY[at : at + 10]))
    watch.hear(END)
    assert "private-key" in [one.kind for one in watch.findings]


def test_a_tag_is_left_alone_unless_policy_names_its_kind() -> None:
    watch = a_watch(contacts="mask")
    out = texts(streamed(watch, "mail ada@analytical.io or call +49 30 1234 5678 now"))
    assert out == "mail [masked: email] or call +49 30 1234 5678 now"
    assert sorted(one.kind for one in watch.findings) == ["email", "phone"]


class Everywhere:
    """Detectors that find something in every word."""

    def look(self, text: str) -> Scan:
        spots = [at for at, one in enumerate(text) if one == "w"]
        return Scan(tuple(Finding("secrets", "w", "/", at, at + 1) for at in spots))


def test_more_findings_than_a_record_holds_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FINDINGS_MAX", 3)
    watch = Watch(Everywhere(), Orders({"secrets": "mask"}))
    assert "w" not in texts(streamed(watch, "wow " * 20)).replace("[masked: w]", "")
    assert len(watch.findings) == 3


@pytest.mark.anyio
@pytest.mark.parametrize("filling", [FILLING, FILLING * 2_000])
@pytest.mark.parametrize("action", ["tag", "mask"])
async def test_a_whole_reply_is_looked_at_likewise(filling: str, action: str) -> None:
    watch = a_watch(action)
    events = [TextDelta(f"{filling}{PAT}."), END]
    out = await watch.whole(events)
    shown = PAT if action == "tag" else "[masked: github-pat]"
    assert texts(out) == f"{filling}{shown}."
    assert [(one.kind, one.start) for one in watch.findings] == [("github-pat", len(filling))]
