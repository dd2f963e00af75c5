"""The table of questions: a line each, or a function where one statement does not answer it."""

from gateway.cli.audit.boundary import boundary
from gateway.cli.audit.completeness import completeness
from gateway.cli.audit.counting import Counting, question
from gateway.cli.audit.explained import explained
from gateway.cli.audit.policies import in_force, policies
from gateway.cli.audit.question import Question
from gateway.cli.audit.register import regions, retention, transfers

_SINCE = ("first_day=MIN(day)", "last_day=MAX(day)", "example=MAX(example)")
_REQUESTS = ("requests=SUM(requests)", *_SINCE)
_WEEK = "week=day - (day + 3) % 7"
# WHY: these say that policy kept a request out of a zone; the others that an engine could not.
_KEPT_OUT = (
    "effect = 'permit' AND reason NOT IN ('resting', 'cost', 'ended', 'too_many_candidates')"
    " AND reason NOT LIKE 'cannot%' AND reason NOT LIKE 'too_%'"
)

QUESTIONS: dict[str, Question] = {
    "boundary": Question(
        "every pair of label and zone with its count, and whether anything crossed",
        boundary,
        options=frozenset({"within"}),
    ),
    "explain": Question(
        "one request in plain words: label, rules, candidates, attempts",
        explained,
        options=frozenset({"record"}),
    ),
    "denied": question(
        "what was denied or refused, by which rule",
        Counting(
            "decisions",
            ("effect", "reason", "rules", "team", "label", "surface"),
            _REQUESTS,
            "effect != 'permit'",
        ),
    ),
    "near-misses": question(
        "what was permitted, and where policy kept it out of a zone that it asked for",
        Counting("exclusions", ("label", "offering", "reason", "team"), _REQUESTS, _KEPT_OUT),
    ),
    "fallbacks": question(
        "what went on to another engine, and which ones were eligible",
        Counting(
            "fallbacks", ("label", "eligible", "tried", "because", "outcome", "team"), _REQUESTS
        ),
    ),
    "unlabelled": question(
        "how much stands on the default label alone, by team",
        Counting(
            "decisions",
            ("team", "basis"),
            (
                "requests=SUM(requests)",
                "share=printf('%.1f %%', 100.0 * SUM(requests)"
                " / SUM(SUM(requests)) OVER (PARTITION BY team))",
                *_SINCE,
            ),
        ),
    ),
    "raises": question(
        "what raised labels above those that the keys bind",
        Counting(
            "signals",
            ("source", "trust", "floor", "says", "label", "team"),
            _REQUESTS,
            "verdict = 'raised'",
        ),
    ),
    "claims": question(
        "claims of clients that differed from what is known; a lower one is an attempt to spoof",
        Counting(
            "signals",
            ("team", "verdict", "source", "says", "floor", "label"),
            _REQUESTS,
            "trust = 'claimed' AND verdict != 'agrees'",
        ),
    ),
    "detectors": question(
        "what the detectors found, week by week",
        Counting(
            "findings",
            ("kind", "place", _WEEK),
            ("findings=SUM(findings)", "allowed=SUM(allowed)", "requests=SUM(requests)"),
            order="1, 2, 3",
        ),
    ),
    "spend": question(
        "tokens and cost by label and zone",
        Counting(
            "outcomes",
            ("team", "label", "zone", "offering"),
            (
                "requests=SUM(requests)",
                "input_tokens=SUM(input_tokens)",
                "output_tokens=SUM(output_tokens)",
                "cost_microusd=SUM(cost_microusd)",
            ),
        ),
    ),
    "requests": question(
        "requests that have ended, the latest first",
        Counting(
            "requests",
            (
                "at=ts_us",
                "id",
                "team",
                "key",
                "surface",
                "model",
                "label",
                "effect",
                "reason",
                "zone",
                "offering",
                "outcome",
                "error",
            ),
        ),
    ),
    "transfers": Question("who got data: country, basis, agreement, volume", transfers),
    "regions": Question("where zones were declared, and where replies say they came from", regions),
    "retention": Question("what still lies at providers, by what policies say of them", retention),
    "policies": Question(
        "changes of the policy, who approved them, and the decisions that they changed",
        policies,
        options=frozenset({"replays"}),
    ),
    "in-force": Question(
        "which policy was in force, on a day or in a period", in_force, options=frozenset({"on"})
    ),
    "completeness": Question("gaps, lost ends, silence, stepped clocks, anchors", completeness),
    "changes": question(
        "everything that changed meaning, the latest first",
        Counting("changes", ("at=ts_us", "what", "facts", "id")),
    ),
    "approvals": question(
        "what persons approved, and what was refused",
        Counting(
            "changes",
            (
                "at=ts_us",
                "what",
                "action=json_extract(facts, '$.action')",
                "scope=json_extract(facts, '$.scope')",
                "requester=json_extract(facts, '$.requester')",
                "approvers=json_extract(facts, '$.approvers')",
                "until=json_extract(facts, '$.until_us')",
                "reason=json_extract(facts, '$.reason')",
            ),
            given="what IN ('approval_used', 'approval_refused')",
        ),
        "approval_used",
    ),
    "subjects": question(
        "who was erased, read or held, by pseudonym; what was pruned, and what a hold refused",
        Counting(
            "changes",
            (
                "at=ts_us",
                "what",
                "action=json_extract(facts, '$.action')",
                "pseudonym=COALESCE(json_extract(facts, '$.pseudonym'),"
                " json_extract(facts, '$.scope.pseudonym'))",
                "record=json_extract(facts, '$.scope.record')",
                "hold=json_extract(facts, '$.hold')",
                "by=COALESCE(json_extract(facts, '$.requester'), json_extract(facts, '$.approval'),"
                " json_extract(facts, '$.by'))",
            ),
            given="what IN ('erased', 'bodies_pruned', 'pruned', 'prune_refused')"
            " OR json_extract(facts, '$.reason') = 'legal_hold'"
            " OR json_extract(facts, '$.action') IN ('erase', 'hold', 'release_hold', 'prune',"
            " 'decrypt', 'decrypt_bodies', 'read_findings')",
        ),
        "erased",
    ),
    "waivers": question(
        "attempts that went where persons had granted it, by waiver or by breaking glass",
        Counting(
            "attempts",
            ("granted=inside", "label", "zone", "team"),
            ("attempts=SUM(attempts)", *_SINCE),
            "inside NOT IN ('yes', 'no')",
        ),
        "break_glass_began",
    ),
    "readers": question(
        "who read the audit or what was sealed, and what was asked",
        Counting(
            "changes",
            (
                "at=ts_us",
                "question=COALESCE(json_extract(facts, '$.question'),"
                " json_extract(facts, '$.action'))",
                "asked_by=COALESCE(json_extract(facts, '$.by'),"
                " json_extract(facts, '$.requester'))",
                "record=COALESCE(json_extract(facts, '$.record'),"
                " json_extract(facts, '$.scope.record'))",
                "period=json_extract(facts, '$.period')",
                "filter=json_extract(facts, '$.where')",
                "verified=json_extract(facts, '$.verified')",
            ),
            given="what = 'audit_queried' OR (what = 'approval_used'"
            " AND json_extract(facts, '$.action')"
            " IN ('decrypt', 'decrypt_bodies', 'read_findings'))",
        ),
        "audit_queried",
    ),
    "exports": question(
        "what was handed out: by whom, of which time, and its digest",
        Counting(
            "changes",
            (
                "at=ts_us",
                "exporter=json_extract(facts, '$.exporter')",
                "profile=json_extract(facts, '$.profile')",
                "from_time=json_extract(facts, '$.from')",
                "to_time=json_extract(facts, '$.to')",
                "labels=json_extract(facts, '$.labels')",
                "digest=json_extract(facts, '$.digest')",
            ),
            given="what = 'exported'",
        ),
        "exported",
    ),
}
