"""The chart: closed, valid for Kubernetes, and its node file is one that the gateway reads."""

import stat
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from gateway.app.loading import load_all
from gateway.app.making import ledger_paths
from gateway.cli import main
from gateway.config.node import load_node
from gateway.ledger import signing, wrapping
from gateway.surfaces.admin import Readiness, admin_application
from tests.doubles.charts import (
    CHART,
    Manifest,
    changed,
    mount,
    one,
    page_values,
    pod_of,
    rendered,
    workloads,
)

KUBERNETES = ("1.28", "1.37")
SECRETS = {
    "perimeter-keys": {"keys.yaml": "version: 1\nkeys: {}\n"},
    "perimeter-anthropic": {"api-key": "unused\n"},
    "perimeter-tls": {"tls.crt": "x", "tls.key": "x", "ca.crt": "x"},
}
DAY = "2026-12-01"
STATEFUL = (
    "ledger",
    "subject_keys",
    "wrapping_key",
    "signing_key",
    "conversations",
    "checkpoints",
    "bodies",
    "approvals",
    "cache",
)


SCENES: dict[str, dict[str, Any]] = {
    "as the page says": changed(),
    "creating the ledger": changed(createLedgerOn=DAY),
    "with everything": changed(
        imagePullSecrets=[{"name": "pull"}],
        tls={"secretName": "perimeter-tls", "clientCa": True, "versionMin": "1.3"},
        listen="::",
        listener={"body_bytes_max": 268435456, "trusted_proxies": ["10.0.0.0/8"]},
        certificates={"engine-ca": "-----BEGIN CERTIFICATE-----\n"},
        storage={
            "ledger": {"existingClaim": "restored"},
            "checkpoints": {"className": "other-disk"},
            "wrapping": {"existingClaim": "kept-apart"},
        },
        ledger={"heartbeat_s": 30, "shards": "month"},
        bodies={"keep": True, "bytes_max": 33554432},
        retention={"days": 400},
        persons="version: 1\npersons: {}\n",
        policyApproval="{}\n",
        nodeSelector={"disk": "nvme"},
        tolerations=[{"key": "gateway", "operator": "Exists"}],
    ),
    "with as little as can be": changed(
        cases={}, secrets={}, networkPolicy={"adminNamespace": "", "engines": []}
    ),
}
scenes = pytest.mark.parametrize("values", SCENES.values(), ids=SCENES)


@scenes
def test_every_manifest_is_valid_for_kubernetes(values: dict[str, Any]) -> None:
    manifests = rendered(values)
    assert {"ConfigMap", "NetworkPolicy", "Service", "StatefulSet"} <= {
        m["kind"] for m in manifests
    }
    for manifest in manifests:
        for version in KUBERNETES:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_the_check_of_manifests_notices_a_misspelt_key() -> None:
    workload = one(rendered(changed()), "StatefulSet")
    pod_of(workload)["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(workload, KUBERNETES[-1], strict=True)


@scenes
def test_the_chart_has_no_fault_that_helm_sees(values: dict[str, Any]) -> None:
    report = helm.lint(CHART, values, strict=True, kube_version=f"v{KUBERNETES[0]}.0")
    assert report["errors"] == []
    assert [m["error"] for m in report["messages"] if m["severity"] > 1] == []


def test_the_rendered_configuration_is_one_that_the_gateway_accepts(tmp_path: Path) -> None:
    node = mount(rendered(changed()), tmp_path, SECRETS)
    loaded = load_all(node, {}, date(2026, 11, 20))
    assert loaded.node.settings.origin == "perimeter.example/gw-0"
    assert set(loaded.secrets) == {"anthropic"}
    assert len(loaded.cases) >= 20
    assert {"vllm", "anthropic"} <= set(loaded.models.backends)


@scenes
def test_every_node_file_is_read_without_a_problem(values: dict[str, Any], tmp_path: Path) -> None:
    settings = load_node(mount(rendered(values), tmp_path, SECRETS)).settings
    asked = values.get("listener", {})
    assert settings.listeners.data.body_bytes_max == asked.get("body_bytes_max", 32 * 1024**2)
    assert settings.listeners.data.host == values.get("listen", "0.0.0.0")  # noqa: S104
    tls = settings.listeners.data.tls
    assert (tls is None) == ("tls" not in values)
    if tls is not None:
        assert tls.client_ca is not None
        assert all(path.is_file() for path in (tls.certificate, tls.key, tls.client_ca))


def test_a_certificate_of_an_engine_lies_beside_the_fleet_file(tmp_path: Path) -> None:
    node = mount(rendered(SCENES["with everything"]), tmp_path, SECRETS)
    assert (load_node(node).settings.paths.models / "engine-ca.pem").is_file()


def test_the_job_makes_a_ledger_whose_key_is_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    today = datetime.now(UTC).date().isoformat()  # noqa: TID251 - a ledger is made today
    manifests = rendered(changed(createLedgerOn=today))
    job = one(manifests, "Job", f"perimeter-create-ledger-{today}")
    node = mount(manifests, tmp_path, SECRETS)
    words = [str(node) if w == "/etc/perimeter/perimeter.yaml" else w for w in _arguments(job)]
    assert main(words) == 0
    assert "public key: perimeter.example/gw-0+" in capsys.readouterr().out
    paths = ledger_paths(load_node(node).settings.paths)
    assert paths.signing_key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) == 0
    assert signing.load(paths.signing_key).name == "perimeter.example/gw-0"
    assert wrapping.load(paths.wrapping).id
    assert main(words) == 2, "a ledger is made once"


