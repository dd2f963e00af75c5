"""The values of the chart: a closed schema that knows each of them and refuses what would open."""

import re
from typing import Any

import helm_python as helm
import msgspec
import pytest
import yaml

import gateway
from gateway.config.files import load_text
from gateway.config.node import load_node, read_settings
from gateway.domain.errors import Problem
from tests.doubles.charts import (
    CHART,
    ROOT,
    changed,
    mount,
    network,
    one,
    packaged,
    pod_of,
    rendered,
    workloads,
)

SECRETS = {
    "perimeter-keys": {"keys.yaml": "version: 1\nkeys: {}\n"},
    "perimeter-anthropic": {"api-key": "unused\n"},
}
# WHY: what these hold the gateway checks itself, in more words than a schema of values has.
OPEN = {"items", "additionalProperties", "patternProperties"}


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({}, "/origin"),
        (changed(origin="demo/gateway"), "/origin"),
        (changed(origin="a"), "/origin"),
        (changed(replicas=2), "replicas"),
        (changed(image={"tag": "latest"}), "/image/tag"),
        (changed(image={"digest": "sha256:abc"}), "/image/digest"),
        (changed(callerKeys={}), "/callerKeys/secretName"),
        (changed(secrets={"anthropic": {"value": "clear"}}), "/secrets/anthropic"),
        (changed(listener={"host": "127.0.0.1"}), "/listener"),
        (changed(listener={"in_flight_max": 0}), "/listener/in_flight_max"),
        (changed(timeouts={"drain_ms": "long"}), "/timeouts/drain_ms"),
        (changed(conversations={"days": 0}), "/conversations/days"),
        (changed(conversations={"turns_max": 999}), "/conversations/turns_max"),
        (changed(conversations={"hours": 1}), "/conversations"),
        (changed(ledger={"heartbeat_s": 1}), "/ledger/heartbeat_s"),
        (changed(ledger={"shards": "day"}), "/ledger/shards"),
        (changed(bodies={"keep": "yes"}), "/bodies/keep"),
        (changed(retention={"days": 0}), "/retention/days"),
        (changed(anchors={"witnesses": {"w": {"url": "https://w.example"}}}), "/witnesses/w"),
        (changed(anchors={"buckets": {}}), "/anchors"),
        (changed(persons={"ada": "key"}), "/persons"),
        (changed(createLedgerOn="today"), "/createLedgerOn"),
        (changed(resources={"limits": {"memory": None}}), "/resources/limits"),
        (network(clients=[]), "/networkPolicy/clients"),
        (network(clients=[{}]), "/networkPolicy/clients/0"),
        (network(dns=[]), "/networkPolicy/dns"),
        (network(engines=[{"name": "all", "cidr": "0.0.0.0/0", "port": 443}]), "engines/0"),
        (network(engines=[{"name": "all", "cidr": "::/0", "port": 443}]), "engines/0"),
        (network(engines=[{"name": "vllm", "namespace": "engines", "port": 80}]), "engines/0"),
        (network(engines=[{"name": "vllm", "cidr": "10.0.0.0/8"}]), "engines/0"),
    ],
)
def test_values_that_would_open_or_mean_nothing_are_refused(
    values: dict[str, Any], key: str
) -> None:
    with pytest.raises(helm.HelmValuesError, match=re.escape(key)):
        rendered(values)


def test_no_image_but_the_one_that_is_given_and_the_digest_decides() -> None:
    for values, image in (
        (changed(), "registry.example/perimeter/gateway@sha256:" + "0" * 64),
        (changed(image={"repository": "a/b", "tag": "1"}), "a/b:1"),
        (changed(image={"repository": "a/b", "tag": ""}), "a/b:0.1.0"),
    ):
        found = {
            container["image"]
            for workload in workloads(rendered(values | {"createLedgerOn": "2026-12-01"}))
            for container in pod_of(workload)["containers"]
        }
        assert found == {image}
    assert (
        yaml.safe_load((CHART / "values.yaml").read_text())["image"]["repository"].count("/") == 0
    )


