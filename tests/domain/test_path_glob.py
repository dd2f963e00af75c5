"""Paths of tool calls and patterns of them: whole names, from any place, downwards."""

import pytest

from gateway.domain.path_glob import GLOB_STEPS_MAX, PATH_CHARS_MAX, covers, glob_of, steps_of


@pytest.mark.parametrize(
    ("glob", "path", "is_covered"),
    [
        ("infra/prod", "infra/prod", True),
        ("infra/prod", "infra/prod/main.tf", True),
        ("infra/prod", "/home/ada/infra/prod/main.tf", True),
        ("infra/prod", "infra\\prod\\main.tf", True),
        ("infra/prod", "C:\\work\\infra\\prod", True),
        ("infra/prod", "infra/dev/../prod/x", True),
        ("infra/prod", "./infra//./prod/", True),
        ("infra/prod", "file:///srv/infra/prod/x", True),
        ("infra/prod", "infra/production", False),
        ("infra/prod", "infra", False),
        ("infra/prod", "infra/x/prod", False),
        ("infra/prod", "Infra/prod", False),
        ("infra/prod", "infra/%70rod", False),
        ("infra/prod", "infra%2fprod", False),
        ("infra/prod", "infra/prod/../dev/x", False),
        ("infra/**/prod", "infra/prod", True),
        ("infra/**/prod", "infra/a/b/prod/x", True),
        ("infra/**/prod", "a/prod/infra", False),
        ("infra/prod/**", "infra/prod", True),
        ("infra/prod/**", "infra/prod/x/y", True),
        ("*.tfstate", "a/b/terraform.tfstate", True),
        ("*.tfstate", "a/b/terraform.tfstate.backup", False),
        ("**/*.tfstate", "terraform.tfstate", True),
        ("*.key/?", "a.key/b", True),
        ("*.key/?", "a.key/bc", False),
        ("a*b*c", "axxbyyc", True),
        ("a*b*c", "axxbyy", False),
        ("a*b*c", "abcbc", True),
        ("/etc", "/etc/passwd", True),
        ("/etc", "etc/passwd", True),
        ("/etc", "/home/etc/passwd", False),
        ("/**/secret", "a/b/secret", True),
        ("/a/*", "/a", False),
        ("/a/*", "/a/b/c", True),
        (".env", "app/.env", True),
        ("[a]", "a", False),
        ("[a]", "[a]", True),
    ],
)
def test_a_pattern_covers_a_path_and_all_below(glob: str, path: str, is_covered: bool) -> None:
    assert covers(glob_of(glob), steps_of(path)) is is_covered


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "*",
        "**",
        "**/*",
        "a/../b",
        "./a",
        "a\\b",
        "a**/b",
        "a\nb",
        "a\u202eb",
        "x" * (PATH_CHARS_MAX + 1),
        "/".join(["a"] * (GLOB_STEPS_MAX + 1)),
    ],
)
def test_what_is_no_pattern_says_why(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        glob_of(text)


def test_adv_71_a_pattern_with_many_signs_takes_no_time() -> None:
    glob = glob_of("a*" * 500 + "b")
    assert not covers(glob, ("a" * 2_000,))
    wide = glob_of("/".join(["**", "a"] * (GLOB_STEPS_MAX // 2)))
    assert not covers(wide, ("a",) * 6 + ("b",) * 200)


def test_nothing_is_above_the_root() -> None:
    assert steps_of("../../a") == ("a",)
    assert steps_of("/..") == ()
