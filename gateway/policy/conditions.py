"""From the `when` of a rule to functions that say whether it holds."""

from collections.abc import Callable, Collection

from msgspec import UNSET, Struct

from gateway.domain.decision import Facts
from gateway.domain.label import Label
from gateway.domain.path_glob import glob_of
from gateway.domain.product import product_of
from gateway.policy.language import When
from gateway.policy.reading import Reading, listed, spread
from gateway.policy.words import Words

OnLabel = Callable[[Label], bool]
OnFacts = Callable[[Facts], bool]

# WHY: `zone` is not a condition on a request; it says where a deny applies.
_NOT_CONDITIONS = frozenset({"zone", "any"})


class Conditions(Struct, frozen=True):
    """The tests on the label, and those on everything else; all must hold."""

    on_label: tuple[OnLabel, ...]
    on_facts: tuple[OnFacts, ...]

    def fits(self, label: Label) -> bool:
        """Do the conditions on the label hold?"""
        # WHY: a loop, not all(): a third of the time, for every rule of every request.
        for test in self.on_label:  # noqa: SIM110 - see above
            if not test(label):
                return False
        return True

    def match(self, facts: Facts) -> bool:
        """Do all conditions hold?"""
        if not self.fits(facts.label):
            return False
        for test in self.on_facts:  # noqa: SIM110 - as in `fits`
            if not test(facts):
                return False
        return True


def compile_when(
    reading: Reading, pointer: str, when: When, words: Words, *, permits: bool
) -> Conditions:
    """Return the conditions; problems are noted, and then the result is not to be used."""
    _check_any(reading, pointer, when)
    on_label = _label_tests(reading, pointer, when, words)
    on_facts = _fact_tests(reading, pointer, when, words)
    if when.repo is not UNSET:
        reading.known(f"{pointer}/repo", "repository", when.repo, words.repos)
        repos = frozenset(listed(when.repo))
        on_facts.append(_every_repo(repos) if permits else _some_repo(repos))
    if permits:
        _check_permit(reading, pointer, when)
    _check_clients(reading, pointer, when)
    if when.detector_count_min is not UNSET:
        on_facts.append(_findings_min(frozenset(listed(when.detector)), when.detector_count_min))
    if when.path is not UNSET:
        _check_paths(reading, f"{pointer}/path", when.path)
        on_facts.append(_path(frozenset(listed(when.path))))
    return Conditions(tuple(on_label), tuple(on_facts))


def _check_permit(reading: Reading, pointer: str, when: When) -> None:
    """Note what must not open a zone: a client's word of itself, and finding or seeing more.

    INVARIANT: a claim, one more finding, and one more path never widen; nor does the lack of one,
    for nothing asks for that.
    """
    for name in ("client", "detector_count_min", "path"):
        if getattr(when, name) is not UNSET:
            reading.complain(f"{pointer}/{name}", "permits nothing", "it is for a deny or oblige")


def _check_clients(reading: Reading, pointer: str, when: When) -> None:
    for place, name in spread(f"{pointer}/client", when.client):
        if not name or product_of(name) != name:
            reading.complain(
                place, "not the name of a product", "lower case, without version, such as codex"
            )


def _check_paths(reading: Reading, pointer: str, written: str | list[str]) -> None:
    for place, text in spread(pointer, written):
        try:
            glob_of(text)
        except ValueError as error:
            reading.complain(place, str(error), "such as infra/prod, **/*.tfstate or /etc")


def _check_any(reading: Reading, pointer: str, when: When) -> None:
    """Note a match for every request that is not spelled out, or one that is mixed with others."""
    said = [
        name
        for name in when.__struct_fields__
        if name not in _NOT_CONDITIONS and getattr(when, name) is not UNSET
    ]
    if when.any is False:
        reading.complain(f"{pointer}/any", "write any: true, or leave it out")
    elif when.any is UNSET and not said:
        reading.complain(pointer, "no condition", "write any: true for every request")
    elif when.any is True and said:
        reading.complain(f"{pointer}/any", "any: true stands alone", f"or leave out {said[0]}")


