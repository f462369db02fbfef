"""Everything that must hold between two steps, as code.

What lives here: `check`, the sum of the rooms' own checks.
What it may touch: `exchange.checks`, `copying.checks`.
Always true: reads only.
Start reading: `check_exchange`, `check_copying`.
"""

from copydesk.engine.copying.checks import check_copying
from copydesk.engine.exchange.checks import check_exchange
from copydesk.engine.state import State


def check(state: State) -> list[str]:
    """Broken invariants in words, [] if none. Cost: O(rows of all tables)."""
    return check_exchange(state) + check_copying(state)
