"""Personal data that its own check digits give away: payment cards, IBANs, national numbers.

Rule 1: a check is arithmetic on one matched text; it knows no place, no caller and no policy.
Rule 2: where a number is short and its check weak, a word near it must say what it is.
"""

from gateway.classification.detectors.personal.checks import CHECKS

__all__ = ["CHECKS"]
