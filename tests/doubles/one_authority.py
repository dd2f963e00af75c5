"""One public authority for clients that would read them all."""

import os
import re
import ssl
import tempfile
from pathlib import Path
from typing import Any

import certifi

_ONE = re.compile(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", re.DOTALL)
_FILE = tempfile.NamedTemporaryFile("w", suffix=".pem")  # noqa: SIM115 - for the whole process


def trust_one_authority() -> None:
    """Let clients of this process that trust every public authority trust one of them.

    WHY: to read all takes 20 ms of a processor for every client that a test makes, and 60 ms for
    Google's. No test speaks TLS with a stranger; those that speak TLS name an authority of theirs.
    """
    found = _ONE.search(Path(certifi.where()).read_text())
    assert found is not None
    _FILE.write(found[0])
    _FILE.flush()
    usual = ssl.get_default_verify_paths()
    public = {certifi.where(), os.environ.get("SSL_CERT_FILE"), usual.openssl_cafile} - {None, ""}
    load: Any = ssl.SSLContext.load_verify_locations

    def load_one(
        self: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None
    ) -> None:
        if cafile in public:
            cafile, capath = _FILE.name, None
        load(self, cafile, capath, cadata)

    ssl.SSLContext.load_verify_locations = load_one
