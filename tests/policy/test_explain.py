from gateway.domain.decision import Classification, Decision, Effect, Signal, Trust
from gateway.domain.label import Label, Level
from gateway.policy.evaluate import decide
from gateway.policy.explain import explain
from tests.doubles.policies import ANYWHERE, NOW, a_program, some_facts

PUBLIC, RESTRICTED = Label(Level(0, "public")), Label(Level(2, "restricted"))


def test_a_permit_is_explained_from_label_to_rule() -> None:
    program = a_program(ANYWHERE)
    found = Classification(
        RESTRICTED,
        (
            Signal("repo", PUBLIC, Trust.AUTHENTICATED, base=True, detail="website"),
            Signal("claim:label", PUBLIC, Trust.CLAIMED),
            Signal("detector:secrets", RESTRICTED, Trust.INFERRED, detail="private-key"),
        ),
        ("detector:secrets",),
    )
    assert explain(found, decide(program, some_facts(program, "restricted"), NOW)) == (
        "The label is restricted.",
        "repo website (bound to the key) says public.",
        "detector:secrets private-key (found in the content) says restricted, which raised it.",
        "Permitted in zones home.",
        'Because rule "anywhere" keeps label restricted in zones home.',
        "The policy was sha256:test.",
    )


def test_a_denial_says_its_reason() -> None:
    program = a_program(ANYWHERE | {"when": {"team": "nobody"}})
    assert explain(None, decide(program, some_facts(program), NOW)) == (
        "Denied everywhere (no_rule_matched).",
        "Because no rule permits label internal in any zone.",
        "The policy was sha256:test.",
    )


def test_a_refusal_has_no_rule_to_name() -> None:
    refused = Decision(Effect.REFUSED, frozenset(), (), "malformed", "", NOW)
    assert explain(None, refused) == ("It was refused before policy spoke: malformed.",)


def test_a_decision_without_words_is_still_explained() -> None:
    bare = Decision(Effect.DENY, frozenset(), (), "denied_by_rule", "", NOW)
    assert explain(None, bare) == ("Denied everywhere (denied_by_rule).",)
