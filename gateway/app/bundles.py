"""A policy that persons have signed: is it this one, may it be in force, is it no older one?"""

from pathlib import Path
from typing import Any

from msgspec import Struct

from gateway.app.loading import Loaded
from gateway.config.folders import APPROVAL
from gateway.domain.approval import Action, Approved
from gateway.domain.errors import ConfigError, Problem
from gateway.identity.approvals import APPROVAL_BYTES_MAX, NotApproved, check, read_approval
from gateway.stores.standing import Standing

SERIAL_DIGITS_MAX = 15


class SignedPolicy(Struct, frozen=True):
    """The serial of a policy, and who signed that it may be in force."""

    serial: int
    approved: Approved | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the ledger says of it beside its digest."""
        approved = self.approved
        if approved is None:
            return {"serial": self.serial}
        return {
            "serial": self.serial,
            "approval": approved.digest,
            "requester": approved.requester,
            "approvers": list(approved.approvers),
        }


def signed_of(loaded: Loaded, standing: Standing, now_us: int) -> SignedPolicy:
    """Return the serial of a signed policy, that of the last one where none has to be signed.

    ConfigError when it must be signed and is not, says another policy, or was followed by another.
    """
    path = loaded.node.settings.paths.policy / APPROVAL
    if not loaded.node.settings.policy_signed and not path.exists():
        return SignedPolicy(standing.serial)
    policy = loaded.compiled.program.digest
    try:
        approval = read_approval(_bytes(path))
        # WHY: an approval of a policy is used at every start; among the used ones it is revoked.
        approved = check(approval, loaded.persons, now_us, standing.used)
    except NotApproved as refused:
        raise _problem(path, f"the policy is not approved: {refused.why}") from None
    statement = approved.statement
    if statement.action is not Action.POLICY:
        raise _problem(path, "this approves something else than a policy")
    if statement.digest != policy:
        raise _problem(path, f"this approves another policy; this one is {policy}")
    serial = _number(path, statement.scope["serial"])
    # INVARIANT: what was followed by another policy is never in force again.
    if serial < standing.serial or (serial == standing.serial and policy != standing.policy):
        raise _problem(path, f"serial {serial} is not above {standing.serial}, which was in force")
    return SignedPolicy(serial, approved)


def _number(path: Path, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= SERIAL_DIGITS_MAX):
        raise _problem(path, "the serial is no number")
    return int(text)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(APPROVAL_BYTES_MAX + 1)
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise _problem(path, f"the approval of the policy cannot be read: {reason}") from None


def _problem(path: Path, what: str) -> ConfigError:
    return ConfigError((Problem(str(path), 1, "", what),))
