"""Who shall answer.

Rule 1: candidates come from the boundary of the decision and from nothing else.
Rule 2: every offering that was asked for and is not a candidate has a reason.
Rule 3: which failure allows the next candidate is a table.
"""
