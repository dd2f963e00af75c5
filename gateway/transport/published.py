"""A document that somebody publishes, such as an issuer's keys: asked of one stated host alone."""

from gateway.transport.delivery import Delivery, NotDelivered, Parcel, Patience, Source
from gateway.transport.guard import Lookup

OK = 200
PATIENCE = Patience(connect_s_max=2.0, read_s_max=5.0, total_s_max=10.0)


class NotPublished(Exception):
    """The document cannot be had; the text is one of ours."""


class Published:
    """Asks for one document."""

    def __init__(self, source: Source, lookup: Lookup | None = None) -> None:
        self._ask = Parcel("GET", source.url, {}, b"")
        self._delivery = Delivery(source, lookup, PATIENCE)

    async def fetch(self) -> bytes:
        """Return the document; NotPublished."""
        try:
            reply = await self._delivery.send(self._ask)
        except NotDelivered as error:
            raise NotPublished(str(error)) from None
        if reply.status != OK:
            raise NotPublished(f"answered with {reply.status}")
        return reply.body
