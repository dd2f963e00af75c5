"""`perimeter ledger`: make one, change its key or shard, write tiles, index anew, prune."""

import argparse
from datetime import date
from pathlib import Path

from gateway.app.making import ledger_paths
from gateway.app.moment import SystemClock
from gateway.cli import changing, reindexing
from gateway.cli.erase import add_signed, signed
from gateway.cli.shown import shown
from gateway.config.node import load_node
from gateway.domain.approval import Action
from gateway.export.static_log import write_static_log
from gateway.ledger.create import create
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.pruning import is_pruned
from gateway.ledger.shards import shards

PRUNE_HOURS = 24.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    made = actions.add_parser("create", help="make a new ledger; serve never does")
    made.add_argument("--node", type=Path, default=Path("perimeter.yaml"))
    made.add_argument("--inception", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    for name, purpose in (
        ("rotate-key", "make a new signing key, which the next start announces"),
        ("rewrap", "wrap the subject keys of a stopped gateway under a new wrapping key"),
        ("hand-over", "close the shard of a stopped gateway's ledger and begin the next"),
    ):
        acted = actions.add_parser(name, help=purpose)
        acted.add_argument("--node", type=Path, default=Path("perimeter.yaml"))
    pruned = actions.add_parser("prune", help="let closed shards keep hashes and lose content")
    pruned.add_argument("--before", type=date.fromisoformat, required=True, metavar="YYYY-MM-DD")
    add_signed(pruned)
    tiles = actions.add_parser("tiles", help="write a log as C2SP tiles, for other verifiers")
    tiles.add_argument("ledger", type=Path, help="the ledger's folder")
    tiles.add_argument("out", type=Path, help="the folder to be made")
    again = actions.add_parser("reindex", help="make the facts index anew, and say what differed")
    reindexing.add_arguments(again)


def run(arguments: argparse.Namespace) -> int:
    """Return 0, 1 where an index differed; LedgerUnavailable or ChainBroken when it cannot be."""
    steps = {
        "create": _create,
        "rotate-key": changing.rotate_key,
        "rewrap": changing.rewrap,
        "hand-over": changing.hand_over,
        "tiles": _tiles,
        "reindex": reindexing.run,
        "prune": _prune,
    }
    return steps[arguments.action](arguments)


def _create(arguments: argparse.Namespace) -> int:
    settings = load_node(arguments.node).settings
    now_us = SystemClock().now_us()
    vkey = create(ledger_paths(settings.paths), settings.origin, now_us, arguments.inception)
    print(f"created {settings.origin}")
    print(f"public key: {vkey}")
    return 0


def _prune(arguments: argparse.Namespace) -> int:
    return signed(arguments, Action.PRUNE, {"before": arguments.before.isoformat()}, PRUNE_HOURS)


def _tiles(arguments: argparse.Namespace) -> int:
    folder = LedgerFolder(arguments.ledger)
    sealed = write_static_log(folder, arguments.out)
    what = "hashes of pruned records" if is_pruned(folder) else "records"
    print(f"{sealed.origin}: {sealed.size} {what} as tiles, up to the latest checkpoint")
    for shard in shards(folder)[1:]:
        # WHY: each shard is a log of its own; whoever names the first must not think it was all.
        print(f"not in it: {shown(shard.root)}, a later shard and a log of its own")
    return 0
