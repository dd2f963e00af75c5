"""Who may ask us, and how.

Rule 1: a surface has no logic: it reads a request, hands an Envelope to the flow, writes the reply.
Rule 2: the hot routes are one plain ASGI callable; Litestar serves everything else.
Rule 3: an unknown path is 404; nothing is ever proxied.
"""
