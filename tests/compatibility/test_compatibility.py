"""Nothing is lost without its name, and the page says what is so."""

from itertools import product

import pytest

from gateway.backends import BACKENDS
from gateway.dialects import DIALECTS
from gateway.domain.request import Operation
from gateway.surfaces.surface import SURFACES
from tests.compatibility.__main__ import PAGE
from tests.compatibility.features import FEATURES, LEAST
from tests.compatibility.table import (
    ENGINES,
    HOSTS,
    Column,
    Engine,
    cell,
    columns,
    listed,
    page,
    rows,
    spoken,
)
from tests.doubles.goldens import GOLDENS

ROWS = {
    f"{dialect}, {name}, {one.title}": (dialect, what, one) for dialect, name, what, one in rows()
}


@pytest.mark.parametrize("row", ROWS)
def test_what_is_said_arrives_or_is_lost_by_name(row: str) -> None:
    dialect, feature, engine = ROWS[row]
    found = cell(dialect, feature, engine)
    if found.refused:
        return
    for sentinel in feature.sentinels:
        # WHY: Google writes its words in capitals, an effort among them.
        said = sentinel.lower().encode() in found.sent.lower()
        assert said or found.lost, f"{sentinel} vanished"


@pytest.mark.parametrize("dialect", spoken())
@pytest.mark.parametrize("engine", [*ENGINES, *HOSTS], ids=lambda engine: engine.title)
def test_words_tools_and_their_history_reach_every_engine(dialect: str, engine: Engine) -> None:
    for name in ("text", "system", "tools", "tool history"):
        feature = FEATURES[dialect][name]
        found = cell(dialect, feature, engine)
        assert not found.refused, f"{name}: {found.refused}"
        assert all(sentinel.encode() in found.sent for sentinel in feature.sentinels), name


def test_every_surface_and_every_kind_of_engine_has_its_place() -> None:
    assert set(spoken()) <= set(FEATURES)
    # WHY: what is counted is what is said; only what is none of both has rows of its own.
    asked = {one.dialect for one in SURFACES.values()}
    assert {name for name in asked if DIALECTS[name].operation is not Operation.COUNT} <= {
        *listed()
    }
    assert FEATURES.keys() == LEAST.keys()
    assert {engine.kind for engine in (*ENGINES, *HOSTS)} == BACKENDS.keys() - {"scripted"}
    # WHY: an engine that is no such host needs a column of its own, with a model of its own.
    hosts = {path.stem for path in (GOLDENS / "hosts").glob("*.json")} - {"openai"}
    assert {host.kind for host in HOSTS} == hosts


@pytest.mark.parametrize("dialect", listed())
def test_a_column_says_of_each_of_its_hosts_what_is_so(dialect: str) -> None:
    shown = columns(dialect, HOSTS, merged=True)
    assert sorted(title for column in shown for title in column.titles) == sorted(
        host.title for host in HOSTS
    )
    for column, host in product(shown, HOSTS):
        if host.title in column.titles:
            alone = columns(dialect, (host,), merged=True)
            assert alone == [Column((host.title,), column.cells)]


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run `make generate`"
