"""What was declared of a place, held against recorded answers: nothing is left unsaid."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from anthropic.types import Message
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from gateway.app.loading import load_all
from gateway.cli.residency import HEAD
from gateway.policy.regions import GOOGLE_REGIONS
from gateway.transport.bedrock_place import RETENTIONS
from gateway.transport.residency.listed import shipped
from gateway.transport.vertex_place import MULTI_REGIONS
from tests.doubles.gateway_folders import Ran, ran
from tests.doubles.residency_node import ENVIRONMENT, residency_node

GOLDENS = Path(__file__).resolve().parents[1] / "goldens" / "residency"
MODEL = ServiceModel(Loader().load_service_model("bedrock", "service-2"))
CASES = sorted(path.name for path in GOLDENS.iterdir() if path.is_dir())


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def verified(folder: Path, case: str, *more: str, **over: str) -> Ran:
    node = residency_node(folder, **over)
    return ran("residency", "verify", str(node), "--fixtures", str(GOLDENS / case), *more)


def differences(done: Ran) -> dict[tuple[str, str], str]:
    report = msgspec.json.decode(done.out)
    return {
        (one["offering"], one["check"]): one["difference"]
        for one in report["verdicts"]
        if one["difference"]
    }


def test_what_is_as_it_was_declared_agrees(tmp_path: Path) -> None:
    done = verified(tmp_path, "agrees", "--json")
    assert (done.code, differences(done)) == (0, {})
    checks = [(one["offering"], one["check"]) for one in msgspec.json.decode(done.out)["verdicts"]]
    assert checks == [
        ("opus@bedrock-eu", "evidence"),
        ("opus@bedrock-eu", "profile"),
        ("opus@bedrock-eu", "retention"),
        ("gemini@vertex-eu", "evidence"),
        ("gemini@vertex-eu", "listed"),
        ("sonnet@claude-us", "evidence"),
        ("sonnet@claude-us", "echo"),
        ("opus@bedrock-eu", "ran"),
    ]
    assert done.err == "8 checks, 0 offerings differ\n"


@pytest.mark.parametrize(
    ("case", "found"),
    [
        (
            "a_profile_that_grew",
            {("opus@bedrock-eu", "profile"): "eu-west-2 lies outside its zone"},
        ),
        (
            "a_changed_retention",
            {("opus@bedrock-eu", "retention"): "the account is set to provider_data_share"},
        ),
        (
            "a_missing_echo",
            {("sonnet@claude-us", "echo"): "replies that do not tell their place: 1"},
        ),
        ("a_region_that_ran", {("opus@bedrock-eu", "ran"): "calls that ran in eu-west-2: 2"}),
        ("another_echo", {("sonnet@claude-us", "echo"): "replies that tell another place: 1"}),
        (
            "a_stale_date",
            {
                ("opus@bedrock-eu", "evidence"): "its evidence ended on 2027-02-20",
                ("gemini@vertex-eu", "evidence"): "its evidence ended on 2027-02-20",
                ("sonnet@claude-us", "evidence"): "its evidence ended on 2027-02-20",
            },
        ),
        (
            "nobody_answers",
            {
                ("opus@bedrock-eu", "profile"): "nobody tells whether it is so",
                ("opus@bedrock-eu", "retention"): "nobody tells whether it is so",
            },
        ),
    ],
)
def test_a_difference_is_found_and_is_the_exit_code(
    case: str, found: dict[tuple[str, str], str], tmp_path: Path
) -> None:
    done = verified(tmp_path, case, "--json")
    assert differences(done) == found
    assert done.code == 1


def test_a_table_for_people_says_the_same(tmp_path: Path) -> None:
    done = verified(tmp_path, "a_profile_that_grew")
    head, *rows = done.out.splitlines()
    assert head.split() == list(HEAD)
    (profile,) = [row for row in rows if "  profile  " in row]
    assert "DE ES FR IE IT SE" in profile
    assert "eu-west-2" in profile
    assert profile.endswith("eu-west-2 lies outside its zone")
    assert sum(row.endswith("  -") for row in rows) == len(rows) - 1
    assert done.err == "7 checks, 1 offerings differ\n"


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2026, 11, 27), []),
        (date(2027, 1, 21), []),
        (date(2027, 1, 22), ["its evidence ends in 29 days"] * 3),
        (date(2027, 2, 20), ["its evidence ends in 0 days"] * 3),
        (date(2027, 2, 21), ["its evidence has ended"] * 3),
    ],
)
def test_evidence_that_ends_soon_is_told_before(
    today: date, said: list[str], tmp_path: Path
) -> None:
    found = load_all(residency_node(tmp_path), ENVIRONMENT, today).notices
    assert [line.partition(": ")[2] for line in found if line.startswith("zone ")] == said


def test_adv_35_a_pair_that_is_not_listed_is_promised_nothing(tmp_path: Path) -> None:
    done = verified(tmp_path, "agrees", "--json", wire="gemini-3.5-flash")
    why = "the pair of model and location is not listed"
    assert differences(done) == {("gemini@vertex-eu", "listed"): why}


def test_who_has_read_the_page_says_so_with_the_day(tmp_path: Path) -> None:
    read = ", listed_models: gemini-3.5-flash, listed_on: '2026-11-27'"
    done = verified(tmp_path, "agrees", "--json", wire="gemini-3.5-flash", google=read)
    assert differences(done) == {}
    for day in ("2026-08-26", "2026-11-28"):
        old = read.replace("2026-11-27", day)
        done = verified(tmp_path, "agrees", "--json", wire="gemini-3.5-flash", google=old)
        assert differences(done) == {
            ("gemini@vertex-eu", "listed"): "listed_on is no day of the last 92"
        }


@pytest.mark.parametrize(
    ("google", "why"),
    [
        (", listed_models: a", "belong together"),
        (", listed_on: '2026-11-27'", "belong together"),
        (", listed_models: a, listed_on: soon", "is a day"),
    ],
)
def test_a_reading_without_its_day_is_a_problem(google: str, why: str, tmp_path: Path) -> None:
    done = ran("check", str(residency_node(tmp_path, google=google)))
    assert done.code == 2
    assert why in done.err


def test_a_retention_that_there_is_not_is_a_problem(tmp_path: Path) -> None:
    node = residency_node(tmp_path)
    path = tmp_path / "models" / "backends.yaml"
    path.write_text(path.read_text().replace("retention: none", "retention: zero"))
    done = ran("check", str(node))
    assert done.code == 2
    assert "retention is one of none, default" in done.err


def test_a_log_of_the_account_may_be_named(tmp_path: Path) -> None:
    trail = GOLDENS / "a_region_that_ran" / "cloudtrail.json"
    done = verified(tmp_path, "a_profile_that_grew", "--json", "--cloudtrail", str(trail))
    assert differences(done).keys() == {
        ("opus@bedrock-eu", "profile"),
        ("opus@bedrock-eu", "ran"),
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cloudtrail.json", "[]"),
        ("bedrock-eu.json", "{"),
        ("bedrock-eu.json", '{"answers": {"/x": {"status": "200", "body": 1}}}'),
        ("bedrock-eu.json", '{"question": 1}'),
        ("day.txt", "yesterday"),
    ],
)
def test_recorded_answers_that_cannot_be_read_are_told(
    name: str, text: str, tmp_path: Path
) -> None:
    folder = tmp_path / "recorded"
    shutil.copytree(GOLDENS / "agrees", folder)
    (folder / name).write_text(text)
    node = residency_node(tmp_path / "node")
    done = ran("residency", "verify", str(node), "--fixtures", str(folder))
    assert done.code == 2
    assert name in done.err
    done = ran("residency", "verify", str(node), "--fixtures", str(tmp_path / "absent"))
    assert done.code == 2


def test_a_provider_can_write_nothing_into_the_table(tmp_path: Path) -> None:
    folder = tmp_path / "recorded"
    shutil.copytree(GOLDENS / "agrees", folder)
    path = folder / "bedrock-eu.json"
    path.write_text(path.read_text().replace('"mode": "none"', '"mode": "none\\u001b[2J\\nOK"'))
    done = ran("residency", "verify", str(residency_node(tmp_path)), "--fixtures", str(folder))
    assert done.code == 1
    assert "\x1b" not in done.out
    assert "no word that is known" in done.out


def parsed(operation: str, body: Any) -> dict[str, Any]:
    shape = MODEL.operation_model(operation).output_shape
    reply = {"status_code": 200, "headers": {}, "body": msgspec.json.encode(body)}
    read: dict[str, Any] = create_parser("rest-json").parse(reply, shape)
    return read


@pytest.mark.parametrize("case", CASES)
def test_recorded_answers_have_the_vendors_own_form(case: str) -> None:
    answers = msgspec.json.decode((GOLDENS / case / "bedrock-eu.json").read_bytes())["answers"]
    for path, answer in answers.items():
        if answer["status"] != 200:
            continue
        if path == MODEL.operation_model("GetAccountDataRetention").http["requestUri"]:
            modes = MODEL.shape_for("DataRetentionMode").enum
            assert parsed("GetAccountDataRetention", answer["body"])["mode"] in modes
        else:
            read = parsed("GetInferenceProfile", answer["body"])
            assert len(read["models"]) == len(answer["body"]["models"])
    replies = msgspec.json.decode((GOLDENS / case / "claude-us.json").read_bytes())["replies"]
    for reply in replies["sonnet@claude-us"]:
        if isinstance(reply, dict):
            assert Message.model_validate(reply).usage.output_tokens == 1


def test_the_modes_that_can_be_declared_are_those_of_the_vendor() -> None:
    assert set(RETENTIONS) == set(MODEL.shape_for("DataRetentionMode").enum)


def test_the_shipped_table_has_a_source_and_days() -> None:
    table = shipped()
    assert table.source.startswith("https://")
    assert table.read_on < table.expires_on
    assert (table.expires_on - table.read_on).days <= 92
    assert table.locations.keys() <= GOOGLE_REGIONS.keys() | MULTI_REGIONS.keys()
    assert table.read_on >= date(2026, 11, 27)
