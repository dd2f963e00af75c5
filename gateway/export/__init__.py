"""What leaves the house as evidence: the log as tiles, bundles, reports, lines for a SIEM.

Rule 1: the journal is read and never written; what is exported is recorded before it is made.
Rule 2: nothing is opened here: personal fields leave as the ciphertext that they are.
Rule 3: the verifier in a bundle imports nothing of ours.
"""
