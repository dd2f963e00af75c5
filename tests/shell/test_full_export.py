"""A full export stands on what persons allow now, not on what they allowed once."""

import pytest

from gateway.app.exporting import NOT_APPROVED, why_not
from gateway.domain.approval import Action, Approved, Statement
from gateway.stores.standing import Active, Standing

SPAN = {"origin": "demo/test", "from": "2020-01-01", "to": "2021-01-01"}


def an_export() -> Approved:
    statement = Statement(
        action=Action.EXPORT,
        scope=SPAN | {"profile": "full", "approval": "sha256:ab"},
        reason="audit",
        from_us=0,
        until_us=1_000,
        nonce="0" * 32,
        digest="sha256:cd",
    )
    return Approved(statement, "sha256:ef", "ada", ())


@pytest.mark.parametrize(("now_us", "why"), [(9, NOT_APPROVED), (10, ""), (20, NOT_APPROVED)])
def test_what_was_allowed_opens_nothing_before_its_time_or_after(now_us: int, why: str) -> None:
    allowed = Active(Action.EXPORT_FULL, SPAN, 10, 20, "ada", ("bob", "cleo"))
    standing = Standing(active={"sha256:ab": allowed})
    assert why_not(an_export(), standing, "demo/test", now_us) == why
    another = Standing(active={"sha256:ab": Active(Action.HOLD, SPAN, 0, 99, "ada", ())})
    assert why_not(an_export(), another, "demo/test", now_us) == NOT_APPROVED
