"""The block of entries below a key, in the lines of a YAML file that people write."""

INDENT = "  "


def extent(lines: list[str], start: int) -> tuple[int, str]:
    """Return behind which line the block that begins at `start` ends, and its indent.

    Comments and empty lines behind its last entry are not of it; one without entries has INDENT.
    """
    end, indent = start, ""
    for number in range(start, len(lines)):
        line = lines[number]
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith(" "):
            break
        indent = indent or line[: len(line) - len(line.lstrip(" "))]
        end = number + 1
    return end, indent or INDENT
