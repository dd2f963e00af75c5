"""The chart as a cluster would see it: rendered, read, and mounted into a folder."""

import re
import tempfile
from pathlib import Path
from typing import Any

import helm_python as helm
import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "perimeter"
_VALUES = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# WHY: Helm splits documents so, and a YAML reader does not.
_SPLIT = re.compile(r"(?:^|\s*\n)---\s*")

Manifest = dict[str, Any]


def page_values() -> dict[str, Any]:
    """The values of docs/install.md, and what its commands add from the shipped files."""
    found = _VALUES.search((ROOT / "docs" / "install.md").read_text())
    assert found is not None
    values: dict[str, Any] = yaml.safe_load(found[1])
    return values | {
        "policy": _texts("policies/default/*.yaml"),
        "models": _texts("models/*.yaml"),
        "cases": _texts("policies/default/cases/*.yaml"),
    }


def changed(**more: Any) -> dict[str, Any]:
    """The values of the page with some of them replaced."""
    return page_values() | more


def network(**more: Any) -> dict[str, Any]:
    """The values of the page with some of its network policy replaced."""
    return changed(networkPolicy=page_values()["networkPolicy"] | more)


def rendered(values: dict[str, Any], release: str = "perimeter") -> list[Manifest]:
    """Every manifest of the chart; helm.HelmValuesError when the values are refused."""
    with helm.Chart.load(CHART) as chart:
        files = chart.render(values, name=release, namespace="perimeter")
    texts = [
        part
        for name, text in files.items()
        if name.endswith(".yaml")
        for part in _SPLIT.split(text)
    ]
    read = [yaml.safe_load(text) for text in texts]
    return [one for one in read if one is not None]


def one(manifests: list[Manifest], kind: str, name: str = "perimeter") -> Manifest:
    """The only manifest of that kind and name."""
    (found,) = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"] == name]
    return found


def workloads(manifests: list[Manifest]) -> list[Manifest]:
    """Whatever starts pods."""
    return [m for m in manifests if m["kind"] in {"StatefulSet", "Job", "Deployment", "Pod"}]


def pod_of(workload: Manifest) -> Manifest:
    """The pod's specification of a StatefulSet or a Job."""
    spec: Manifest = workload["spec"]["template"]["spec"]
    return spec


def mount(manifests: list[Manifest], folder: Path, secrets: dict[str, dict[str, str]]) -> Path:
    """Lay out the gateway's volumes as a kubelet does; return the node file.

    Only the absolute paths of the node file are changed, so that they lie in `folder`.
    """
    pod = pod_of(one(manifests, "StatefulSet"))
    config = next(volume["projected"] for volume in pod["volumes"] if volume["name"] == "config")
    place = folder / "etc" / "perimeter"
    hidden = place / "..data"
    hidden.mkdir(parents=True)
    for path, text in _projected(config, manifests, secrets).items():
        file = hidden / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(config["defaultMode"])
    for entry in sorted(hidden.iterdir()):
        (place / entry.name).symlink_to(Path("..data") / entry.name)
    state = ("perimeter", "perimeter-checkpoints", "perimeter-wrapping")
    for path in (*(f"var/lib/{name}" for name in state), "var/cache/perimeter"):
        (folder / path).mkdir(parents=True)
    node = hidden / "perimeter.yaml"
    node.chmod(0o600)
    node.write_text(re.sub(r": /var/", f": {folder}/var/", node.read_text()))
    return place / "perimeter.yaml"


def packaged() -> tuple[list[str], bool]:
    """The files of the packaged chart, and whether it carries its schema."""
    with tempfile.TemporaryDirectory() as folder:
        archive = helm.package(CHART, destination=folder)
        with helm.Chart.load(archive) as chart:
            return [file["name"] for file in chart.templates], chart.schema is not None


def _texts(pattern: str) -> dict[str, str]:
    return {path.stem: path.read_text() for path in ROOT.glob(pattern)}


def _projected(
    volume: Manifest, manifests: list[Manifest], secrets: dict[str, dict[str, str]]
) -> dict[str, str]:
    files: dict[str, str] = {}
    for source in volume["sources"]:
        ((kind, wanted),) = source.items()
        name = wanted["name"]
        data = secrets[name] if kind == "secret" else one(manifests, "ConfigMap", name)["data"]
        items = wanted.get("items") or [{"key": key, "path": key} for key in data]
        for item in items:
            assert item["path"] not in files
            files[item["path"]] = data[item["key"]]
    return files
