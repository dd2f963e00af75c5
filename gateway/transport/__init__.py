"""The only room that knows an HTTP client.

Rule 1: nothing is sent but through `send`, which asserts the boundary right before the bytes go.
Rule 2: no environment, no redirect, no proxy that the fleet file does not name.
Rule 3: every wait has a limit and every buffer a bound; whoever stops reading stops the engine.
"""
