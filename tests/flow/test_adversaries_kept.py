"""What a client or an engine says on any surface, and how it stands, or does not, in the ledger."""

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.cli.mock_backend.server import DIALECTS
from gateway.domain.route import Candidate, OutcomeKind, Route
from gateway.flow.exchange import Exchange
from gateway.stores.scanner import DetectorScanner
from gateway.transport.call import HttpCall
from tests.doubles.compiled_detectors import all_detectors
from tests.doubles.ledgers import check_log
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.speaking_log import SpeakingLog, speaking_log
from tests.doubles.speaking_stage import EVERY, STREAMED, Slow, Speaking, Spoken, speaking
from tests.flow.test_adversaries_tries import named

pytestmark = pytest.mark.anyio
SURFACE = pytest.mark.parametrize("surface", EVERY, ids=str)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One loop for all of them, so that they share a log."""
    return "asyncio"


@pytest.fixture(scope="module")
async def log(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SpeakingLog]:
    async with speaking_log(tmp_path_factory.mktemp("log")) as log:
        yield log
    report = check_log(log.paths)
    assert (report.decided, report.lost, report.open) == (report.settled, 0, 0)


CANARY = "canary-58-prompt"
# As engines do it: the prompt in their own words, and what an exception shows of a request.
ECHO = f"cannot answer {CANARY!r}: authorization: Bearer {CANARY}"


class Echoing:
    """Takes the place of a sender: repeats the prompt in an error of the path's dialect."""

    def __init__(self, inner: Speaking, how: str) -> None:
        self.inner = inner
        self.how = how

    async def send(self, candidate: Candidate, route: Route, call: HttpCall) -> ScriptedReply:
        reply = await self.inner.send(candidate, route, call)
        dialect = DIALECTS[call.path]
        if self.how == "raises":
            raise RuntimeError(ECHO)
        if self.how == "breaks":
            begun = [chunk async for chunk in reply.chunks()][:-3]
            return Slow(*begun, dialect.broken(ECHO), content_type=dialect.STREAM_TYPE)
        if self.how == "garbage":
            return ScriptedReply(ECHO.encode())
        status = int(self.how)
        ids = dict.fromkeys(("request_id", "x-request-id", "cf-ray"), ECHO)
        return ScriptedReply(dialect.error(status, ECHO), status=status, **ids)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


HOWS = ("400", "404", "413", "429", "500", "garbage", "raises", "breaks")


@pytest.mark.parametrize(
    ("surface", "how"),
    [(one, how) for one in EVERY for how in HOWS if how != "breaks" or one in STREAMED],
    ids=str,
)
async def test_adv_58_what_an_engine_repeats_reaches_no_log_no_meter_and_no_record(
    surface: Spoken, how: str
) -> None:
    stage = speaking()
    stage.house = replace(stage.house, sender=Echoing(stage.sender, how))
    stage.exchange = type(stage.exchange)(stage.house)
    envelope = surface.envelope(named(surface, "vllm"), CANARY, stream=how == "breaks")
    status, headers, _ = await stage.ask(envelope)
    assert stage.sender.sent, "the engine was never asked"
    assert (status == 200) is (how == "breaks")
    (settled,) = stage.ledger.settled
    assert settled.outcome is OutcomeKind.FAILED
    # Whatever else went wrong than what is tried here would be a line of its own.
    words = [word for word, _ in stage.log.lines]
    assert words == (["pursuit_failed"] if how == "raises" else [])
    told = [*map(canonical.encode, stage.ledger.records), *map(repr, stage.ledger.personal)]
    told += [repr(stage.log.lines), repr(stage.meters.counted), repr(headers)]
    assert not [one for one in told if CANARY in str(one)]


NASTY = (
    'x"}\n{"type":"admin","what":"forged"}\r\n\x1b[2J\x1b]0;x\x07\u202e\u2066\x00=HYPERLINK("x")'
)
CONTROLS = frozenset({*range(0x20), 0x7F})


WRITTEN: tuple[tuple[str, dict[str, Any]], ...] = (
    (NASTY, {}),
    ("", {}),
    ("", {"repo": f"https://git.example.com/{NASTY}"}),
    ("", {"label": NASTY}),
    ("", {"place_repo": NASTY}),
)


