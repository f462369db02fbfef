"""The command `copydesk` as `python -m copydesk`.

What lives here: a call.
What it may touch: `cli`.
Always true: it does what the script `copydesk` does.
Start reading: `cli.main`.
"""

from copydesk.cli import main

main(prog_name="copydesk")
