"""The images as far as they can be proven without a registry, and the page that installs them."""

import os
import re
import shutil
import socket
import subprocess
import zipfile
from pathlib import Path

import msgspec
import pytest
import yaml

from tests.doubles.dockerfiles import Instruction, arguments, build, is_in_context, read

ROOT = Path(__file__).resolve().parents[2]
GATEWAY, ENGINE = ROOT / "Dockerfile", ROOT / "Dockerfile.gpu"
IGNORE = ROOT / ".dockerignore"
FILES = pytest.mark.parametrize("path", [GATEWAY, ENGINE], ids=lambda path: path.name)
PROFILES = sorted((ROOT / "models" / "serving").iterdir())
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCES = re.compile(r"^```(\w*)$", re.MULTILINE)
PAGE = (ROOT / "docs" / "install.md").read_text()
SOURCES = ("gateway", "policies", "models", "requirements", "pyproject.toml", "README.md")
LICENCES = ("LICENSE", "NOTICE")
PAGE_S_MAX = 180


def _last(path: Path, word: str) -> Instruction:
    return [one for one in read(path) if one.word == word][-1]


@FILES
def test_an_image_does_not_run_as_root(path: Path) -> None:
    final = read(path)[-1].stage
    users = [one.rest for one in read(path) if one.word == "USER" and one.stage == final]
    assert users
    assert re.fullmatch(r"[1-9][0-9]*:[0-9]+", users[-1])


@FILES
def test_every_base_is_an_argument_with_a_version_and_no_registry(path: Path) -> None:
    instructions = read(path)
    defaults = arguments(instructions)
    for one in instructions:
        if one.word == "FROM":
            (name,) = re.findall(r"^\$\{(\w+)\}", one.rest)
            repository, _, tag = defaults[name].partition(":")
            assert "." not in repository
            assert re.match(r"v?[0-9]+\.[0-9]+", tag)
            assert "latest" not in tag


@FILES
def test_an_image_is_made_of_the_context_alone(path: Path) -> None:
    words = {one.word for one in read(path)}
    assert not words & {"ADD", "VOLUME", "ONBUILD", "SHELL"}
    assert "://" not in "".join(one.rest for one in read(path))
    for one in read(path):
        if one.word == "RUN":
            assert not re.search(r"\b(curl|wget|apt-get|apk|dnf|git)\b", one.rest)
            assert ("install" in one.words) == ("--no-index" in one.rest)


@FILES
def test_an_image_starts_without_a_shell(path: Path) -> None:
    for word in ("ENTRYPOINT", "CMD"):
        started = msgspec.json.decode(_last(path, word).rest, type=list[str])
        assert started
        assert started[0] not in {"sh", "/bin/sh", "bash"}


@FILES
def test_no_secret_is_built_into_an_image(path: Path) -> None:
    for one in read(path):
        if one.word in {"ARG", "ENV"}:
            assert not re.search(r"KEY|TOKEN|SECRET|PASSWORD", one.rest)


@FILES
def test_every_source_of_a_copy_exists_and_is_in_the_context(path: Path) -> None:
    sources = [
        source
        for one in read(path)
        if one.word == "COPY" and "--from=" not in one.rest
        for source in one.words[:-1]
    ]
    assert sources
    made = {"dist/": ["dist/gateway-1-py3-none-any.whl", "dist/wheels/other-1-py3-none-any.whl"]}
    for source in sources:
        files = made.get(source) or [
            str(file.relative_to(ROOT))
            for file in [ROOT / source, *(ROOT / source).rglob("*")]
            if file.is_file()
        ]
        assert files, source
        assert all(is_in_context(file, IGNORE) for file in files)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        "docs/examples/data/keys/signing.key",
        "docs/examples/keys.yaml",
        "node/secrets/anthropic",
        "dist/keys.yaml",
        "requirements/development.txt",
        "gateway/__init__.py",
    ],
)
def test_nothing_else_gets_into_the_context(path: str) -> None:
    assert not is_in_context(path, IGNORE)


def test_every_requirement_is_pinned_by_hash() -> None:
    text = (ROOT / "requirements" / "runtime.txt").read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text.strip())
    assert len(entries) >= 15
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==[^ ]+", entry)
        assert "--hash=sha256:" in entry
    asked = [one.rest for one in read(GATEWAY) if "runtime.txt" in one.rest and one.word == "RUN"]
    assert len(asked) == 1
    assert {"--require-hashes", "--no-index"} <= set(asked[0].split())


def test_adv_57_the_engine_fetches_nothing_tells_nothing_and_runs_no_foreign_code() -> None:
    assert _last(ENGINE, "USER").rest == "2000:0"
    assert arguments(read(ENGINE)) == {"VLLM_IMAGE": "vllm/vllm-openai:v0.32.0"}
    stated = dict(pair.split("=") for pair in _last(ENGINE, "ENV").rest.split())
    assert stated["VLLM_MEDIA_URL_ALLOW_REDIRECTS"] == "0"
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK"):
        assert stated[name] == "1"
    for path in (ENGINE, *PROFILES):
        assert "trust-remote-code" not in path.read_text()