def test_the_chart_is_of_the_same_release_as_the_gateway() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == gateway.__version__


def test_nothing_is_hooked_into_a_release() -> None:
    for file in sorted((CHART / "templates").iterdir()):
        assert "helm.sh/hook" not in file.read_text()


def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = msgspec.json.decode((CHART / "values.schema.json").read_bytes())
    return schema


def _open_objects(at: str, schema: dict[str, Any]) -> list[str]:
    found = (
        [at] if "properties" in schema and schema.get("additionalProperties") is not False else []
    )
    for name, member in schema.get("properties", {}).items():
        found += _open_objects(f"{at}/{name}", member)
    return found


def test_the_schema_is_closed_and_knows_every_value() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert _open_objects("", _schema()) == []
    assert set(_schema()["properties"]) - {"global"} == set(values)
    names, has_schema = packaged()
    assert has_schema, "the packaged chart lost its schema"
    assert "templates/statefulset.yaml" in names


def test_what_the_values_say_of_a_node_is_what_the_node_file_knows() -> None:
    node = msgspec.json.decode((ROOT / "schemas" / "perimeter.json").read_bytes())["$defs"]
    # WHY: in a pod there is no other user, so nobody to lend the ledger to.
    ours = {"host", "port", "tls", "readers"}
    for key, name in (
        ("listener", "DataListener"),
        ("timeouts", "Timeouts"),
        ("conversations", "Conversations"),
        ("ledger", "LedgerSettings"),
        ("bodies", "Bodies"),
        ("retention", "Retention"),
        ("anchors", "Anchors"),
    ):
        theirs = node[name]["properties"]
        mine = _schema()["properties"][key]["properties"]
        assert set(mine) == set(theirs) - ours
        for word, rules in mine.items():
            kept = rules.keys() - OPEN
            assert {rule: theirs[word][rule] for rule in kept} == {
                rule: rules[rule] for rule in kept
            }


def test_what_is_remembered_is_set_by_the_chart_and_is_the_gateways_own_where_it_is_not() -> None:
    node = msgspec.json.decode((ROOT / "schemas" / "perimeter.json").read_bytes())["$defs"]
    own = {name: one["default"] for name, one in node["Conversations"]["properties"].items()}
    for given, kept in (({}, own), ({"days": 7}, own | {"days": 7})):
        values = changed(conversations=given) if given else changed()
        manifests = rendered(values)
        (config,) = [one for one in manifests if "perimeter.yaml" in one.get("data", {})]
        assert yaml.safe_load(config["data"]["perimeter.yaml"])["conversations"] == kept


def test_every_value_is_used_and_explained() -> None:
    templates = "\n".join(path.read_text() for path in (CHART / "templates").iterdir())
    page = (ROOT / "docs" / "install.md").read_text()
    for key in yaml.safe_load((CHART / "values.yaml").read_text()):
        assert f".Values.{key}" in templates
        assert f"`{key}`" in page
    used = set(re.findall(r"\.Values\.(\w+)", templates))
    assert used <= set(_schema()["properties"])


def test_the_pod_has_the_tokens_that_are_asked_for_and_no_other() -> None:
    (bare,) = [pod_of(w) for w in workloads(rendered(changed())) if w["kind"] == "StatefulSet"]
    assert "serviceAccountName" not in bare
    assert "tokens" not in {volume["name"] for volume in bare["volumes"]}
    values = changed(serviceAccountName="perimeter", tokens={"aws": {"audience": "sts.aws"}})
    (pod,) = [pod_of(w) for w in workloads(rendered(values)) if w["kind"] == "StatefulSet"]
    assert pod["serviceAccountName"] == "perimeter"
    assert pod["automountServiceAccountToken"] is False
    (volume,) = [volume for volume in pod["volumes"] if volume["name"] == "tokens"]
    (source,) = volume["projected"]["sources"]
    token = {"path": "aws", "audience": "sts.aws", "expirationSeconds": 3600}
    assert source == {"serviceAccountToken": token}
    mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
    assert mounts["tokens"] == "/var/run/perimeter/tokens"
    for wrong in ({"tokens": {"../a": {"audience": "x"}}}, {"tokens": {"a": {}}}):
        with pytest.raises(helm.HelmValuesError, match=r"tokens|\.\./a"):
            rendered(changed(**wrong))


