"""A scan does not become many times as dear unnoticed; `make bench` holds it to its promise."""

import pytest

from tests.bench.detection import (
    DENSE,
    DENSE_MS_MAX,
    INPUT_MS_MAX,
    INPUTS,
    SOURCE_MS_MAX,
    a_scanner,
    an_input,
    cost_ms,
    dense,
    source_ms,
)

# WHY: other tests run beside this one, on whatever machine there is.
SLACK = 4


@pytest.mark.anyio
@pytest.mark.parametrize("name", INPUTS)
async def test_no_large_text_is_many_times_as_dear_as_promised(name: str) -> None:
    scanner, text = a_scanner(), an_input(name)
    assert min([await cost_ms(scanner, text) for _ in range(2)]) < INPUT_MS_MAX * SLACK
    scanner.close()


@pytest.mark.anyio
@pytest.mark.parametrize("name", DENSE)
async def test_no_text_full_of_matches_is_many_times_as_dear_as_promised(name: str) -> None:
    scanner, text = a_scanner(), dense(name, "test")
    assert min([await cost_ms(scanner, text) for _ in range(2)]) < DENSE_MS_MAX * SLACK
    scanner.close()


@pytest.mark.anyio
async def test_source_code_is_not_many_times_as_dear_as_promised() -> None:
    scanner = a_scanner()
    assert await source_ms(scanner) < SOURCE_MS_MAX * SLACK
    scanner.close()
