"""The files of the demo's node."""

NODE = """version: 1
origin: demo/gateway
demo: true
listeners:
  data: {{host: 127.0.0.1, port: 0}}
  admin: {{host: 127.0.0.1, port: 0}}
paths:
  policy: {policy}
  models: models
  keys: keys.yaml
"""
BACKENDS = """version: 1
backends:
  on-prem-engine: {{kind: scripted, url: "{on_prem}", zone: on_prem}}
  frontier-engine: {{kind: scripted, url: "{frontier}", zone: frontier}}
"""
CATALOG = """version: 1
models:
  frontier-model:
    offerings:
      - backend: frontier-engine
        wire_model: frontier-model
        context_tokens: 200000
        output_tokens_max: 8192
        capabilities: [tools]
        price: {input: "2", output: "10", source: a demo, verified_on: 2026-11-20}
  home-model:
    offerings:
      - backend: on-prem-engine
        wire_model: home-model
        context_tokens: 200000
        output_tokens_max: 8192
        capabilities: [tools]
        price: {input: "0", output: "0", source: a demo, verified_on: 2026-11-20}
"""
TASKS = "code: [frontier-model, home-model]\n"
