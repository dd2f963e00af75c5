"""A node whose premises are scaled to zero, beside three zones that would answer."""

from pathlib import Path

from tests.doubles.fake_bedrock import ACCESS_KEY, SECRET_KEY
from tests.doubles.gateway_folders import Template
from tests.doubles.running_gateway import ROOT, RunningGateway

PREMISES, FRONTIER, AWS, GOOGLE = "127.0.1.0/24", "127.0.2.0/24", "127.0.3.0/24", "127.0.4.0/24"
OTHERS = (FRONTIER, AWS, GOOGLE)
PROFILE = "eu.anthropic.claude-opus-5-5"
ENVIRONMENT = ("env", f"PERIMETER_TEST_AWS={ACCESS_KEY}:{SECRET_KEY}", "PERIMETER_TEST_KEY=sk-test")
SECRETS = "secrets: {aws: {env: PERIMETER_TEST_AWS}, key: {env: PERIMETER_TEST_KEY}}"
FACTS = "retention_days: 30, operator_jurisdiction: US, level: internal, caveats: []"
EVIDENCE = "evidence: {source: a test, read_on: 2026-11-20, expires_on: 2099-01-01}"
ZONES = f"""
  aws_eu:
    {{{FACTS}, operator: AWS, processing_regions: [DE, FR], storage_regions: [DE, FR],
     addresses: [{AWS}], {EVIDENCE}}}
  google_eu:
    {{{FACTS}, operator: Google, processing_regions: EU, storage_regions: EU,
     addresses: [{GOOGLE}], {EVIDENCE}}}
"""
OFFERED = """    - backend: {backend}
      wire_model: {wire}
      context_tokens: 32768
      output_tokens_max: 8192
      capabilities: [{capable}]
      price: {{input: "2", output: "10", source: a test, verified_on: 2026-11-20}}
"""
Lines = dict[str, str]


def apart_node(
    template: Template,
    folder: Path,
    backends: Lines,
    models: dict[str, tuple[str, str]],
    vectors: dict[str, tuple[str, str]],
) -> RunningGateway:
    """Return a gateway that is not started.

    `backends` are lines of the fleet file by name; `models` and `vectors` map a model to backend
    and wire name, in the order in which the tasks `code` and `vec` list them.
    """
    gateway = template.copy(
        folder, {"home": ("vllm", "http://127.0.1.1:9", "on_prem")}, more=SECRETS
    )
    demo = ROOT / "policies" / "demo"
    policy = gateway.folder / "policy"
    policy.mkdir()
    for path in demo.glob("*.yaml"):
        (policy / path.name).write_text(path.read_text())
    (policy / "zones.yaml").write_text((demo / "zones.yaml").read_text() + ZONES)
    rules = (policy / "policy.yaml").read_text()
    wide = rules.replace(
        "zones: [on_prem, frontier]", "zones: [on_prem, frontier, aws_eu, google_eu]"
    )
    (policy / "policy.yaml").write_text(wide)
    gateway.node.write_text(gateway.node.read_text().replace(str(demo), "policy"))
    fleet = gateway.folder / "models"
    listed = "".join(f"  {name}: {{{line}}}\n" for name, line in backends.items())
    (fleet / "backends.yaml").write_text(f"version: 1\nbackends:\n{listed}")
    offered = _offers(models, "tools") + _offers(vectors, "embeddings")
    (fleet / "catalog.yaml").write_text(f"version: 1\nmodels:\n{offered}")
    tasks = f"code: [{', '.join(models)}]\nvec: [{', '.join(vectors)}]\n"
    (fleet / "tasks.yaml").write_text(tasks)
    return gateway


def _offers(models: dict[str, tuple[str, str]], capable: str) -> str:
    return "".join(
        f"  {model}:\n    offerings:\n"
        + OFFERED.format(backend=backend, wire=wire, capable=capable)
        for model, (backend, wire) in models.items()
    )
