"""What was done, and the proof of it.

Rule 1: nothing here reads a disk or a clock; bytes and times come in as arguments.
Rule 2: the bytes that are hashed are the bytes that are stored; nothing is encoded twice.
Rule 3: no personal datum stands in a record in clear; it is in `sealed`.
"""
