import pytest

from gateway.domain.folder import covers, fault_of, steps_of


@pytest.mark.parametrize(
    ("pattern", "folder", "covered"),
    [
        ("/a/b", "/a/b", True),
        ("/a/b", "/a/b/c", True),
        ("/a/b", "/a/bc", False),
        ("/a/b", "/a", False),
        ("/a/*/c", "/a/b/c/d", True),
        ("/a/*/c", "/a/c", False),
        ("**/c", "/a/b/c/d", True),
        ("**/c", "/c", True),
        ("**/b/c", "/b/a/c", False),
        ("**/c", "", False),
    ],
)
def test_a_pattern_covers_a_folder_and_all_below_it(pattern, folder, covered) -> None:
    assert covers(pattern, steps_of(folder)) is covered


@pytest.mark.parametrize("pattern", ["/a", "a", "**/a", "/*/a", "C:\\a", "/a/*/*/b"])
def test_a_pattern(pattern) -> None:
    assert fault_of(pattern) == ""


@pytest.mark.parametrize("pattern", ["", "/", "*", "**", "/a*", "/a/**", "/a/../b", "**/*"])
def test_no_pattern(pattern) -> None:
    assert fault_of(pattern) != ""
