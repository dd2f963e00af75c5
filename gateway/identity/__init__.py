"""Who is asking: keys, and the address behind listed proxies.

Rule 1: a key is known by its hash alone; its text is held for the length of one comparison.
Rule 2: every refusal reads the same; none says which part was wrong, none repeats what was sent.
Rule 3: what a header says of an address counts only from a listed proxy.
"""
