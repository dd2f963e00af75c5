"""What a text hides: look-alike letters, encodings, archives; and what nobody can read.

Rule 1: every step is bounded by name, in depth, bytes, members and ratio; what is beyond a bound
counts as unreadable, never as clean.
Rule 2: a text that was unfolded knows the span that it came from, so that a finding has a place.
Rule 3: raw texts are scanned as they are; unfolding only ever adds texts.
"""
