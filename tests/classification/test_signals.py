import pytest
from msgspec.structs import replace

from gateway.classification.classify import classify
from gateway.classification.signals import (
    KINDS_NAMED_MAX,
    finding_signals,
    raising_kinds,
    signals,
)
from gateway.domain.caller import Caller, Repo, RepoRegistry
from gateway.domain.decision import Classification, Finding, Trust
from gateway.domain.errors import Malformed
from gateway.domain.label import Label
from gateway.domain.request import Claims
from gateway.domain.vocabulary import Vocabulary

WORDS = Vocabulary(
    ("public", "internal", "restricted"),
    frozenset({"secret", "opaque"}),
    {"EU": frozenset({"DE", "FR"}), "NORDIC": frozenset({"SE", "NO"})},
)
DEFAULT = WORDS.parse("internal")
REGISTRY = RepoRegistry(
    {
        "website": Repo("website", WORDS.parse("public"), frozenset({"git.corp/web/site"})),
        "payments": Repo("payments", WORDS.parse("restricted"), frozenset({"git.corp/pay/l-1"})),
        "nordic": Repo("nordic", WORDS.parse("public@NORDIC")),
    },
    WORDS.parse("restricted+opaque"),
)


def read(
    claims: Claims, *repos: str, label: str | None = None, selects: bool = False
) -> Classification:
    caller = Caller("k1", "someone", "team", label, repos, selects)
    return classify(signals(caller, claims, REGISTRY, WORDS, DEFAULT))


def text_of(found: Classification) -> str:
    return str(found.label)


def test_the_default_is_for_a_key_that_binds_nothing_alone() -> None:
    found = read(Claims())
    assert (text_of(found), found.raised_by) == ("internal", ())
    assert [(s.source, s.trust, s.base) for s in found.signals] == [
        ("default", Trust.CONFIGURED, True)
    ]
    assert text_of(read(Claims(), "website")) == "public"
    assert text_of(read(Claims(), label="public")) == "public"


def test_the_base_is_the_join_of_all_that_the_key_binds() -> None:
    found = read(Claims(), "website", "payments", label="internal+secret")
    assert text_of(found) == "restricted+secret"
    assert found.raised_by == ()
    assert [(s.source, s.detail) for s in found.signals] == [
        ("key", ""), ("repo", "website"), ("repo", "payments"),
    ]  # fmt: skip
    assert {s.trust for s in found.signals} == {Trust.AUTHENTICATED}


@pytest.mark.parametrize("selects", [False, True])
@pytest.mark.parametrize("claims", [Claims(label="public"), Claims(label="public", repo="website")])
def test_adv_01_a_claim_of_public_on_a_restricted_key_changes_nothing(
    claims: Claims, *, selects: bool
) -> None:
    found = read(claims, "payments", selects=selects)
    assert text_of(found) == "restricted"
    assert found.raised_by == ()


def test_a_key_that_selects_has_the_label_of_the_one_that_is_claimed() -> None:
    found = read(Claims(repo="https://git.corp/web/site.git"), "website", "payments", selects=True)
    assert text_of(found) == "public"
    assert [(s.source, s.trust) for s in found.signals if s.base] == [("repo", Trust.SELECTED)]


def test_a_key_that_does_not_select_has_the_join_whatever_is_claimed() -> None:
    found = read(Claims(repo="website"), "website", "payments")
    assert text_of(found) == "restricted"
    assert {s.trust for s in found.signals if s.base} == {Trust.AUTHENTICATED}


def test_a_key_that_selects_keeps_its_written_floor() -> None:
    found = read(Claims(repo="website"), "website", "payments", label="internal", selects=True)
    assert text_of(found) == "internal"


@pytest.mark.parametrize("claims", [Claims(), Claims(repo="https://git.corp/other/x")])
def test_a_key_that_selects_and_is_told_nothing_known_has_the_join_of_them_all(
    claims: Claims,
) -> None:
    found = read(claims, "website", "payments", selects=True)
    assert found.label.level.name == "restricted"
    assert {s.detail for s in found.signals if s.base} == {"website", "payments"}


