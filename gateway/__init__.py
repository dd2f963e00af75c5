"""Perimeter decides which machines may see each prompt, and proves afterwards that it did.

The rooms of this package and the direction in which they may import each other are drawn in
docs/architecture.md and enforced by import-linter.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
