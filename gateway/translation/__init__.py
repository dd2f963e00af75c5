"""What dialects share: how vendors tell errors, checked shapes of requests, and text to fill in.

Rule 1: pure, as all below the waterline; nothing here knows a dialect.
Rule 2: no error and no loss repeats a word of the request.
"""