def test_the_engine_starts_with_a_profile_that_is_in_its_image() -> None:
    assert msgspec.json.decode(_last(ENGINE, "ENTRYPOINT").rest) == ["vllm", "serve"]
    flag, profile = msgspec.json.decode(_last(ENGINE, "CMD").rest, type=list[str])
    source, target = next(one.words for one in read(ENGINE) if one.word == "COPY")
    assert flag == "--config"
    assert ROOT / source / Path(profile).relative_to(target) in PROFILES


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_a_launch_profile_serves_what_the_catalogue_offers(path: Path) -> None:
    profile = yaml.safe_load(path.read_text())
    catalogue = yaml.safe_load((ROOT / "models" / "catalog.yaml").read_text())["models"]
    offerings = catalogue[path.stem]["offerings"]
    (offering,) = [one for one in offerings if one["backend"].startswith("vllm")]
    assert profile["served-model-name"] == offering["wire_model"]
    assert profile["max-model-len"] == offering["context_tokens"]
    assert profile["model"].startswith("/models/")
    assert ("tools" in offering["capabilities"]) == ("tool-call-parser" in profile)
    assert ("thinking" in offering["capabilities"]) == ("reasoning-parser" in profile)
    assert not {"api-key", "enable-log-requests"} & profile.keys()


def test_every_vllm_offering_has_a_launch_profile() -> None:
    catalogue = yaml.safe_load((ROOT / "models" / "catalog.yaml").read_text())["models"]
    offered = {
        name
        for name, model in catalogue.items()
        if any(one["backend"].startswith("vllm") for one in model["offerings"])
    }
    assert offered == {path.stem for path in PROFILES}


class Site:
    """A copy of the project on a fresh machine, with the folders that the page names."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "machine"
        self.project = folder / "project"
        self.project.mkdir()
        for name in (*SOURCES, *LICENCES):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.project / name)
        (self.project / ".venv").symlink_to(ROOT / ".venv")

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run commands of the page in a shell of their own that knows nothing of ours."""
        ours = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONPYCACHEPREFIX", "PERIMETER_ANTHROPIC_KEY")
        text = re.sub(r"(?<![\w.])/(opt|etc|var)/", rf"{self.root}/\1/", script)
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "set -m\n" + text],
            cwd=self.project,
            env={name: value for name, value in os.environ.items() if name not in ours},
            capture_output=True,
            text=True,
            timeout=PAGE_S_MAX,
            check=False,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The wheels of the page's first block, installed by the steps of the Dockerfile."""
    made = Site(tmp_path_factory.mktemp("install"))
    done = made.run(SHELL.findall(PAGE)[0])
    assert done.returncode == 0, done.stderr[-3000:]
    build(read(GATEWAY), "build", made.project, made.root)
    return made


def test_the_page_installs_as_the_image_does() -> None:
    steps = [" ".join(one.rest.split()) for one in read(GATEWAY) if one.word == "RUN"]
    page = re.sub(r"\\\n\s*", " ", SHELL.findall(PAGE)[1]).splitlines()
    assert [" ".join(line.split()) for line in page[:3]] == steps


def test_what_the_image_holds_is_a_working_gateway(site: Site) -> None:
    inside = site.root / "opt" / "perimeter"
    done = subprocess.run(
        [inside / "bin" / "perimeter", "--help"],
        cwd=site.root,
        env={"PATH": "", "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=PAGE_S_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "run the gateway" in done.stdout
    assert msgspec.json.decode(_last(GATEWAY, "ENTRYPOINT").rest) == [
        "/opt/perimeter/bin/perimeter"
    ]
    assert not (inside / "bin" / "pip").exists(), "an image has no installer"


def test_the_wheel_holds_the_package_its_data_and_its_licence_and_nothing_else(site: Site) -> None:
    (wheel,) = (site.project / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"gateway"}
    assert any(name.startswith("gateway/classification/detectors/data/") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert [name for name in names if name.endswith(".pyc")] == []


def test_the_page_can_be_followed_from_top_to_bottom(site: Site) -> None:
    blocks = SHELL.findall(PAGE)[2:]
    assert len(blocks) >= 5
    script = 'export PATH="/opt/perimeter/bin:$PATH"\n' + "\n".join(blocks)
    for port in (8080, 9090):
        script = re.sub(rf"(port: |127\.0\.0\.1:){port}", rf"\g<1>{_free_port()}", script)
    done = site.run(script)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "created perimeter.example/gw-0" in done.stdout
    assert "33 of 33 cases hold" in done.stdout
    assert '"ready":true' in done.stdout
    assert "whole: perimeter.example/gw-0" in done.stdout


def test_every_block_of_the_page_is_run_or_marked() -> None:
    fences = FENCES.findall(PAGE)
    assert set(fences) == {"sh", "console", "yaml", ""}
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        assert not re.search(r"^\$ |kubectl|helm |docker ", block, re.MULTILINE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
