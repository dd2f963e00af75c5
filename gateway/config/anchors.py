"""Anchors in the node file: where checkpoints are kept outside, out of the reach of this host."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.config.forms import form
from gateway.config.issuers import url_fault

ANCHORS_MAX = 16
LIST_MAX = 256
DAY_S = 86_400
DAYS_MAX = 36_600

Text = Annotated[str, Meta(min_length=1, max_length=256)]
AnchorName = Annotated[str, form(r"[a-z0-9][a-z0-9-]{0,31}", "neighbour")]
BucketName = Annotated[str, form(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "ledger-anchors")]
Prefix = Annotated[str, form(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*", "perimeter")]
Block = Annotated[str, Meta(examples=["10.0.0.0/8"])]

Addresses = Annotated[
    tuple[Block, ...],
    Meta(
        max_length=LIST_MAX,
        description="CIDR blocks to which the host must resolve; none: anywhere.",
    ),
]
CaFile = Annotated[Path | None, Meta(description="PEM file of the CA; without it the public ones.")]


class Witness(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A witness: it signs a checkpoint of which it was shown that the log only grew."""

    url: Annotated[
        Text,
        Meta(
            description="Its submission prefix; https, or http on loopback.",
            examples=["https://witness.example"],
        ),
    ]
    key: Annotated[
        Text, Meta(description="Its public key, as `perimeter witness create` prints it.")
    ]
    addresses: Addresses = ()
    ca_file: CaFile = None


class ObjectLock(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bucket that speaks S3 and has Object Lock: what is put there stays until its day."""

    url: Annotated[
        Text,
        Meta(
            description="The endpoint, without the bucket; https, or http on loopback.",
            examples=["https://s3.eu-central-1.amazonaws.com"],
        ),
    ]
    bucket: Annotated[BucketName, Meta(description="The bucket; it has Object Lock enabled.")]
    region: Annotated[Text, Meta(description="Its region.", examples=["eu-central-1"])]
    secret: Annotated[
        Text,
        Meta(description="The name of the secret: `ACCESS_KEY_ID:SECRET_ACCESS_KEY[:TOKEN]`."),
    ]
    prefix: Annotated[Prefix, Meta(description="What the key of each object begins with.")] = (
        "perimeter"
    )
    days: Annotated[
        int, Meta(ge=1, le=DAYS_MAX, description="Days for which no checkpoint can be removed.")
    ] = 400
    mode: Annotated[
        Literal["COMPLIANCE", "GOVERNANCE"],
        Meta(description="COMPLIANCE: nobody removes it. GOVERNANCE: who has the right to."),
    ] = "COMPLIANCE"
    addresses: Addresses = ()
    ca_file: CaFile = None


class Anchors(Struct, frozen=True, forbid_unknown_fields=True):
    """Where checkpoints are kept outside, as docs/anchors.md describes."""

    every_s: Annotated[int, Meta(ge=1, le=DAY_S, description="Seconds between two anchorings.")] = (
        300
    )
    witnesses: Annotated[
        dict[AnchorName, Witness],
        Meta(max_length=ANCHORS_MAX, description="Witnesses, by a name of ours."),
    ] = {}
    object_locks: Annotated[
        dict[AnchorName, ObjectLock],
        Meta(max_length=ANCHORS_MAX, description="Buckets with Object Lock, by a name of ours."),
    ] = {}


def anchor_faults(anchors: Anchors) -> Iterator[tuple[str, str]]:
    """Yield what types cannot say: where, below `anchors`, and what is wrong."""
    for name in anchors.witnesses.keys() & anchors.object_locks.keys():
        yield f"object_locks/{name}", "is the name of a witness too"
    places: dict[str, Witness | ObjectLock] = {
        **{f"witnesses/{name}": one for name, one in anchors.witnesses.items()},
        **{f"object_locks/{name}": one for name, one in anchors.object_locks.items()},
    }
    for place, one in places.items():
        fault = url_fault(one.url)
        if fault:
            yield f"{place}/url", fault
        for number, block in enumerate(one.addresses):
            try:
                ip_network(block)
            except ValueError:
                yield f"{place}/addresses/{number}", "must be a CIDR block such as 10.0.0.0/8"
