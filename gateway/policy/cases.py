"""The form of a policy's cases: what is given, what is wanted, and how an answer differs.

A case file is a list of cases. The words here are checked when the file is read; running a case
is not this room's work.
"""

from collections.abc import Mapping
from typing import Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType, structs

from gateway.domain.decision import Facts, Finding
from gateway.domain.document import Document
from gateway.domain.errors import Problem
from gateway.policy.compile import Compiled
from gateway.policy.reading import Reading, spread
from gateway.policy.words import Words

CASES_MAX = 10_000
_SPOKEN = ("label", "boundary", "because")


class Given(Struct, frozen=True, forbid_unknown_fields=True):
    """The request of a case.

    key_label, key_repos, selects_repo: what the key says of itself.
    repo, label: what the client claims, as its headers would carry it.
    team, surface: of the caller, and the API it uses.
    task, model: the name that is asked for; one of the two.
    findings: what the detectors are to find, each as `detector/kind`.
    text: words of the prompt, for the detectors to scan.
    failed: detectors that fail.
    resting: backends that cannot be used, with the reason.
    seen: labels under which turns of the conversation passed before.
    unseen_assistant: true says that a turn of the model never came from this gateway.
    paths: paths with which tools were called.
    """

    key_label: str | UnsetType = UNSET
    key_repos: list[str] = []
    selects_repo: bool = False
    repo: str | UnsetType = UNSET
    label: str | UnsetType = UNSET
    team: str = "team"
    task: str | UnsetType = UNSET
    model: str | UnsetType = UNSET
    surface: str = "chat_completions"
    findings: list[str] = []
    text: str = ""
    failed: list[str] = []
    resting: dict[str, str] = {}
    seen: list[str] = []
    unseen_assistant: bool = False
    paths: list[str] = []

    @property
    def name(self) -> str | None:
        """The name that is asked for, None when the case is about the decision alone."""
        asked = self.task if self.model is UNSET else self.model
        return None if asked is UNSET else asked

    @property
    def found(self) -> tuple[Finding, ...]:
        """The findings as the detectors would report them."""
        pairs = [text.partition("/") for text in self.findings]
        return tuple(Finding(detector, kind, "", 0, 0) for detector, _, kind in pairs)


class Recorded(Struct, frozen=True, forbid_unknown_fields=True):
    """What a Decided record says, as far as a case speaks of it."""

    effect: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    label: str | UnsetType = UNSET
    raised_by: list[str] | UnsetType = UNSET
    boundary: list[str] | UnsetType = UNSET
    because: list[str] | UnsetType = UNSET
    candidates: list[str] | UnsetType = UNSET
    excluded: dict[str, str] | UnsetType = UNSET
    finding_kinds: dict[str, int] | UnsetType = UNSET
    obligations: list[str] | UnsetType = UNSET


class Want(Struct, frozen=True, forbid_unknown_fields=True):
    """The answer that a case wants.

    label, boundary and because must be said, unless the request is refused before policy speaks.
    excluded names the offerings that must have fallen, with the reason; others may fall too.
    served_by is the id of the offering that answers.
    record speaks of the Decided record; what is said above must stand there as well.
    """

    effect: Literal["permit", "deny", "refused"]
    label: str | UnsetType = UNSET
    boundary: list[str] | UnsetType = UNSET
    because: list[str] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    served_by: str | UnsetType = UNSET
    excluded: dict[str, str] = {}
    record: Recorded = Recorded()


Spoken = TypeVar("Spoken", Want, Recorded)


class Case(Struct, frozen=True, forbid_unknown_fields=True):
    """One case of a policy."""

    name: str
    given: Given
    want: Want


class Got(Struct, frozen=True):
    """What became of a case's request; labels as `str(label)`, None where there is none.

    `record` is the record that it left, None when it left none. `facts` is what rules were asked
    about, None where policy never spoke.
    """

    effect: str
    label: str | None
    boundary: frozenset[str]
    because: tuple[str, ...]
    reason: str
    record: Recorded | None
    served_by: str | None = None
    excluded: Mapping[str, str] = {}
    facts: Facts | None = None


