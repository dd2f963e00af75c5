"""An auditor makes a recorded decision again, from the record and the stored documents alone."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.audit.record import Decided
from gateway.config.files import load
from gateway.config.folders import MODELS_FILES
from gateway.domain.decision import Finding, Scan
from gateway.domain.errors import ConfigError
from gateway.domain.fleet import Fleet
from gateway.domain.label import Label
from gateway.domain.request import Ask
from gateway.flow.opening import Stamp, decided, personal_of, turned_away
from gateway.flow.ports import World
from gateway.flow.replay import replay, replayed_world
from gateway.flow.ruling import gather, rule
from tests.doubles.houses import an_envelope
from tests.doubles.policies import shipped

MODELS = Path(__file__).resolve().parents[2] / "models"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STAMP = Stamp(NOW, "boot-1")
NAMES = {"policy": "sha256:policy", "catalogue": "sha256:catalogue"}
