"""The whole system in a bottle: one seed gives one history, crashes and all.

What lives here: a workload drawn from a seed, a log that can lose power, and the checks between
steps.
What it may touch: everything below `cli`; it is one of the two rooms that may call `step`.
Always true: the same seed and number of steps give the same report, digest included.
Start reading: `run.py`, then `workload.py`.
"""
