"""A witness: a process of somebody else that signs what only grew (C2SP tlog-witness)."""

from gateway.audit.checkpoint import Checkpoint, NoteRefused
from gateway.audit.cosignature import Cosignature, Cosigner, cosignatures
from gateway.audit.witness import PATH, Status, Submission, write_submission
from gateway.transport.anchors import Anchored, NotAnchored, Prove
from gateway.transport.delivery import Delivery, NotDelivered, Parcel, Reply

_HEADERS = {"content-type": "text/plain; charset=utf-8"}
DIGITS_MAX = 19


class WitnessAnchor:
    """Asks one witness to cosign. It remembers up to which size the witness has signed."""

    kind = "witness"

    def __init__(self, url: str, cosigner: Cosigner, delivery: Delivery) -> None:
        self._url = url.rstrip("/") + PATH
        self._cosigner = cosigner
        self._delivery = delivery
        self._known = 0

    async def anchor(self, checkpoint: Checkpoint, note: str, prove: Prove) -> Anchored:
        """Return the cosignature, which was verified; NotAnchored.

        The witness says which size it knows when that is another one than we thought; then the
        proof is made from there.
        """
        known = min(self._known, checkpoint.size)
        reply = await self._ask(known, note, prove)
        if reply.status == Status.OTHER_SIZE:
            known = _size(reply.body)
            if known > checkpoint.size:
                raise NotAnchored("the witness knows a larger log than this one", contradicts=True)
            reply = await self._ask(known, note, prove)
        self._assert_signed(reply)
        found = self._cosigned(note, reply.body)
        self._known = checkpoint.size
        facts: dict[str, str | int] = {"witness": self._cosigner.name, "signed_s": found.time_s}
        return Anchored(facts, (found.line,))

    async def _ask(self, known: int, note: str, prove: Prove) -> Reply:
        proof = await prove(known)
        body = write_submission(Submission(known, proof, note)).encode()
        try:
            return await self._delivery.send(Parcel("POST", self._url, _HEADERS, body))
        except NotDelivered as error:
            raise NotAnchored(str(error)) from None

    def _assert_signed(self, reply: Reply) -> None:
        if reply.status == Status.OTHER_SIZE:
            raise NotAnchored("the witness knows another tree of this size", contradicts=True)
        if reply.status == Status.NOT_PROVEN:
            raise NotAnchored("the witness knows another history of this log", contradicts=True)
        if reply.status != Status.SIGNED:
            raise NotAnchored(f"the witness answered with {reply.status}")

    def _cosigned(self, note: str, body: bytes) -> Cosignature:
        """Return the cosignature of our witness in an answer; others in it are ignored."""
        try:
            found = cosignatures(note + body.decode(), [self._cosigner])
        except (NoteRefused, UnicodeDecodeError):
            raise NotAnchored("the witness did not sign this checkpoint") from None
        if not found:
            raise NotAnchored("the witness signed with another key")
        return found[0]


def _size(body: bytes) -> int:
    text = body.decode("ascii", "replace").removesuffix("\n")
    if not (text.isdecimal() and text.isascii()) or len(text) > DIGITS_MAX:
        raise NotAnchored("the witness did not say which size it knows")
    return int(text)