def read_cases(
    document: Document, compiled: Compiled
) -> tuple[tuple[Case, ...], tuple[Problem, ...]]:
    """Return the cases of a file and its problems; wanted labels come back as `str(label)`."""
    reading = Reading(document)
    raw = document.value
    if not isinstance(raw, list) or len(raw) > CASES_MAX:
        reading.complain("", f"expected a list of at most {CASES_MAX} cases")
        raw = []
    words = Words(
        compiled.vocabulary, frozenset(compiled.zones), frozenset(compiled.registry.repos)
    )
    program = compiled.program
    rules = frozenset(clause.id for clause in (*program.clauses, *program.duties))
    names: set[str] = set()
    cases: list[Case] = []
    for index, value in enumerate(raw):
        case = reading.entry(f"/{index}", value, Case)
        if case is not None:
            if case.name in names:
                reading.complain(f"/{index}/name", "the name stands twice")
            names.add(case.name)
            _check_given(reading, f"/{index}", case)
            for place, text in spread(f"/{index}/given/seen", case.given.seen):
                words.label(reading, place, text)
            cases.append(_checked(reading, f"/{index}", case, words, rules))
    return tuple(cases), tuple(reading.problems)


def differences(want: Want, got: Got) -> tuple[str, ...]:
    """Return a sentence for everything that is not as wanted; empty when all is."""
    found = [
        *_differ("effect", want.effect, got.effect),
        *_differ("label", want.label, got.label),
        *_differ("boundary", want.boundary, sorted(got.boundary)),
        *_differ("because", want.because, got.because),
        *_differ("reason", want.reason, got.reason),
        *_differ("served_by", want.served_by, got.served_by),
    ]
    for offering, reason in want.excluded.items():
        found += _differ(f"excluded {offering}", reason, got.excluded.get(offering))
    if got.record is None:
        return (*found, "record: none was left")
    for name in Recorded.__struct_fields__:
        wanted = getattr(want.record, name)
        if wanted is UNSET:
            wanted = getattr(want, name) if name in (*_SPOKEN, "effect", "reason") else UNSET
        found += _differ(f"record {name}", wanted, getattr(got.record, name))
    return tuple(found)


def _check_given(reading: Reading, pointer: str, case: Case) -> None:
    given = case.given
    if given.task is not UNSET and given.model is not UNSET:
        reading.complain(f"{pointer}/given/task", "`model` stands beside it", "name one of them")
    if case.want.served_by is not UNSET and given.name is None:
        reading.complain(f"{pointer}/want/served_by", "nothing is asked for", "a task or a model")
    for place, text in spread(f"{pointer}/given/findings", given.findings):
        detector, _, kind = text.partition("/")
        if not detector or not kind:
            reading.complain(place, "not a finding", "write detector/kind")


def _checked(
    reading: Reading, pointer: str, case: Case, words: Words, rules: frozenset[str]
) -> Case:
    """Check the words that are wanted, and return the case with its labels in one form."""
    want = case.want
    _check_said(reading, f"{pointer}/want", want)
    record = _words_checked(reading, f"{pointer}/want/record", want.record, words, rules)
    return structs.replace(
        case,
        want=structs.replace(
            _words_checked(reading, f"{pointer}/want", want, words, rules), record=record
        ),
    )


def _check_said(reading: Reading, pointer: str, want: Want) -> None:
    for name in _SPOKEN:
        said = getattr(want, name) is not UNSET
        if want.effect == "refused" and said:
            reading.complain(f"{pointer}/{name}", "a refused request has none: policy never spoke")
        if want.effect != "refused" and not said:
            reading.complain(pointer, f"the key `{name}` is missing")


def _words_checked(
    reading: Reading, pointer: str, said: Spoken, words: Words, rules: frozenset[str]
) -> Spoken:
    reading.known(f"{pointer}/boundary", "zone", said.boundary, words.zones)
    reading.known(f"{pointer}/because", "rule", said.because, rules)
    label = words.label(reading, f"{pointer}/label", said.label)
    return said if label is None else structs.replace(said, label=str(label))


def _differ(name: str, wanted: object, got: object) -> tuple[str, ...]:
    """Compare one word or several; of a map, only the keys that are wanted."""
    if wanted is UNSET:
        return ()
    if isinstance(wanted, dict):
        held = got if isinstance(got, dict) else {}
        parts = (_differ(f"{name} {key}", part, held.get(key)) for key, part in wanted.items())
        return tuple(difference for part in parts for difference in part)
    if _plain(name, wanted) == _plain(name, got):
        return ()
    return (f"{name}: wanted {_shown(wanted)}, got {_shown(got)}",)


def _plain(name: str, value: object) -> object:
    """Return several words in one order, except candidates: their order is the preference."""
    if not isinstance(value, (list, tuple, frozenset)):
        return value
    return list(value) if name.endswith("candidates") else sorted(value)


def _shown(value: object) -> str:
    if isinstance(value, (list, tuple, frozenset)):
        return ", ".join(value) or "none"
    return "none" if value is None or value is UNSET else str(value)