def test_a_claim_outside_the_bound_ones_is_joined_on_top() -> None:
    found = read(Claims(repo="payments"), "website", "nordic", selects=True)
    assert text_of(found) == "restricted@NO,SE"
    assert found.raised_by == ("claim:repo",)


def test_a_claimed_label_and_a_claimed_repository_only_raise() -> None:
    found = read(Claims(label="public+secret@EU", repo="https://git.corp/x/y"), "website")
    assert text_of(found) == "restricted+opaque+secret@DE,FR"
    assert found.raised_by == ("claim:repo", "claim:label")
    assert {s.trust for s in found.signals if not s.base} == {Trust.CLAIMED}
    details = {s.source: s.detail for s in found.signals}
    assert details == {"repo": "website", "claim:repo": "unregistered", "claim:label": ""}


@pytest.mark.parametrize(
    "text", ["public,restricted", "public, public", "Public", "public ", "public\x00", "", "secret"]
)
def test_adv_02_and_04_a_label_that_is_not_one_known_label_is_malformed(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(Claims(label=text), "website")
    assert not text or f"{text}." not in caught.value.what
    assert "known" in caught.value.what or "malformed" in caught.value.what


def test_adv_05_a_confusable_label_is_malformed_and_never_the_default() -> None:
    with pytest.raises(Malformed):
        read(Claims(label="publi\u0441"))


@pytest.mark.parametrize("claims", [Claims(), Claims(repo="website")])
def test_a_key_bound_to_a_repository_that_nobody_registered_has_the_strictest_label(
    claims: Claims,
) -> None:
    found = read(claims, "website", "gone", selects=True)
    assert found.label == WORDS.top
    assert [s.detail for s in found.signals if s.label == WORDS.top] == ["unknown"]
    assert all("gone" not in s.detail for s in found.signals)


def test_a_key_with_a_label_that_the_policy_does_not_know_has_the_strictest_label() -> None:
    assert read(Claims(), label="cosmic").label == WORDS.top


def test_two_residencies_that_do_not_meet_leave_no_lawful_place() -> None:
    assert not read(Claims(label="public@EU"), "nordic").label.has_lawful_place


RAISES = {"secrets": WORDS.parse("restricted+secret"), "failed": WORDS.parse("restricted+opaque")}


def a_finding(kind: str, detector: str = "secrets") -> Finding:
    return Finding(detector, kind, "/messages/0/content", 3, 9, "fingerprint")


def test_findings_of_one_detector_are_one_signal_with_their_kinds() -> None:
    found = finding_signals([a_finding("b"), a_finding("a"), a_finding("b")], [], RAISES)
    assert [(s.source, s.detail, str(s.label), s.trust, s.base) for s in found] == [
        ("detector:secrets", "a,b", "restricted+secret", Trust.INFERRED, False)
    ]


def test_no_finding_is_no_signal() -> None:
    assert finding_signals([], [], RAISES) == ()


def test_a_failed_detector_raises_once_and_beside_what_it_found() -> None:
    found = finding_signals([a_finding("a")], ["secrets", "secrets"], RAISES)
    assert [(s.detail, str(s.label)) for s in found] == [
        ("a", "restricted+secret"),
        ("not verified", "restricted+opaque+secret"),
    ]


def test_a_failed_detector_joins_whatever_it_could_have_found() -> None:
    told = {
        "failed": WORDS.parse("internal"),
        "secrets": WORDS.parse("internal"),
        "secrets/key": WORDS.parse("restricted"),
        "secretsmore": WORDS.parse("restricted+secret"),
        "personal": WORDS.parse("public+opaque"),
    }
    found = finding_signals([], ["personal", "secrets", "unheard"], told)
    assert [(s.source, str(s.label)) for s in found] == [
        ("detector:personal", "internal+opaque"),
        ("detector:secrets", "restricted"),
        ("detector:unheard", "internal"),
    ]


def test_a_detector_that_the_policy_does_not_name_counts_as_failed() -> None:
    (found,) = finding_signals([a_finding("x", "unheard")], [], RAISES)
    assert str(found.label) == "restricted+opaque"


def test_the_kinds_that_a_signal_names_are_bounded() -> None:
    (found,) = finding_signals([a_finding(f"k{n:03}") for n in range(99)], [], RAISES)
    assert found.detail.count(",") == KINDS_NAMED_MAX - 1


def test_labels_of_findings_join_those_of_the_key() -> None:
    caller = Caller("k1", "someone", "team", repos=("website",))
    base = signals(caller, Claims(), REGISTRY, WORDS, DEFAULT)
    found = classify((*base, *finding_signals([a_finding("a")], [], RAISES)))
    label: Label = found.label
    assert str(label) == "restricted+secret"
    assert found.raised_by == ("detector:secrets",)


def test_every_floor_of_a_caller_is_joined() -> None:
    caller = Caller("k", "s", "t", "public", floors=("internal", "public+secret"))
    found = signals(caller, Claims(), REGISTRY, WORDS, DEFAULT)
    assert str(classify(found).label) == "internal+secret"
    alone = Caller("k", "s", "t", floors=("no such label",))
    found = signals(alone, Claims(), REGISTRY, WORDS, DEFAULT)
    assert classify(found).label == WORDS.top


def a_tag(number: int, kind: str = "email") -> Finding:
    return Finding("contacts", kind, "/x", number, 9, f"hash {number}", tag_only=True)


COUNTING = RAISES | {"contacts": WORDS.parse("internal")}


def test_a_tag_raises_nothing_unless_its_kind_is_named() -> None:
    assert finding_signals([a_tag(1), a_tag(2)], [], COUNTING) == ()
    assert finding_signals([a_tag(1)], [], RAISES) == ()
    named = COUNTING | {"contacts/email": WORDS.parse("restricted")}
    (found,) = finding_signals([a_tag(1), a_tag(2, "phone")], [], named)
    assert (found.detail, str(found.label)) == ("email", "restricted")


def test_tags_raise_by_the_number_of_different_ones() -> None:
    tags = [a_tag(number % 3, "email") for number in range(30)]
    assert finding_signals(tags, [], COUNTING, {"contacts": 4}) == ()
    (found,) = finding_signals([*tags, a_tag(4, "phone")], [], COUNTING, {"contacts": 4})
    assert (found.detail, str(found.label)) == ("email,phone", "internal")


def test_a_count_holds_back_what_would_raise_alone() -> None:
    found = [a_finding("a"), a_finding("a")]
    assert finding_signals(found, [], RAISES, {"secrets": 2}) == ()
    assert len(finding_signals([*found, a_finding("b")], [], RAISES, {"secrets": 2})) == 1


def test_kinds_with_labels_of_their_own_join_them() -> None:
    raises = RAISES | {"secrets/a": WORDS.parse("internal"), "secrets/b": WORDS.parse("public")}
    (low,) = finding_signals([a_finding("a"), a_finding("b")], [], raises)
    assert str(low.label) == "internal"
    (high,) = finding_signals([a_finding("a"), a_finding("c")], [], raises)
    assert str(high.label) == "restricted+secret"


def test_what_a_steward_allowed_raises_nothing_also_by_count_or_kind() -> None:
    allowed = [replace(a_finding("a"), allowed=True), replace(a_tag(1), allowed=True)]
    raises = COUNTING | {"secrets/a": WORDS.parse("restricted")}
    assert finding_signals(allowed, [], raises, {"contacts": 1}) == ()


def test_the_kinds_that_raise_are_those_that_make_a_signal() -> None:
    allowed = Finding("secrets", "aws", "/x", 0, 9, allowed=True)
    tag = Finding("secrets", "guess", "/x", 0, 9, tag_only=True)
    found = Finding("secrets", "pat", "/x", 0, 9)
    label = Vocabulary(("public", "internal")).top
    raises = {"secrets": label, "failed": label}
    assert raising_kinds((allowed, tag), raises) == frozenset()
    assert raising_kinds((allowed, tag, found), raises) == {("secrets", "pat")}
    assert raising_kinds((tag,), {**raises, "secrets/guess": label}) == {("secrets", "guess")}
