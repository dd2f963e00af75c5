"""The partitions of AWS: which regions are in which, and under which name they are reached."""

import re

COMMERCIAL = ("", "aws", "amazonaws.com", "api.aws")
# A region's name begins with one of these, or it is of the commercial partition: the partition as
# it stands in ARNs, the domain of its services, and the domain where they also answer by IPv6.
PARTITIONS = (
    ("us-gov-", "aws-us-gov", "amazonaws.com", "api.aws"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov"),
    ("cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"),
    COMMERCIAL,
)
_REGION = re.compile(r"[a-z]{2,5}(-[a-z]{2,16}){1,3}-[0-9]{1,2}")


def is_region(name: object) -> bool:
    """Does it look like the name of a region of AWS?"""
    return isinstance(name, str) and _REGION.fullmatch(name) is not None


def partition(region: str) -> str:
    """Return the partition of a region, as it stands in ARNs."""
    return _of(region)[1]


def suffixes(region: str) -> tuple[str, ...]:
    """Return the domains under which the services of a region are reached, the usual one first."""
    return _of(region)[2:]


def regional(service: str, region: str) -> str:
    """Return the origin of a service in a region."""
    return f"https://{service}.{region}.{suffixes(region)[0]}"


def _of(region: str) -> tuple[str, str, str, str]:
    return next(one for one in PARTITIONS if region.startswith(one[0]))
