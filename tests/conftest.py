"""What every test may rely on."""

import gc
import os

import pytest

from tests.doubles.one_authority import trust_one_authority

SKIPPED: list[str] = []


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_configure() -> None:
    trust_one_authority()


def pytest_collection() -> None:
    """Walk no heap while it only grows."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave what every test shares, and nobody lets go, out of each later walk of the heap."""
    gc.enable()
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped:
        SKIPPED.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where CI provides everything, a skip hides something: it fails."""
    if os.environ.get("CI") == "true" and SKIPPED and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if os.environ.get("CI") == "true" and SKIPPED:
        terminalreporter.write_line(f"CI allows no skip: {', '.join(SKIPPED)}", red=True)
