"""What operators see: counters and log lines, never content.

Rule 1: every label of a metric has a closed set of values; anything else counts as `other`.
Rule 2: a log line has an event of plain words and fields of an allow-list; others are dropped.
Rule 3: an exception is shown as its type and places in code, without text and without locals.
"""