def test_while_the_ledger_is_made_no_gateway_runs() -> None:
    making, serving = rendered(changed(createLedgerOn=DAY)), rendered(changed())
    assert one(making, "StatefulSet")["spec"]["replicas"] == 0
    assert one(serving, "StatefulSet")["spec"]["replicas"] == 1
    assert [m for m in serving if m["kind"] == "Job"] == []
    job = one(making, "Job", f"perimeter-create-ledger-{DAY}")
    assert job["spec"]["backoffLimit"] == 0
    mounted = {volume["name"] for volume in pod_of(job)["volumes"]}
    state = {"ledger", "checkpoints", "wrapping"}
    assert mounted == state | {"node"}, "the job is given no secret"


@scenes
def test_a_pod_has_no_privilege_and_no_token(values: dict[str, Any]) -> None:
    for workload in workloads(rendered(values)):
        pod = pod_of(workload)
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] > 0
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        # WHY: with `Always` the kubelet opens the signing key to its group at every start.
        assert security["fsGroupChangePolicy"] == "OnRootMismatch"
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]
            assert "env" not in container, "secrets are files"


def test_a_key_that_the_group_may_read_is_refused_which_is_why_the_volume_stays_as_it_is(
    tmp_path: Path,
) -> None:
    today = datetime.now(UTC).date().isoformat()  # noqa: TID251 - a ledger is made today
    node = mount(rendered(changed()), tmp_path, SECRETS)
    assert main(["ledger", "create", "--node", str(node), "--inception", today]) == 0
    key = ledger_paths(load_node(node).settings.paths).signing_key
    key.chmod(0o660)
    with pytest.raises(Exception, match="open to other users"):
        signing.load(key)
    wraps = ledger_paths(load_node(node).settings.paths).wrapping
    wraps.chmod(0o440)
    with pytest.raises(Exception, match="open to other users"):
        wrapping.load(wraps)


@scenes
def test_what_must_last_is_written_to_claims_and_the_checkpoints_to_one_of_their_own(
    values: dict[str, Any], tmp_path: Path
) -> None:
    manifests = rendered(values)
    pod = pod_of(one(manifests, "StatefulSet"))
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {Path(m["mountPath"]): m for m in pod["containers"][0]["volumeMounts"]}
    node = yaml.safe_load(one(manifests, "ConfigMap", "perimeter-node")["data"]["perimeter.yaml"])
    homes = {}
    for name in STATEFUL:
        (home,) = [m for at, m in mounts.items() if Path(node["paths"][name]).is_relative_to(at)]
        assert not home.get("readOnly")
        homes[name] = volumes[home["name"]]
    for name in set(STATEFUL) - {"cache"}:
        assert "persistentVolumeClaim" in homes[name]
    assert homes["checkpoints"] != homes["ledger"]
    assert homes["wrapping_key"] not in (homes["subject_keys"], homes["checkpoints"])
    assert all(mounts[Path(at)]["readOnly"] for at in ("/etc/perimeter",))


def test_claims_outlive_the_release_and_a_claim_that_exists_is_not_made_again() -> None:
    for claim in (m for m in rendered(changed()) if m["kind"] == "PersistentVolumeClaim"):
        assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    manifests = rendered(SCENES["with everything"])
    (claim,) = [m for m in manifests if m["kind"] == "PersistentVolumeClaim"]
    assert claim["spec"]["storageClassName"] == "other-disk"
    volumes = pod_of(one(manifests, "StatefulSet"))["volumes"]
    assert {"name": "ledger", "persistentVolumeClaim": {"claimName": "restored"}} in volumes


