"""The composition root: the only room that constructs clients, stores, clocks and listeners.

Rule 1: `loading` reads everything and collects every problem before anything is made.
Rule 2: `making` constructs each object once; nothing else may.
Rule 3: `serving` owns signals, listeners and the order of start and stop.
"""
