"""The words of the house.

Rule 1: nothing here imports another room, awaits, logs, or knows the time.
Rule 2: every value is frozen; what changes is a new value.
"""
