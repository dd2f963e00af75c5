"""The partitions of AWS: which regions are in which, and under which name they are reached."""

import re

COMMERCIAL = "aws"
# A region's name begins with one of these, or it is of the commercial partition.
_PARTITIONS = (
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
)
_REGION = re.compile(r"[a-z]{2,5}(-[a-z]{2,16}){1,3}-[0-9]{1,2}")


def is_region(name: object) -> bool:
    """Does it look like the name of a region of AWS?"""
    return isinstance(name, str) and _REGION.fullmatch(name) is not None


def partition(region: str) -> str:
    """Return the partition of a region, as it stands in ARNs."""
    return next((name for start, name, _ in _PARTITIONS if region.startswith(start)), COMMERCIAL)


def suffix(region: str) -> str:
    """Return the domain under which the services of a region are reached."""
    found = (domain for start, _, domain in _PARTITIONS if region.startswith(start))
    return next(found, "amazonaws.com")


def regional(service: str, region: str) -> str:
    """Return the origin of a service in a region."""
    return f"https://{service}.{region}.{suffix(region)}"
