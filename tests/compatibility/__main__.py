"""Write docs/compatibility.md."""

from pathlib import Path

from tests.compatibility.table import page

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"

if __name__ == "__main__":
    PAGE.write_text(page())
