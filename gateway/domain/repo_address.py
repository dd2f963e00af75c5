"""The one form of a repository's address: `host/path`, whatever URL named it."""

import re

REPO_URL_MAX = 2048
_DEFAULT_PORTS = {"https": "443", "http": "80", "ssh": "22", "git": "9418"}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_SEGMENT = re.compile(r"[a-z0-9._~+&'()!, -]+")
_REFUSED = frozenset('\\?#[]<>"^`{|}')


def canonical(url: str) -> str:
    """Return the address as `host/path`; ValueError, which never repeats the URL, when unclear.

    https, http, ssh and git URLs, the scp form `git@host:path` and the bare form `host/path` of
    one repository give one address: userinfo, the scheme's default port, a trailing slash and
    one `.git` are cut; any other port stays as `host:port`.

    WHY: host and path are lower-cased, since the common forges do not tell case apart. Where one
    does, two repositories that differ in case alone share an address, and so a label.
    """
    if not url or len(url) > REPO_URL_MAX:
        raise ValueError("a repository URL is empty or too long")
    if not (url.isascii() and url.isprintable()) or " " in url or _REFUSED & set(url):
        raise ValueError("a repository URL holds a character that no clone URL needs")
    host, path = _parts(url)
    return f"{_host(host)}/{_path(path)}"


def _parts(url: str) -> tuple[str, str]:
    """Return host (with a port that matters) and path."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return _scp(url)
    scheme = scheme.lower().removeprefix("git+").removesuffix("+git")
    if scheme not in _DEFAULT_PORTS:
        raise ValueError("a repository URL is https, http, ssh, git, or git@host:path")
    authority, _, path = rest.partition("/")
    if authority.count("@") > 1:
        raise ValueError("a repository URL has more than one @ before its host")
    host, colon, port = authority.rpartition("@")[2].partition(":")
    if colon and not _PORT.fullmatch(port):
        raise ValueError("a repository URL has a port that is not a number")
    kept = f":{port}" if colon and port != _DEFAULT_PORTS[scheme] else ""
    return host + kept, path


def _scp(url: str) -> tuple[str, str]:
    """Return host and path of `user@host:path`, `host:path` or `host/path`.

    Without a user the host needs a dot, or a drive letter or a folder would pass for one.
    """
    head, slash, _ = url.partition("/")
    separator = ":" if ":" in head else slash
    authority, _, path = url.partition(separator) if separator else (url, "", "")
    user, at, host = authority.rpartition("@")
    if "@" in user or not (at or "." in host):
        raise ValueError("a repository URL is https, http, ssh, git, or git@host:path")
    return host, path.removeprefix("/") if separator == ":" else path


def _host(text: str) -> str:
    host = text.lower()
    name, _, _ = host.partition(":")
    if not _HOST.fullmatch(name):
        raise ValueError("a repository URL has a host that is not a plain name")
    return host


def _path(text: str) -> str:
    path = text.lower().removesuffix("/").removesuffix(".git").replace("%20", " ")
    segments = path.split("/")
    if not all(_SEGMENT.fullmatch(segment) and segment.strip(". ") for segment in segments):
        raise ValueError("a repository URL has an empty, dotted or encoded part in its path")
    if segments[-1].endswith(".git"):
        raise ValueError("a repository URL ends with .git twice")
    return path
