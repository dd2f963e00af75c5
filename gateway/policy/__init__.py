"""Where may it go? Documents become a program, and a program and facts become a decision.

Rule 1: no match denies, a deny overrides every permit, and a rule that errors denies everything.
Rule 2: rules narrow; a zone that does not clear the label is never in a boundary.
Rule 3: the order of rules has no meaning.
Rule 4: every problem of every document is collected; a program with problems permits nothing.
Rule 5: nothing that the caller wrote is repeated in a sentence; registry ids and label words are.
"""
