import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.repo_address import REPO_URL_MAX, canonical

ONE = "git.example.com/payments/ledger-1"


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/payments/ledger-1",
        "https://git.example.com/payments/ledger-1.git",
        "https://git.example.com/payments/ledger-1/",
        "https://git.example.com/payments/ledger-1.git/",
        "https://git.example.com:443/payments/ledger-1",
        "http://git.example.com:80/payments/ledger-1",
        "HTTPS://GIT.Example.COM/Payments/Ledger-1",
        "https://someone@git.example.com/payments/ledger-1",
        "https://someone:token@git.example.com/payments/ledger-1.git",
        "ssh://git@git.example.com/payments/ledger-1.git",
        "ssh://git@git.example.com:22/payments/ledger-1.git",
        "git+ssh://git@git.example.com/payments/ledger-1",
        "ssh+git://git@git.example.com/payments/ledger-1",
        "git+https://git.example.com/payments/ledger-1",
        "git://git.example.com:9418/payments/ledger-1",
        "git@git.example.com:payments/ledger-1.git",
        "git@git.example.com:/payments/ledger-1.git",
        "git.example.com:payments/ledger-1",
        "git.example.com/payments/ledger-1",
    ],
)
def test_adv_06_every_form_of_one_repository_is_one_address(url: str) -> None:
    assert canonical(url) == ONE


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://git.corp@evil/payments/x", "evil/payments/x"),
        ("https://git.corp:443@evil/payments/x", "evil/payments/x"),
        ("git.corp@evil:payments/x", "evil/payments/x"),
        ("https://git.corp.evil.com/payments/x", "git.corp.evil.com/payments/x"),
        ("git@server:team/x", "server/team/x"),
        ("ssh://git@git.corp:7999/pay/x.git", "git.corp:7999/pay/x"),
        ("https://git.corp:22/pay/x", "git.corp:22/pay/x"),
        (
            "https://dev.example.com/org/My%20Project/_git/x",
            "dev.example.com/org/my project/_git/x",
        ),
        ("git@git.corp:~someone/x", "git.corp/~someone/x"),
    ],
)
def test_adv_06_the_host_is_what_stands_after_the_userinfo(url: str, address: str) -> None:
    assert canonical(url) == address


def test_adv_06_a_longer_name_is_another_repository() -> None:
    assert canonical("https://git.example.com/payments/ledger-199") != ONE
    assert canonical("https://git.example.com/payments/ledger-1/more") != ONE
    assert canonical("https://git.example.com/payments/ledger") != ONE


REFUSED = [
    "",
    " ",
    "ledger",
    "payments/ledger-1",
    "/home/someone/ledger-1",
    "./ledger-1",
    "../ledger-1",
    "c:ledger-1",
    "file:///srv/git/ledger-1",
    "ftp://git.corp/a/b",
    "javascript:alert",
    "ext::sh",
    "https://",
    "https:///payments/x",
    "https://git.corp",
    "https://git.corp/",
    "https://git.corp//payments/x",
    "https://git.corp/payments//x",
    "https://git.corp/payments/x//",
    "https://git.corp/payments/../x",
    "https://git.corp/payments/./x",
    "https://git.corp/payments/.../x",
    "https://git.corp/payments/%2e%2e/x",
    "https://git.corp/payments/%2E/x",
    "https://git.corp/payments%2fx",
    "https://git.corp/payments/%20/x",
    "https://git.corp/payments/x?ref=main",
    "https://git.corp/payments/x#readme",
    "https://git.corp#@evil/payments/x",
    "https://git.corp\\@evil/payments/x",
    "https://a@b@evil/payments/x",
    "a@b@git.corp:payments/x",
    "us.er:word@git.corp:payments/x",
    "https://git.corp./payments/x",
    "https://.git.corp/payments/x",
    "https://-git.corp/payments/x",
    "https://git..corp/payments/x",
    "https://git_corp/payments/x",
    "https://git.corp:/payments/x",
    "https://git.corp:0/payments/x",
    "https://git.corp:08/payments/x",
    "https://git.corp:port/payments/x",
    "https://[::1]/payments/x",
    "https://git.corp/payments/x\x00",
    "https://git.corp/payments/x\n",
    "https://git.corp/payments/ x",
    " https://git.corp/payments/x",
    "https://git.corp/payments/x ",
    "https://git.corp/payments/.git",
    "https://git.corp/payments/x.git.git",
    "https://git.corp/p\u0430yments/x",
    "https://git\u3002corp/payments/x",
    "https://git.corp/payments/x\u200d",
    "https://git.corp/" + "x" * REPO_URL_MAX,
]


@pytest.mark.parametrize("url", REFUSED)
def test_adv_06_what_is_not_plainly_a_clone_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="repository URL") as caught:
        canonical(url)
    assert "git.corp" not in str(caught.value)
    assert "payments" not in str(caught.value)


names = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,8}", fullmatch=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(names, min_size=1, max_size=3), names)
def test_an_address_is_its_own_canonical_form(path: list[str], host: str) -> None:
    plain = host.replace("_", "x").strip("-").lower() + ".example"
    address = canonical(f"https://{plain}/{'/'.join(path)}.git")
    assert canonical(address) == address
    assert canonical(f"git@{plain}:{'/'.join(path)}") == address


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        host, _, path = canonical(text).partition("/")
        assert host
        assert path
        assert path == path.lower()
