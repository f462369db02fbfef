"""Why a copy was made or not, for the operator: `views.why` in rows of text.

What lives here: the request `Why` of the admin door and `why`.
What it may touch: `views`, `engine.state` to read.
Always true: the same pairs and the same reasons that the copy trader sees.
Start reading: `why`.
"""

from typing import Any

import msgspec

from copydesk.engine.state import FIRST_USER, State
from copydesk.model.ids import UID_BASE
from copydesk.views.paging import Page
from copydesk.views.why import PairFilter, pairs_of, reason_text, sizing_text


class UnknownName(Exception):
    """No such account or lead trader. The message is meant for a person."""


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="op", tag="why"):
    """Pairs of one copy trader, newest first; `whole`: also those that were copied whole."""

    account: str
    lead: str = ""
    inst_id: str = ""
    whole: bool = False
    limit: int = 100


def why(state: State, request: Why) -> list[dict[str, Any]]:
    """List what became of each lead position for one copy trader. Raises UnknownName."""
    index = state.index
    uid = request.account
    row = int(uid) - UID_BASE if uid.isascii() and uid.isdigit() else -1
    if not FIRST_USER <= row < state.accounts.count:
        raise UnknownName(f"no account {uid}")
    lead = index.account_by_code.get(request.lead.encode()) if request.lead else None
    if request.lead and lead is None:
        raise UnknownName(f"no lead trader {request.lead}")
    inst_row = index.inst_rows.get(request.inst_id) if request.inst_id else None
    if request.inst_id and inst_row is None:
        raise UnknownName(f"unknown instrument {request.inst_id}")
    wanted = PairFilter(lead_account_row=lead, inst_row=inst_row, whole_too=request.whole)
    pairs = pairs_of(state, row, wanted, Page(limit=max(1, min(request.limit, 10_000))))
    return [
        {
            "ts": str(pair.ts_ms),
            "lead": pair.unique_code,
            "sub_pos_id": str(pair.sub_pos_id),
            "inst_id": pair.inst.inst_id,
            "side": "long" if pair.direction > 0 else "short",
            "result": _result(pair.made_lots, pair.whole),
            "reason": pair.reason.wire,
            "text": reason_text(pair, "en"),
            "sizing": sizing_text(state, pair),
        }
        for pair in pairs
    ]


def _result(made_lots: int, whole: bool) -> str:
    if not made_lots:
        return "not copied"
    return "copied" if whole else "copied in part"
