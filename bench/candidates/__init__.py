"""The comparisons that decided the dependencies (docs/adr), each measured on the same request.

Not part of `make bench`: the losers are not dependencies. README.md says how to run them.
"""
