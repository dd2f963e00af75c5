"""The life of a request: the order of steps, nothing else.

Rule 1: every step is a line of `exchange`; there is no middleware.
Rule 2: what was decided is durable before it is sent.
Rule 3: candidates come from the route, the route from the boundary, and the boundary is made once.
"""
