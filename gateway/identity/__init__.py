"""Who is asking: keys, tokens, certificates, nobody by name; and from which address.

Rule 1: a key is known by its hash alone; its text is held for the length of one comparison.
Rule 2: every refusal reads the same; none says which part was wrong, none repeats what was sent.
Rule 3: who signs is nobody until the whole body has come; nothing in a URL says who asks.
Rule 4: what a header says of an address or a certificate counts only from a listed proxy.
Rule 5: nothing is fetched while a request waits; what is not known is refused.
"""
