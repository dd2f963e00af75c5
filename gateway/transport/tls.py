"""Whom we believe: TLS towards backends, from a CA file and from nothing else."""

import ssl


def context(ca_file: str | None = None) -> ssl.SSLContext:
    """Return a context that trusts that CA file, or the public CAs of `certifi` without one.

    TLS 1.2 or later; the certificate and the host's name are always verified. Raises OSError when
    the file cannot be read and ssl.SSLError when it holds no certificate.
    """
    if ca_file is None:
        import certifi

        ca_file = certifi.where()
    # WHY: ssl.create_default_context reads SSL_CERT_FILE, SSL_CERT_DIR and SSLKEYLOGFILE from the
    # environment; whom we trust and who reads along is stated in the fleet file alone.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    made.load_verify_locations(cafile=ca_file)
    return made
