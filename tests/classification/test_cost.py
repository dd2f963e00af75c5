"""A scan does not become many times as dear unnoticed; `make bench` holds it to its promise."""

import pytest

from tests.bench.detection import (
    INPUT_MS_MAX,
    INPUTS,
    SOURCE_MS_MAX,
    a_scanner,
    cost_ms,
    inputs,
    source_ms,
)

# WHY: other tests run beside this one, on whatever machine there is.
SLACK = 4


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    made = inputs()
    assert tuple(made) == INPUTS
    return made


@pytest.mark.anyio
@pytest.mark.parametrize("name", INPUTS)
async def test_no_large_text_is_many_times_as_dear_as_promised(
    texts: dict[str, str], name: str
) -> None:
    scanner = a_scanner()
    assert min([await cost_ms(scanner, texts[name]) for _ in range(2)]) < INPUT_MS_MAX * SLACK
    scanner.close()


@pytest.mark.anyio
async def test_source_code_is_not_many_times_as_dear_as_promised() -> None:
    scanner = a_scanner()
    assert await source_ms(scanner) < SOURCE_MS_MAX * SLACK
    scanner.close()