@scenes
def test_secrets_are_closed_files_of_secrets_that_exist(values: dict[str, Any]) -> None:
    manifests = rendered(values)
    assert [m for m in manifests if m["kind"] == "Secret"] == []
    volumes = pod_of(one(manifests, "StatefulSet"))["volumes"]
    (config,) = [volume["projected"] for volume in volumes if "projected" in volume]
    assert config["defaultMode"] == 0o440
    named = {source["secret"]["name"] for source in config["sources"] if "secret" in source}
    assert "perimeter-keys" in named
    assert named <= set(SECRETS)


def test_probes_ask_what_the_admin_listener_answers() -> None:
    container = pod_of(one(rendered(changed()), "StatefulSet"))["containers"][0]
    answered = {
        route.path
        for route in admin_application(lambda: Readiness(ready=True), lambda: (b"", "")).routes
    }
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for name, path in (("liveness", "/livez"), ("startup", "/livez"), ("readiness", "/readyz")):
        asked = container[f"{name}Probe"]["httpGet"]
        assert asked == {"path": path, "port": "admin"}
        assert path in answered
    assert ports == {"data": 8080, "admin": 9090}


@pytest.mark.parametrize("drain_ms", [1, 30_000, 899_001])
def test_a_pod_is_given_longer_to_end_than_its_requests(drain_ms: int) -> None:
    pod = pod_of(one(rendered(changed(timeouts={"drain_ms": drain_ms})), "StatefulSet"))
    assert pod["terminationGracePeriodSeconds"] * 1000 >= drain_ms + 15_000


def test_a_changed_policy_starts_a_new_pod() -> None:
    before = one(rendered(changed()), "StatefulSet")["spec"]["template"]["metadata"]
    policy = page_values()["policy"]
    policy["zones"] += "# another day\n"
    after = one(rendered(changed(policy=policy)), "StatefulSet")["spec"]["template"]["metadata"]
    assert before["annotations"] != after["annotations"]
    assert before["labels"] == after["labels"]


def _arguments(job: Manifest) -> list[str]:
    words: list[str] = pod_of(job)["containers"][0]["args"]
    return words


def test_adv_52_the_network_is_closed_but_for_names_and_the_listed_engines() -> None:
    manifests = rendered(SCENES["with as little as can be"])
    policy = one(manifests, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [[p["port"] for p in rule["ports"]] for rule in policy["egress"]] == [[53, 53]]
    assert [[p["port"] for p in rule["ports"]] for rule in policy["ingress"]] == [["data"]]
    assert all(rule.get("from") or rule.get("to") for rule in policy["ingress"] + policy["egress"])
    pod = one(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= pod.items()


def test_each_listed_engine_is_reached_on_its_port_alone() -> None:
    egress = one(rendered(changed()), "NetworkPolicy")["spec"]["egress"][1:]
    assert [rule["ports"] for rule in egress] == [
        [{"protocol": "TCP", "port": 8000}],
        [{"protocol": "TCP", "port": 443}],
    ]
    assert egress[1]["to"] == [{"ipBlock": {"cidr": "160.79.104.0/23"}}]
    (inside,) = egress[0]["to"]
    assert inside["podSelector"] == {"matchLabels": {"app": "vllm"}}
    assert inside["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "engines"}


def test_the_admin_port_is_open_to_the_named_namespace_alone() -> None:
    ingress = one(rendered(changed()), "NetworkPolicy")["spec"]["ingress"]
    named = {"kubernetes.io/metadata.name": "monitoring"}
    assert ingress[1] == {
        "from": [{"namespaceSelector": {"matchLabels": named}}],
        "ports": [{"protocol": "TCP", "port": "admin"}],
    }
    (port,) = one(rendered(changed()), "Service")["spec"]["ports"]
    assert port["targetPort"] == "data"


def test_the_job_speaks_to_nobody() -> None:
    manifests = rendered(changed(createLedgerOn=DAY))
    policy = one(manifests, "NetworkPolicy", "perimeter-create-ledger")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert not policy.keys() & {"ingress", "egress"}
    job = one(manifests, "Job", f"perimeter-create-ledger-{DAY}")
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
