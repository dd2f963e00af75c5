"""Does what was declared of a place still hold? Asked of providers, replies, tables and dates.

Rule 1: no byte of any request is part of a question.
Rule 2: what was declared and could not be read is a difference: unknown is not allowed.
Rule 3: what providers say is compared and shown as words of a closed form, never as it came.
"""
