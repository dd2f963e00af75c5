"""What is this? Evidence of sensitivity, and its join.

Rule 1: a signal may raise the label and never lowers it; the join is the only way to combine.
Rule 2: what a caller claims is joined on top of what his key binds.
Rule 3: what cannot be read is refused or counts as the strictest label, never as the default.
Rule 4: a signal names where it comes from, never the text that it was found in.
"""
