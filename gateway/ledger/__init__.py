"""Where records become evidence: an append-only journal, its checkpoints, and the keys apart.

Rule 1: nothing is acknowledged before fdatasync returned and the tree has it.
Rule 2: whatever cannot be written is refused; no error of the disk lets a request pass.
Rule 3: only `create` makes a ledger; only the one who holds the lock writes it.
Rule 4: no personal datum stands in the ledger's folder in clear; keys lie apart from it.
Rule 5: the index can be deleted at any time; the journal is the evidence.
"""
