"""Benchmarks: Copydesk beside what a competent team would build, and what its design pays.

What lives here: `fan_out` (the interleaved run of section "fan-out"), `costs` (replay, snapshot,
reads, ticks, the p99 of others), `candidates` (the comparisons behind the ADRs). Run `make
bench`.
What it may touch: everything; nothing imports it.
Always true: a ratio is printed only from one interleaved run whose results were asserted equal.
Start reading: `__main__`, then `workload`.
"""
