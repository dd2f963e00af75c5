"""`perimeter approve`: write a statement, sign it, and hand it to a gateway."""

import argparse
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from gateway.app.moment import EPOCH, SystemClock
from gateway.cli.signing import read_key
from gateway.config.node import load_node
from gateway.domain.approval import NONCE_CHARS, Action, Approval, Statement
from gateway.identity.approvals import (
    TERMS,
    NotApproved,
    digest_of,
    read_approval,
    sign,
    write_approval,
)

REFUSED = 1
ANSWER_S_MAX = 5.0
ANSWER_POLL_S = 0.05

Actions = Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    ask = actions.add_parser("ask", help="write a statement and sign it as the one who asks")
    ask.add_argument("what", choices=[str(action) for action in Action])
    ask.add_argument("--scope", action="append", default=[], metavar="NAME=VALUE")
    ask.add_argument("--about", default="", metavar="DIGEST", help="of a policy: its digest")
    _add_words(ask)
    _add_grants(actions)
    for name, purpose in (("sign", "approve a statement"), ("show", "say what a file approves")):
        action = actions.add_parser(name, help=purpose)
        action.add_argument("file", type=Path)
        if name == "sign":
            action.add_argument("--key", type=Path, required=True)
    submit = actions.add_parser("submit", help="hand a statement to the gateway of a node file")
    submit.add_argument("file", type=Path)
    submit.add_argument("--node", type=Path, default=Path("perimeter.yaml"))


def _add_words(ask: argparse.ArgumentParser) -> None:
    """Describe what every statement says."""
    ask.add_argument("out", type=Path, help="the file to be written")
    ask.add_argument("--reason", required=True, help="stands in the ledger in clear; names nobody")
    ask.add_argument("--hours", type=float, default=24.0, help="for how long, from now on")
    ask.add_argument("--key", type=Path, required=True, help="the key of the one who asks")


def _add_grants(actions: Actions) -> None:
    """Describe the two that let requests pass, in words of their own."""
    waiver = actions.add_parser("waiver", help="ask for a label to be treated as a lower one")
    glass = actions.add_parser("break_glass", help="ask for a zone to be open in an emergency")
    waiver.add_argument("--from", dest="least", required=True, metavar="LABEL", help="at most")
    waiver.add_argument("--to", required=True, metavar="LABEL", help="what it is treated as")
    glass.add_argument("--label", required=True, help="at most this label")
    for ask in (waiver, glass):
        ask.add_argument("--zone", required=True, help="the one zone that it opens")
        ask.add_argument("--uses", required=True, help="how many requests it serves")
        ask.add_argument("--repo", help="the key binds this repository, and nobody names another")
        ask.add_argument("--team", help="the team of the caller")
        ask.add_argument("--key-id", help="the id of the caller's key")
        _add_words(ask)


def run(arguments: argparse.Namespace) -> int:
    """Return 0, or 1 when a file, a key or the statement is no use."""
    steps = {"ask": _ask, "sign": _sign, "show": _show, "submit": _submit}
    steps |= dict.fromkeys(("waiver", "break_glass"), _ask_grant)
    try:
        return steps[arguments.action](arguments)
    except NotApproved as refused:
        print(f"perimeter: not approved: {refused.why}", file=sys.stderr)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        print(f"perimeter: {error}", file=sys.stderr)
    return REFUSED


def asked(what: Action, scope: dict[str, str], hours: float, **more: str) -> Statement:
    """Return a statement that counts from this second on, for so many hours."""
    now = SystemClock().now()
    until = now + timedelta(hours=hours)
    said: dict[str, Any] = {
        "version": 1,
        "action": what,
        "scope": scope,
        "nonce": os.urandom(NONCE_CHARS // 2).hex(),
        "from_us": _us(now),
        "until_us": _us(until),
        **more,
    }
    return msgspec.convert(said, Statement)


def hand_over(approval: Approval, inbox: Path) -> int:
    """Put an approval into the inbox of a gateway, wait for its answer and print that."""
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = approval.statement.nonce
    fresh, path, answer = (inbox / f"{name}{end}" for end in (".new", ".json", ".answer"))
    answer.unlink(missing_ok=True)
    fresh.write_bytes(write_approval(approval))
    fresh.replace(path)
    until = time.monotonic() + ANSWER_S_MAX
    while not answer.exists():
        if time.monotonic() > until:
            print("no gateway has taken it yet; it waits in the inbox", file=sys.stderr)
            return REFUSED
        time.sleep(ANSWER_POLL_S)
    said = msgspec.json.decode(answer.read_bytes())
    if said["taken"]:
        cut = f", {said['streams_cut']} streams cut" if said["streams_cut"] else ""
        print(f"in effect{cut}: {digest_of(approval.statement)}")
        return 0
    print(f"perimeter: refused: {said['why']}", file=sys.stderr)
    return REFUSED


def _ask(arguments: argparse.Namespace) -> int:
    scope = dict(_pair(text) for text in arguments.scope)
    return _written(Action(arguments.what), scope, arguments, digest=arguments.about)


def _ask_grant(arguments: argparse.Namespace) -> int:
    said = vars(arguments)
    words = {"from": "least", "key": "key_id"} | {
        name: name for name in ("to", "label", "zone", "uses", "repo", "team")
    }
    scope = {word: said[name] for word, name in words.items() if said.get(name) is not None}
    return _written(Action(arguments.action), scope, arguments)


def _written(
    what: Action, scope: dict[str, str], arguments: argparse.Namespace, **about: str
) -> int:
    """Write the statement, signed by the one who asks."""
    statement = asked(what, scope, arguments.hours, reason=arguments.reason, **about)
    approval = Approval(statement, sign(statement, "requester", read_key(arguments.key)))
    with arguments.out.open("xb") as file:
        file.write(write_approval(approval))
    print(f"{TERMS[what].approvers} approvers needed: {digest_of(statement)}")
    return 0


def _sign(arguments: argparse.Namespace) -> int:
    approval = read_approval(arguments.file.read_bytes())
    signature = sign(approval.statement, "approver", read_key(arguments.key))
    known = {approval.requester.key, *(one.key for one in approval.approvers)}
    if signature.key in known:
        raise ValueError("this key has signed already; two persons are two keys")
    signed = Approval(approval.statement, approval.requester, (*approval.approvers, signature))
    arguments.file.write_bytes(write_approval(signed))
    return _show(arguments)


def _show(arguments: argparse.Namespace) -> int:
    approval = read_approval(arguments.file.read_bytes())
    statement = approval.statement
    print(f"{statement.action}: {digest_of(statement)}")
    for name, value in sorted(statement.scope.items()):
        print(f"  {name} = {value!r}")
    if statement.digest:
        print(f"  about {statement.digest!r}")
    print(f"  reason {statement.reason!r}")
    print(f"  from {_shown(statement.from_us)} until {_shown(statement.until_us)}")
    print(f"  asked by {approval.requester.key}")
    for one in approval.approvers:
        print(f"  approved by {one.key}")
    print("signatures are checked by the gateway, against its persons file")
    return 0


def _submit(arguments: argparse.Namespace) -> int:
    approval = read_approval(arguments.file.read_bytes())
    return hand_over(approval, load_node(arguments.node).settings.paths.approvals)


def _pair(text: str) -> tuple[str, str]:
    name, sign_, value = text.partition("=")
    if not sign_:
        raise ValueError(f"write NAME=VALUE, not {text!r}")
    return name, value


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _shown(us: int) -> str:
    try:
        return (EPOCH + timedelta(microseconds=us)).astimezone(UTC).isoformat(timespec="seconds")
    except OverflowError:
        return f"{us} us"