def _label_tests(reading: Reading, pointer: str, when: When, words: Words) -> list[OnLabel]:
    tests = _level_tests(reading, pointer, when, words)
    if when.caveat is not UNSET:
        reading.known(f"{pointer}/caveat", "caveat", when.caveat, words.caveats)
        tests.append(_has_caveat(frozenset(listed(when.caveat))))
    if when.residency is not UNSET:
        sets = words.region_sets
        reading.known(f"{pointer}/residency", "region set", when.residency, sets)
        names = [name for name in listed(when.residency) if name in (sets or {})]
        tests.append(_resides_within(tuple((sets or {})[name] for name in names)))
    return tests


def _level_tests(reading: Reading, pointer: str, when: When, words: Words) -> list[OnLabel]:
    tests: list[OnLabel] = []
    least = words.level(reading, f"{pointer}/level_min", when.level_min)
    most = words.level(reading, f"{pointer}/level_max", when.level_max)
    bounded = when.level_min is not UNSET or when.level_max is not UNSET
    if when.level_is is not UNSET:
        if bounded:
            reading.complain(pointer, "level_is stands without level_min and level_max")
        if reading.known(f"{pointer}/level_is", "level", when.level_is, words.levels):
            tests.append(_level_is(frozenset(listed(when.level_is))))
    if least is not None:
        tests.append(_level_min(least.rank))
    if most is not None:
        tests.append(_level_max(most.rank))
    if least is not None and most is not None and least > most:
        reading.complain(pointer, "never holds: level_min is above level_max")
    return tests


def _fact_tests(reading: Reading, pointer: str, when: When, words: Words) -> list[OnFacts]:
    known = words.known
    asked: tuple[tuple[str, Collection[str] | None, Callable[[frozenset[str]], OnFacts]], ...] = (
        ("team", known.teams, _team),
        ("task", known.tasks, _task),
        ("model", known.models, _model),
        ("surface", known.surfaces, _surface),
        ("detector", known.findings, _finding),
        ("key", known.keys, _key),
        ("client", None, _client),
    )
    tests: list[OnFacts] = []
    for name, names, test in asked:
        written = getattr(when, name)
        if written is not UNSET:
            reading.known(f"{pointer}/{name}", name, written, names)
            tests.append(test(frozenset(listed(written))))
    return tests


def _level_min(rank: int) -> OnLabel:
    return lambda label: label.level.rank >= rank


def _level_max(rank: int) -> OnLabel:
    return lambda label: label.level.rank <= rank


def _level_is(names: frozenset[str]) -> OnLabel:
    return lambda label: label.level.name in names


def _has_caveat(caveats: frozenset[str]) -> OnLabel:
    return lambda label: not caveats.isdisjoint(label.caveats)


def _resides_within(sets: tuple[frozenset[str], ...]) -> OnLabel:
    return lambda label: (
        label.residency is not None and any(label.residency <= places for places in sets)
    )


def _team(names: frozenset[str]) -> OnFacts:
    return lambda facts: facts.team in names


def _task(names: frozenset[str]) -> OnFacts:
    return lambda facts: facts.task in names


def _model(names: frozenset[str]) -> OnFacts:
    return lambda facts: facts.model in names


def _surface(names: frozenset[str]) -> OnFacts:
    return lambda facts: facts.surface in names


def _finding(kinds: frozenset[str]) -> OnFacts:
    return lambda facts: not kinds.isdisjoint(facts.findings)


def _key(names: frozenset[str]) -> OnFacts:
    return lambda facts: facts.key in names


def _client(names: frozenset[str]) -> OnFacts:
    return lambda facts: facts.client in names


def _path(globs: frozenset[str]) -> OnFacts:
    return lambda facts: not globs.isdisjoint(facts.paths or ())


def _findings_min(kinds: frozenset[str], least: int) -> OnFacts:
    """Return whether so many different findings were made, of these kinds where some are named."""
    return lambda facts: (
        least
        <= sum(
            count
            for kind, count in (facts.finding_counts or {}).items()
            if not kinds or kind in kinds
        )
    )


def _every_repo(repos: frozenset[str]) -> OnFacts:
    """A permit: the key binds one of these, and nobody speaks of any other.

    INVARIANT: a claim can only make this false, so that a client cannot claim its way out.
    """
    return lambda facts: bool(facts.repos) and facts.repos | facts.claimed_repos <= repos


def _some_repo(repos: frozenset[str]) -> OnFacts:
    """A deny: the key or the client speaks of one of these."""
    return lambda facts: not repos.isdisjoint(facts.repos | facts.claimed_repos)