ISSUER = {
    "issuer": "https://idp.example/realms/main",
    "audience": ["perimeter"],
    "jwks": {"url": "https://idp.example/certs", "addresses": ["10.20.0.0/16"]},
    "team_from": {"claim": "department"},
}


def test_who_is_believed_beside_keys_stands_in_the_node_file(tmp_path) -> None:
    values = changed(
        issuers={"corp": ISSUER},
        listener={"trusted_proxies": ["10.1.0.0/16"], "subject_header": {"name": "x-client-san"}},
        tls={
            "secretName": "tls",
            "clientCa": True,
            "clientCertificate": "optional",
            "versionMin": "1.3",
        },
    )
    node = one(rendered(values), "ConfigMap", "perimeter-node")["data"]["perimeter.yaml"]
    problems: list[Problem] = []
    settings = read_settings(load_text(node, "perimeter.yaml"), tmp_path, problems)
    assert problems == []
    assert settings is not None
    assert settings.issuers["corp"].jwks.addresses == ("10.20.0.0/16",)
    data = settings.listeners.data
    assert data.trusted_proxies == ("10.1.0.0/16",)
    assert (data.subject_header.name, data.subject_header.kind) == ("x-client-san", "uri")
    assert data.tls.client_certificate == "optional"


ANCHORS = {
    "every_s": 60,
    "witnesses": {
        "neighbour": {"url": "https://witness.example", "key": "w", "ca_file": "models/w.pem"}
    },
    "object_locks": {
        "vault": {
            "url": "https://s3.example",
            "bucket": "anchors",
            "region": "eu-central-1",
            "secret": "anthropic",
        }
    },
}


def test_anchors_shards_bodies_and_retention_stand_in_the_node_file(tmp_path) -> None:
    values = changed(
        anchors=ANCHORS,
        ledger={"heartbeat_s": 30, "shards": "month"},
        bodies={"keep": True, "days": 7},
        retention={"days": 400},
    )
    node = one(rendered(values), "ConfigMap", "perimeter-node")["data"]["perimeter.yaml"]
    problems: list[Problem] = []
    settings = read_settings(load_text(node, "perimeter.yaml"), tmp_path, problems)
    assert problems == []
    assert settings is not None
    assert settings.anchors.every_s == 60
    assert settings.anchors.witnesses["neighbour"].ca_file == tmp_path / "models" / "w.pem"
    assert settings.anchors.object_locks["vault"].days == 400
    assert (settings.ledger.heartbeat_s, settings.ledger.shards) == (30, "month")
    assert (settings.bodies.keep, settings.bodies.days) == (True, 7)
    assert settings.retention.days == 400


def test_nothing_can_be_approved_until_persons_are_given_and_then_as_they_are_given(
    tmp_path,
) -> None:
    bare = load_node(mount(rendered(changed()), tmp_path / "bare", SECRETS)).settings
    assert bare.paths.persons is None
    assert not bare.policy_signed
    persons = "version: 1\npersons: {}\n"
    values = changed(persons=persons, policyApproval="{}\n")
    given = load_node(mount(rendered(values), tmp_path / "given", SECRETS)).settings
    assert given.paths.persons.read_text() == persons
    assert given.policy_signed
    assert (given.paths.policy / "approval.json").read_text() == "{}\n"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (changed(issuers={"corp": {"issuer": "x"}}), "/issuers/corp"),
        (changed(issuers={"C_orp": ISSUER}), "issuers"),
        (
            changed(
                tls={
                    "secretName": "",
                    "clientCa": True,
                    "clientCertificate": "never",
                    "versionMin": "1.2",
                }
            ),
            "/tls/clientCertificate",
        ),
    ],
)
def test_an_issuer_or_a_client_ca_that_is_not_whole_is_refused(values, key) -> None:
    with pytest.raises(helm.HelmValuesError, match=re.escape(key)):
        rendered(values)
