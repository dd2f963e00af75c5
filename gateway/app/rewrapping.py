"""What an interrupted change of the wrapping key left open, ended at a start."""

import sqlite3

from gateway.domain.errors import GatewayError
from gateway.ledger.files import Files
from gateway.ledger.ledger import Ledger
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.rewrapping import WrappingFiles, finish
from gateway.meters.logs import logger


async def finish_rewrapping(paths: LedgerPaths, ledger: Ledger) -> None:
    """Tell of a store that was wrapped anew untold; what cannot be ended now stays for later."""
    try:
        await finish(WrappingFiles(paths, Files()), ledger.record)
    except (GatewayError, OSError, sqlite3.Error) as error:
        logger().error("rewrapping_unfinished", kind=type(error).__name__)
