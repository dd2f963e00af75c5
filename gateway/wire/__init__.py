"""How bytes are cut: framing only, no meaning.

Rule 1: bytes in, payloads out; nothing here knows a dialect, awaits or logs.
Rule 2: a request body is parsed once, strictly, and that value is what is classified and sent.
Rule 3: whatever is buffered has a limit with a name; over it is an error, never a silent cut.
Rule 4: no error text repeats what was in the bytes.
"""
