"""`perimeter repos`: what the registry says of an address; import from a Git host's export."""

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.audit import canonical as canonical_form
from gateway.cli.replacing import replace_text
from gateway.cli.shown import shown
from gateway.config.files import load, load_text
from gateway.config.folders import read_policy_files
from gateway.config.repo_export import (
    EXPORT_BYTES_MAX,
    Exported,
    ExportError,
    read_export,
)
from gateway.config.repo_text import RepoTextError, add_repos, set_label
from gateway.domain.caller import Repo, RepoRegistry
from gateway.domain.document import Document
from gateway.domain.label import join
from gateway.domain.repo_address import canonical
from gateway.domain.repo_pattern import matches
from gateway.domain.vocabulary import UnknownLabelError
from gateway.policy.compile import Compiled, compile_bundle

REFUSED = 1
ID_CHARS_MAX = 64
DIGEST_CHARS = 8
_NOT_OF_AN_ID = re.compile(r"[^a-z0-9]+")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="say what an address is, and which label it has")
    check.add_argument("url", help="a clone URL in any form, or the id of an entry")
    bring = actions.add_parser("import", help="add what a Git host exports; labels only rise")
    bring.add_argument("--from", dest="export", type=Path, required=True, metavar="FILE")
    bring.add_argument(
        "--visibility",
        action="append",
        required=True,
        metavar="private=confidential",
        help="the label of repositories of that visibility; each that occurs must be given",
    )
    bring.add_argument(
        "--dry-run", action="store_true", help="say what would change, write nothing"
    )
    for action in (check, bring):
        action.add_argument("--policy", type=Path, required=True, help="the folder of the policy")


def run(arguments: argparse.Namespace) -> int:
    """Return 0; 1 when the address or the export cannot be used."""
    documents = read_policy_files(arguments.policy)
    compiled = _compiled(documents)
    try:
        if arguments.action == "check":
            return _check(arguments.url, compiled.registry)
        return _import(arguments, documents, compiled)
    except (ExportError, RepoTextError, ValueError) as error:
        print(f"perimeter: {error}", file=sys.stderr)
        return REFUSED


def _compiled(documents: dict[str, Document]) -> Compiled:
    plain = {name: document.value for name, document in documents.items()}
    return compile_bundle(documents, canonical_form.digest(plain)).require()


def _check(url: str, registry: RepoRegistry) -> int:
    for line in explained(url, registry):
        print(shown(line))
    return 0


def explained(url: str, registry: RepoRegistry) -> Iterator[str]:
    """Yield what an address is, which entries have it, and its label; ValueError when unclear."""
    found: tuple[Repo, ...] = tuple(repo for repo in (registry.repos.get(url),) if repo)
    if found:
        yield f"entry {url}: label {found[0].label}"
    else:
        address = canonical(url)
        found = registry.by_address(address)
        yield f"address {address}"
        yield from (
            f"entry {repo.id}: label {repo.label}, by {_why(repo, address)}" for repo in found
        )
    if not found:
        yield f"label {registry.unregistered}: no entry has this address (`unregistered`)"
    elif len(found) == 1:
        yield f"label {found[0].label}"
    else:
        label = join(*(repo.label for repo in found))
        yield f"label {label}: the join of {len(found)} entries"
    yield "A key bound to it starts from this label; a client that only names it can but raise."


def _why(repo: Repo, address: str) -> str:
    if address in repo.addresses:
        return "its address"
    fitting = (one for one in repo.patterns if matches(one, address))
    return f"the pattern {next(fitting)}"


def _import(
    arguments: argparse.Namespace, documents: dict[str, Document], compiled: Compiled
) -> int:
    path: Path = arguments.policy / "repos.yaml"
    labels = _labels(arguments.visibility, compiled)
    exported = read_export(_read(arguments.export), table=arguments.export.suffix == ".csv")
    unmapped = sorted({one.visibility for one in exported} - labels.keys())
    if unmapped:
        raise ExportError(f"say --visibility {unmapped[0]}=LABEL: it occurs in the export")
    text, changes = merged(path.read_text(), exported, labels, compiled)
    _compiled({**documents, "repos": load_text(text, path.name)})
    for change in changes:
        print(shown(change))
    if not arguments.dry_run and changes:
        mode = path.stat().st_mode & 0o777
        replace_text(path, text, mode, lambda fresh: load(fresh, path.name))
    print(f"{len(exported)} exported, {len(changes)} changed", file=sys.stderr)
    return 0


def merged(
    text: str, exported: tuple[Exported, ...], labels: dict[str, str], compiled: Compiled
) -> tuple[str, list[str]]:
    """Return repos.yaml with the export in it, and a line for every change.

    INVARIANT: a label that stands there is never lowered; a person may have raised it.
    """
    registry, parse = compiled.registry, compiled.vocabulary.parse
    owners = {address: repo for repo in registry.repos.values() for address in repo.addresses}
    taken = set(registry.repos)
    added: dict[str, dict[str, object]] = {}
    changes: list[str] = []
    for one in exported:
        wanted, repo = labels[one.visibility], owners.get(one.address)
        if repo is None:
            name = _id(one.address, taken)
            taken.add(name)
            added[name] = {"label": wanted, "urls": [f"https://{one.address}"]}
            changes.append(f"add {name}: {one.address}, label {wanted}")
        elif not repo.label.dominates(parse(wanted)):
            if not parse(wanted).dominates(repo.label):
                raise ExportError(f"{repo.id}: neither {repo.label} nor {wanted} holds the other")
            text = set_label(text, repo.id, wanted)
            changes.append(f"raise {repo.id}: {repo.label} to {wanted}")
    return add_repos(text, added), changes


def _labels(told: list[str], compiled: Compiled) -> dict[str, str]:
    """Return the label of each visibility; ExportError for one that the policy does not know."""
    found: dict[str, str] = {}
    for one in told:
        visibility, mark, label = one.partition("=")
        if not mark or not visibility.isalpha():
            raise ExportError("write --visibility private=confidential")
        try:
            compiled.vocabulary.parse(label)
        except UnknownLabelError as error:
            raise ExportError(f"--visibility {visibility}: {error}") from None
        found[visibility.lower()] = label
    return found


def _id(address: str, taken: set[str]) -> str:
    """Return an id for a new entry: its path, and a mark of the address where that is taken."""
    _, _, path = address.partition("/")
    name = _NOT_OF_AN_ID.sub("-", path).strip("-") or "repo"
    if len(name) <= ID_CHARS_MAX and name not in taken:
        return name
    mark = hashlib.sha256(address.encode()).hexdigest()[:DIGEST_CHARS]
    return f"{name[: ID_CHARS_MAX - DIGEST_CHARS - 1].rstrip('-')}-{mark}"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(EXPORT_BYTES_MAX + 1)
    except OSError as error:
        raise ExportError(f"the export cannot be read: {error.strerror}") from None
