"""What identity sees of a request: its head, exactly as it was received."""

from collections.abc import Iterator
from urllib.parse import unquote_plus

from msgspec import Struct

KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
TOKEN_HEADER = "x-amz-security-token"  # noqa: S105 - the name of a header
SIGNED_QUERY = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-signature", "x-amz-security-token"}
)
KEY_QUERY = frozenset({"key", "api_key", "api-key", "access_token"}) | SIGNED_QUERY


class Sent(Struct, frozen=True, kw_only=True):
    """The head of a request.

    `path` and `query` are the bytes of the request line, before anything is decoded or cut off;
    `headers` are all fields in their order with names in lower case, `fields` the same by name.
    `peer` is the address of the connection, `address` what a listed proxy says of it. `subjects`
    are those of the client's certificate: of the connection, or of what a listed proxy says.
    """

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[str, bytes], ...]
    fields: dict[str, str]
    peer: str
    address: str
    subjects: tuple[str, ...] = ()

    def values(self, name: str) -> list[bytes]:
        """Return every value of one header."""
        return [value for told, value in self.headers if told == name]

    def asks_in_the_query(self, names: frozenset[str]) -> bool:
        """Does the query hold a parameter of one of these names?"""
        return any(name in names for name in self._query_names())

    def presents_nothing(self) -> bool:
        """Is there no credential at all, not even a wrong one or one in a wrong place?"""
        told = any(name in self.fields for name in (*KEY_HEADERS, TOKEN_HEADER))
        return not told and not self.asks_in_the_query(KEY_QUERY)

    def _query_names(self) -> Iterator[str]:
        for pair in self.query.decode("latin-1").split("&"):
            yield unquote_plus(pair.partition("=")[0]).lower()
