"""The page of the fields: everything that may be asked for is there, and what it names exists."""

import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct, structs

from gateway.audit.record import ADMIN_KINDS, Admin, Attempted, Decided, Personal, Settled

PAGE = Path(__file__).resolve().parents[2] / "docs" / "records.md"
RECORDS = {kind.__name__: kind for kind in (Decided, Attempted, Settled, Admin, Personal)}
_ROW = re.compile(r"^\| ([^|`]+) \| ([^|]*)\| ?([^|]*)\|$", re.MULTILINE)
_FIELD = re.compile(r"`((?:Decided|Attempted|Settled|Admin|Personal)(?:[.][a-z_0-9]+)+)`")
_KIND = re.compile(r"`([a-z_]+)`")
# What a decision record may be asked for; of what has parts, each of them.
ASKED_FOR = re.findall(
    r"\S+",
    """
    v type seq ts mono_ns boot_id instance_id gateway_version build_digest config_digest
    policy.bundle_digest policy.serial policy.signer catalogue_digest detector_ruleset_digest
    pricing_digest clock.source clock.offset_ms clock.synced prev_checkpoint_size decision_id
    request_id trace_id span_id attempt parent_decision_id idempotency_key_hash
    actor.subject_pseudonym actor.type actor.idp actor.auth_method actor.key_id actor.tenant
    actor.team actor.cost_center client.name client.version client.ua_hash src_ip_prefix
    on_behalf_of api.surface api.method api.path_template requested_model alias_resolution
    stream sizes.bytes sizes.parts sizes.est_tokens sizes.images sizes.files sizes.tools
    task_category phase pipeline session_id_pseudonym repo.id repo.ref repo.commit
    repo.path_globs_hit purpose declared sources effective session_hwm_before session_hwm_after
    waiver redactions findings opaque_parts scan.engine scan.us scan.bytes scan.truncated
    scan.depth effect reason_code rules_fired rules_errors shadow obligations candidates
    constraints budget chosen.backend_id chosen.kind chosen.operator chosen.account_id_hash
    chosen.endpoint_host chosen.source_region chosen.processing_regions_declared
    chosen.storage_regions_declared chosen.retention chosen.transfer_basis chosen.dpa_ref
    chosen.subprocessor_ids chosen.evidence_read_on egress.via_proxy egress.resolved_ip
    egress.tls_spki_sha256 request_commitment forwarded_commitment body_ref headers_forwarded
    decision_seq status upstream_status finish_reason truncated bytes_out usage usage_source
    cost.amount cost.currency cost.basis latency.queue latency.ttft latency.total response_model
    provider_request_id observed_region residency_attestation response_commitment
    response_findings response_label retries cache_hit tool_calls quality provenance
    """,
)


def rows() -> dict[str, tuple[str, str]]:
    """Return, for what is asked for, where it stands and what is said of it."""
    text = PAGE.read_text()
    found = _ROW.findall(text)
    told = [(asked.strip(), (where, more)) for asked, where, more in found]
    told = [(asked, rest) for asked, rest in told if asked not in {"asked for", "---"}]
    assert len(dict(told)) == len(told), "a field stands there twice"
    return dict(told)


def parts_of(kind: object) -> Iterator[type[Struct]]:
    """Yield the structs of which a field's type is made."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield kind
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType, tuple):
        for one in typing.get_args(kind):
            yield from parts_of(one)


def exists(path: str) -> bool:
    """Is there such a field, step by step?"""
    name, *steps = path.split(".")
    kinds: list[type[Struct]] = [RECORDS[name]]
    for step in steps:
        fields = [one.type for kind in kinds for one in structs.fields(kind) if one.name == step]
        if not fields:
            return False
        kinds = [part for kind in fields for part in parts_of(kind)]
    return True


FIELDS = sorted(set(_FIELD.findall(PAGE.read_text())))


@pytest.mark.parametrize("path", FIELDS)
def test_each_field_that_the_page_names_exists(path: str) -> None:
    assert exists(path)


@pytest.mark.parametrize("path", ["Decided.nothing", "Decided.sizes.nothing", "Settled.tried.gone"])
def test_a_field_that_is_not_there_would_be_noticed(path: str) -> None:
    assert not exists(path)


@pytest.mark.parametrize("asked", ASKED_FOR)
def test_everything_that_may_be_asked_for_stands_somewhere_or_it_is_said_why_not(
    asked: str,
) -> None:
    where, more = rows()[asked]
    assert _FIELD.findall(where) or more.strip()


def test_the_page_asks_for_nothing_else_of_a_request() -> None:
    of_requests = {asked for asked, (where, _) in rows().items() if "Admin.what" not in where}
    assert of_requests == set(ASKED_FOR)


def test_each_kind_of_admin_record_that_the_page_names_is_written() -> None:
    told = [more for where, more in rows().values() if "Admin.what" in where]
    assert len(told) >= 18
    named = {kind for more in told for kind in _KIND.findall(more.partition(":")[0])}
    assert named
    assert named <= ADMIN_KINDS


@pytest.mark.parametrize("kind", RECORDS.values())
def test_every_field_of_a_record_stands_on_the_page(kind: type[Struct]) -> None:
    named = {path.split(".")[1] for path in FIELDS}
    assert {field.name for field in structs.fields(kind)} <= named