@SURFACE
async def test_adv_74_what_a_client_writes_makes_no_line_no_record_and_no_header(
    log: SpeakingLog, surface: Spoken
) -> None:
    """In the name of the model, the product, the session, the repository and the metadata."""
    claims: dict[str, Any] = {"session": NASTY, "metadata": {NASTY: NASTY}, "folders": (NASTY,)}
    before = len(log.entries())
    for model, more in WRITTEN:
        envelope = surface.envelope(
            model or named(surface, "vllm"),
            NASTY,
            stream=False,
            claims=claims | more,
            client=NASTY,
        )
        (status, headers, raw), _ = await log.ask(envelope)
        assert (status == 200) is (not model and not more)
        assert not [one for one in headers.values() if CONTROLS & set(one.encode())]
        if status != 200:
            assert not CONTROLS & set(raw.rstrip(b"\n"))
            assert msgspec.json.decode(raw)
    written = log.entries()[before:]
    # Each is decided and settled, and one of them attempted; a subject's key is made once.
    made = [entry for entry in written if b'"subject_key_made"' in entry]
    assert len(written) - len(made) == 2 * len(WRITTEN) + 1
    assert len(made) <= 1
    assert not [byte for entry in written for byte in entry if byte in CONTROLS]
    assert "forged" not in repr(log.stage.log.lines)


IBAN = "DE44500105175407324931"
WHO = "jane.roe@corp.example"
SAID = f"pay {IBAN} and tell {WHO}"


def guesses(plain: str) -> list[bytes]:
    """Return what somebody with a list of candidates would look for."""
    found = [plain.encode()]
    for form in (plain, plain.lower(), f"{plain[:4]} {plain[4:]}"):
        for make in (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.blake2b):
            digest = make(form.encode()).digest()
            found += [digest.hex().encode()[:16], base64.b64encode(digest)[:16], digest[:8]]
    return found


@SURFACE
async def test_adv_82_a_list_of_candidates_confirms_nothing_that_a_record_holds(
    log: SpeakingLog, surface: Spoken
) -> None:
    prints: list[set[str]] = []
    house = log.stage.house
    for key in (b"one key of fingerprints", b"another key of fingerprints"):
        scanner = DetectorScanner(all_detectors(), key)
        log.stage.house = replace(house, scanner=scanner)
        log.stage.exchange = Exchange(log.stage.house)
        envelope = surface.envelope(named(surface, "vllm"), SAID, stream=False)
        _, record = await log.ask(envelope)
        assert record.decided.finding_kinds["iban"] == 1
        prints.append({one.fingerprint for one in (await scanner.scan(envelope.body)).findings})
        scanner.close()
    log.stage.house = house
    log.stage.exchange = Exchange(house)
    looked = [one for plain in (IBAN, WHO) for one in guesses(plain)]
    for path, data in log.files():
        assert not [one for one in looked if one in data], path.name
    assert prints[0]
    assert prints[0].isdisjoint(prints[1]), "the hash of a finding hangs on no key"


HUGE = "m" * 70_000
ENTRY_BYTES_MAX = 65_535
CLAIMED: dict[str, dict[str, Any]] = {
    "metadata": {"claims": {"metadata": {"k": HUGE, HUGE: "v"}}},
    "session": {"claims": {"session": HUGE}, "client": HUGE},
    "repo": {"claims": {"repo": HUGE, "told_repos": (HUGE,)}},
    "label": {"claims": {"label": HUGE, "told_labels": (HUGE,)}},
    "folders": {"claims": {"folders": (HUGE,) * 9, "workspaces": (HUGE,) * 9}},
    "fields": {"fields": {"user": HUGE, "metadata": {"user_id": HUGE}, HUGE: HUGE}},
}


@SURFACE
async def test_adv_83_what_is_larger_than_a_record_is_kept_whole_or_refused_and_recorded(
    log: SpeakingLog, surface: Spoken
) -> None:
    model = named(surface, "vllm")
    asked = [surface.envelope(HUGE, stream=False)]
    asked += [surface.envelope(model, stream=False, **more) for more in CLAIMED.values()]
    statuses = []
    for envelope in asked:
        sent = len(log.stage.sender.sent)
        (status, headers, _), found = await log.ask(envelope)
        statuses.append(status)
        assert (len(log.stage.sender.sent) > sent) is (status == 200)
        assert headers["x-perimeter-record"] == found.decided.id
    assert statuses[:1] == [404]
    assert set(statuses) == {200, 400, 404}
    assert max(map(len, log.entries())) <= ENTRY_BYTES_MAX


async def test_what_is_asked_here_is_answered_where_nothing_is_wrong_with_it() -> None:
    for surface in EVERY:
        status, _, _ = await speaking().ask(surface.envelope(named(surface, "vllm"), stream=False))
        assert status == 200, surface
