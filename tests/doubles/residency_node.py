"""A node of three clouds, each with something that can be verified: Bedrock, Vertex, Anthropic."""

from pathlib import Path

AWS = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
ENVIRONMENT = {"PERIMETER_TEST_AWS": AWS, "PERIMETER_TEST_ANTHROPIC": "sk-test"}
PROFILE = "eu.anthropic.claude-opus-5-5"
NODE = """version: 1
origin: test.example/gw
paths: {policy: policy, models: models, keys: keys.yaml}
secrets:
  aws: {env: PERIMETER_TEST_AWS}
  anthropic: {env: PERIMETER_TEST_ANTHROPIC}
"""
ZONES = """version: 1
zones:
  aws_eu:
    level: internal
    caveats: []
    processing_regions: [DE, SE, IT, ES, IE, FR]
    storage_regions: [DE, SE, IT, ES, IE, FR]
    operator: Amazon Web Services
    operator_jurisdiction: US
    retention_days: 0
    addresses: [10.20.2.0/24, 127.0.2.14/32]
    evidence: {source: a test, read_on: 2026-11-20, expires_on: 2027-02-20}
  google_eu:
    level: internal
    caveats: []
    processing_regions: EU
    storage_regions: EU
    operator: Google Cloud
    operator_jurisdiction: US
    retention_days: 1
    addresses: [199.36.153.8/30]
    evidence: {source: a test, read_on: 2026-11-20, expires_on: 2027-02-20}
  anthropic_us:
    level: internal
    caveats: []
    processing_regions: US
    storage_regions: US
    operator: Anthropic PBC
    operator_jurisdiction: US
    retention_days: 30
    addresses: [160.79.104.0/23]
    evidence: {source: a test, read_on: 2026-11-20, expires_on: 2027-02-20}
"""
POLICY = """version: 1
levels: [public, internal, confidential, restricted]
caveats: [pii, secret, export-control, opaque]
region_sets:
  EU: [AT, BE, BG, HR, CY, CZ, DK, EE, FI, FR, DE, GR, HU, IE, IT, LV, LT, LU, MT, NL, PL, PT, RO,
    SK, SI, ES, SE]
default: internal
detectors:
  secrets: {raise: restricted+secret}
  failed: {raise: restricted+opaque}
on_loss: record
rules:
  - id: internal-goes-out
    effect: permit
    when: {level_max: internal}
    zones: [aws_eu, google_eu, anthropic_us]
"""
BACKENDS = """version: 1
backends:
  bedrock-eu:
    kind: bedrock
    url: https://vpce-1.bedrock-runtime.eu-central-1.vpce.amazonaws.com
    zone: aws_eu
    secret: aws
    settings: {region: eu-central-1, retention: none%s}
  vertex-eu:
    kind: vertex
    url: https://aiplatform.eu.rep.googleapis.com
    zone: google_eu
    settings: {project: example-1, location: eu, credentials: metadata%s}
  claude-us:
    kind: anthropic
    url: https://api.anthropic.com
    zone: anthropic_us
    secret: anthropic
    settings: {inference_geo: us}
"""
OFFERING = """  {model}:
    offerings:
      - backend: {backend}
        wire_model: {wire}
        context_tokens: 100000
        output_tokens_max: 8000
        capabilities: [tools]
        price: {{input: "1", output: "5", source: a test, verified_on: 2026-11-20}}
"""
OFFERED = (
    ("opus", "bedrock-eu", PROFILE),
    ("gemini", "vertex-eu", "gemini-2.5-pro"),
    ("sonnet", "claude-us", "claude-sonnet-5"),
)


def residency_node(folder: Path, *, aws: str = "", google: str = "", wire: str = "") -> Path:
    """Write the node and return its file; `aws` and `google` are more settings, `wire` replaces
    the model at Vertex.
    """
    for name, text in (
        ("perimeter.yaml", NODE),
        ("keys.yaml", "version: 1\nkeys: {}\n"),
        ("policy/zones.yaml", ZONES),
        ("policy/policy.yaml", POLICY),
        ("policy/repos.yaml", "version: 1\nunregistered: internal\nrepos: {}\n"),
        ("policy/invariants.yaml", "version: 1\ninvariants: []\n"),
        ("models/backends.yaml", BACKENDS % (aws, google)),
        ("models/tasks.yaml", "code: [opus, gemini, sonnet]\n"),
        ("models/catalog.yaml", "version: 1\nmodels:\n" + _offered(wire)),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "perimeter.yaml"


def _offered(wire: str) -> str:
    return "".join(
        OFFERING.format(
            model=model, backend=backend, wire=wire if wire and model == "gemini" else of
        )
        for model, backend, of in OFFERED
    )
