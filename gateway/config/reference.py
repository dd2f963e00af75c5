"""docs/config.md, written from the types: every key, its form, its default and its meaning."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import NODEFAULT, Struct
from msgspec import inspect as shapes

from gateway.config import files, folders
from gateway.config.fleet_files import TASK_ENTRIES_MAX, BackendsFile, CatalogFile
from gateway.config.leaves import describe, is_sequence
from gateway.config.secrets import SECRET_BYTES_MAX
from gateway.config.settings import Settings
from gateway.config.tasks import RESERVED

_MIB = 1024 * 1024
_INTRODUCTION = f"""\
# Configuration

This page is generated from the types in `gateway/config`; `make generate` writes it anew.
`perimeter check` reads every file, reports all problems at once with file and line, and listens
on nothing.

## How files are read

Files are YAML in a strict form, so that a person and the program read the same thing.

* UTF-8 without a byte order mark: at most {files.FILE_BYTES_MAX // _MIB} MiB, {files.DEPTH_MAX} \
levels and {files.NODES_MAX} values.
* No tabs, no control characters, no characters that are unseen or change the direction of text.
* One document. No anchors, aliases, tags, merge keys or directives. A key stands once, is text,
  and is printable ASCII.
* `true` and `false` are the only booleans: `NO`, `on` and `yes` are text. Numbers are plain
  decimals such as `12` and `0.5`; what another reader might take for a number (`012`, `0x1f`,
  `1_000`, `12:30`, `1e3`) is refused until it stands in quotes. Dates are `2026-11-20`.
* `null` (or `~`) is written out; an empty value is refused.
* Every file but `tasks.yaml` carries `version: 1` at its top. Unknown keys are refused.
* In the folders below, a YAML file that nothing reads is refused.

| folder | files |
|---|---|
| `policies/<name>/` | {", ".join(f"`{name}.yaml`" for name in folders.POLICY_FILES)} |
| `policies/<name>/cases/` | any `*.yaml`, at most {folders.CASE_FILES_MAX} |
| `models/` | {", ".join(f"`{name}.yaml`" for name in folders.MODELS_FILES)} |
"""
_RELOADED = """
## What takes effect when

Files are looked at twice a second, and at SIGHUP. What is read again is in force as a whole or not
at all; a request keeps the state that it was decided on, and what changed may only stop it.

| what changes | when it takes effect |
|---|---|
| the policy folder: rules, cases, repositories, invariants, all facts of zones | at once |
| the models folder: catalogue, prices, tasks, backends, files of CAs that lie there | at once |
| `secrets.<name>.file` of a backend or its proxy | at once; those of anchors with the next start |
| `paths.persons` | at once |
| `paths.keys` | within a second, apart from the rest: [keys.md](keys.md) |
| certificate and key of the listener | at once, apart from the rest |
| a file of a CA elsewhere | with the next change of one of the above, or SIGHUP |
| levels, caveats, region sets: conversations are remembered in them | refused: the next start |
| `paths.dictionaries` | refused: the next start |
| `perimeter.yaml`, and variables of the environment | the next start |

What is refused keeps all of the last good state: `/readyz` says why among its `notices`,
`perimeter_policy_current` is 0, and the ledger has `policy_rejected`. A node file that differs
from what runs keeps nothing else back: `/readyz` and the log name the parts that changed, never a
value, `perimeter_config_drift` is 1, and the ledger has `config_drift`. When it differs no more,
that is told as well.

A backend whose entry, zone or credential changes gets another pool of connections; pools are never
shared. The old one takes no further call, and is closed when what is under way on it has had
`timeouts.total_ms`. A new or changed backend is used after its first good probe; offerings
elsewhere are verified again at once. A backend in quarantine stays there until the next start,
whatever its entry says by then.
"""
_NODE = f"""
## perimeter.yaml

Relative paths are relative to the folder of the file. A secret is one line of printable ASCII, at
most {SECRET_BYTES_MAX // 1024} KiB, from a file that is not open to every user of the machine
(`file`) or from an environment variable (`env`); a line feed at its end is cut off.
"""
_BACKENDS = """
## models/backends.yaml

An address stands in one zone only. `ca_file`, `server_name` and
`certificate_pins` need https; what is behind a proxy is https. [egress.md](egress.md) says what is
checked before each send. A backend of the kind
`scripted` needs `demo: true` in the node file.
"""
_CATALOG = """
## models/catalog.yaml

A model at a backend is an offering; its id is `<model>@<backend>`, and its zone is that of the
backend. Offerings at Ollama state `settings.num_ctx`, and their context is within it; names that
end in `cloud` are refused there.
"""
_TASKS = f"""
## models/tasks.yaml

A map from a name to a model, or to a list of at most {TASK_ENTRIES_MAX} models in order of
preference; the list is fallback as well. `version` may be left out. A model is written as its
exact name, an alias, or `backend:wire_model`, which must be an offering of the catalogue: a name
never creates one. A task may not have the name of a model or an alias, nor one of these:
{", ".join(f"`{name}`" for name in sorted(RESERVED))}.

```yaml
plan: claude-opus
code: ollama:qwen2.5-coder:14b
qa: claude-sonnet
review: [claude-opus, qwen3-coder-30b]
```
"""
_HEAD = "\n| key | form | default | meaning |\n|---|---|---|---|\n"


def reference() -> str:
    """Return the whole page."""
    parts = [_INTRODUCTION, _RELOADED, _NODE, _table(Settings), _BACKENDS, _table(BackendsFile)]
    return "".join([*parts, _CATALOG, _table(CatalogFile), _TASKS])


def _table(kind: type[Struct]) -> str:
    return _HEAD + "".join(_rows(shapes.type_info(kind), ""))


def _rows(shape: shapes.Type, prefix: str) -> Iterator[str]:
    """Yield a row for each field below a type; a field that holds fields has rows of its own."""
    for inner, place in _inside(shape, prefix):
        yield from _rows(inner, place)
    if isinstance(shape, shapes.StructType):
        for field in shape.fields:
            name = f"{prefix}.{field.encode_name}".removeprefix(".")
            below = list(_rows(field.type, name))
            if not below or _default(field) == "null":
                yield _row(name, field)
            yield from below


def _inside(shape: shapes.Type, prefix: str) -> list[tuple[shapes.Type, str]]:
    """Return the types that a type wraps, and what stands before their keys."""
    if isinstance(shape, shapes.Metadata):
        return [(shape.type, prefix)]
    if isinstance(shape, shapes.UnionType):
        return [(member, prefix) for member in shape.types]
    if isinstance(shape, shapes.DictType):
        return [(shape.value_type, f"{prefix}.<name>")]
    return [(_item(shape), f"{prefix}[]")] if is_sequence(shape) else []


def _item(shape: Any) -> shapes.Type:  # noqa: ANN401  # four types of sequence with one field
    item: shapes.Type = shape.item_type
    return item


def _row(name: str, field: shapes.Field) -> str:
    meta = field.type if isinstance(field.type, shapes.Metadata) else None
    schema = {} if meta is None else meta.extra_json_schema or {}
    cells = (f"`{name}`", _form(field.type), _default(field), schema.get("description", ""))
    return "| " + " | ".join(cells) + " |\n"


def _form(shape: shapes.Type) -> str:
    if isinstance(shape, shapes.Metadata):
        inner = shape.type
        whole = isinstance(inner, shapes.UnionType) or is_sequence(inner)
        return _form(inner) if whole else describe(inner, shape)
    if isinstance(shape, shapes.UnionType):
        return " or ".join(_form(member) for member in shape.types)
    if is_sequence(shape):
        return f"a list: {_form(_item(shape))}"
    return describe(shape)


def _default(field: shapes.Field) -> str:
    if field.required:
        return "required"
    value = field.default if field.default is not NODEFAULT else field.default_factory()
    if isinstance(value, Path):
        return f"`{value}`"
    if isinstance(value, Struct):
        return ""
    return "null" if value is None else f"`{msgspec.json.encode(value).decode()}`"
