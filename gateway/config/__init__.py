"""Files on disk become typed values, or a list of everything that is wrong with them.

Rule 1: every problem of every file is reported at once, each with file, line and pointer.
Rule 2: what this room cannot read with certainty it refuses; nothing is guessed or coerced.
Rule 3: no error text repeats a secret; secrets become `Secret` where they are read.
Rule 4: the clock, the environment and the tables of other rooms come in as arguments.
"""
