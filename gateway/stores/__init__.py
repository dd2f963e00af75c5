"""What is kept on this node beside the ledger: compiled detectors, and the way to run them.

Rule 1: nothing here decides; it loads, keeps and calls what lies below.
Rule 2: a file that we did not write ourselves is never loaded; it is made again.
Rule 3: no prompt is ever written here.
"""
