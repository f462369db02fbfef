"""What must be true after a kill, asked of the server and of its journal.

What lives here: the proofs, each with a count of what it looked at.
What it may touch: the REST door, the admin door, `node.verify`; the demo's own ledger.
Always true: a proof that could not be carried out has failed.
Start reading: `after_restart`, then `at_the_end`.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable
from decimal import Decimal
from typing import Any

import msgspec

from copydesk.demo.client import Client, Key, Refused, Row
from copydesk.demo.house import Account, House
from copydesk.demo.ledger import Acknowledged, Ledger
from copydesk.demo.trading import Trader
from copydesk.node.verify import Verified

Pair = dict[str, Any]
Book = tuple[str, str, str]

_TRIES = 4


class Proof(msgspec.Struct, frozen=True, gc=False):
    """One claim: whether it held, what was looked at, and up to three counterexamples."""

    claim: str
    held: bool
    looked_at: str
    against: tuple[str, ...] = ()


def _proof(claim: str, looked_at: str, against: Iterable[str]) -> Proof:
    found = sorted(against)
    return Proof(claim, not found, looked_at, tuple(found[:3]))


async def after_restart(
    client: Client, ledger: Ledger, accounts: list[Account], codes: list[str]
) -> list[Proof]:
    """Ask the restarted server for everything that it had acknowledged before it was killed."""
    orders = dict(ledger.orders)
    missing = [o for o in await _gather(_order_gone(client, i, a) for i, a in orders.items()) if o]
    settings = dict(ledger.settings)
    wrong = await _gather(
        _settings_differ(
            client, accounts[pair[0]].key, codes[pair[1]], [body, ledger.amended.get(pair, body)]
        )
        for pair, body in settings.items()
        if pair not in ledger.stopped and pair not in ledger.stops_unknown
    )
    stopped = await _gather(
        _still_copies(client, accounts[number].key, codes[lead]) for number, lead in ledger.stopped
    )
    return [
        _proof("every acknowledged order is there", f"{len(orders):,} orders", missing),
        _proof(
            "every acknowledged setting is in force",
            f"{len(settings):,} settings",
            filter(None, wrong),
        ),
        _proof(
            "every acknowledged stop has taken effect",
            f"{len(ledger.stopped):,} stops",
            filter(None, stopped),
        ),
    ]


def same_state(before: Verified, recovered: dict[str, Any]) -> Proof:
    """Compare the replay of the whole journal with what the restarted server made of it."""
    against = []
    if (before.digest, before.inputs) != (recovered["digest"], recovered["seq"]):
        against.append(
            f"replayed {before.inputs} inputs to {before.digest[:16]}, the server stands at "
            f"{recovered['seq']} with {recovered['digest'][:16]}"
        )
    base = recovered["from_snapshot"]
    looked_at = (
        f"digest {before.digest[:16]}… of {before.inputs:,} inputs: replayed from the first one, "
        f"and recovered from {f'the snapshot at {base:,}' if base else 'the first one'}"
    )
    return _proof("the digest of State is the same after the kill", looked_at, against)


def clean(verified: Verified, when: str) -> Proof:
    """Say what `copydesk verify` found."""
    looked_at = (
        f"{verified.inputs:,} inputs, {verified.accounts:,} accounts, {verified.copies:,} copies, "
        f"{verified.digests_compared} digests, in {verified.seconds:.1f} s"
    )
    return _proof(f"copydesk verify finds nothing broken {when}", looked_at, verified.broken)


async def at_the_end(
    house: House, client: Client, traders: list[Trader], accounts: list[Account], ledger: Ledger
) -> tuple[list[Proof], Counter[str]]:
    """Look at every pair of a lead position and a copy relation: a copy or a reason, and only once.

    Also counts the reasons. A copy trader who never stopped must have exactly one pair for every
    position of his lead trader; one who stopped, began late, or whose loss limit ended it, at
    most one.
    """
    led = [set(await _lead_positions(client, trader)) for trader in traders]
    by_code = {trader.unique_code: trader.number for trader in traders}
    ended = set(ledger.stopped) | ledger.stops_unknown | ledger.late
    follows: dict[int, list[int]] = {}
    for copier, lead in ledger.settings:
        follows.setdefault(copier, []).append(lead)
    pairs: list[list[Pair]] = await asyncio.to_thread(_pairs, house, accounts)
    reasons: Counter[str] = Counter()
    without, doubled, silent, strange = [], [], [], []
    count = 0
    for number, found in enumerate(pairs):
        seen: dict[int, Counter[str]] = {}
        for pair in found:
            count += 1
            seen.setdefault(by_code[pair["lead"]], Counter())[pair["sub_pos_id"]] += 1
            reasons[pair["reason"] or "copied"] += 1
            if pair["result"] == "not copied" and not pair["reason"]:
                silent.append(f"{accounts[number].uid} {pair['sub_pos_id']}")
        for lead in follows.get(number, []):
            ids = seen.get(lead, Counter())
            name = f"{accounts[number].uid} of {traders[lead].lead.name}"
            doubled += [f"{name}: {i}" for i, times in ids.items() if times > 1]
            strange += [f"{name}: {i}" for i in ids if i not in led[lead]]
            if (number, lead) not in ended and set(ids) != led[lead]:
                without.append((number, lead, name, len(led[lead] - set(ids))))
    short = [
        f"{name}: {gone} positions"
        for number, lead, name, gone in without
        if await _copies_still(client, accounts[number].key, traders[lead].unique_code)
    ]
    looked_at = f"{count:,} pairs of {sum(map(len, led)):,} lead positions"
    codes = [trader.unique_code for trader in traders]
    cut = {pair: kind for pair, kind in ledger.stopped.items() if kind != "copy_close"}
    linked = await _gather(
        _still_linked(client, accounts[number].key, codes[lead]) for number, lead in cut
    )
    stops = f"{len(cut):,} relations stopped by market_close or manual_close"
    return [
        _proof("a stop leaves no copy linked, unless by copy_close", stops, filter(None, linked)),
        _proof("no pair without a copy or a reason", looked_at, [*short, *silent]),
        _proof("no copy twice", looked_at, doubled),
        _proof("no copy without its cause", looked_at, strange),
    ], reasons


async def sums_of_copies(client: Client, keys: list[Key]) -> Proof:
    """Compare positions with the open copies of people who hold nothing else.

    A copy booked twice would show here, whatever the copies table says.
    """
    against = await _gather(_sum_differs(client, key) for key in keys)
    looked_at = f"{len(keys):,} accounts without trades of their own"
    return _proof("positions are the sum of their copies", looked_at, filter(None, against))


async def _sum_differs(client: Client, key: Key) -> str:
    """Tell where the two differ; the market goes on between two questions, so ask again if so."""
    held: dict[Book, Decimal] = {}
    copied: dict[Book, Decimal] = {}
    for _ in range(_TRIES):
        query = {"instType": "SWAP"}
        held = _by_book(await client.get("/api/v5/account/positions", query, key), "pos")
        query |= {"subPosType": "copy"}
        rows = await client.get("/api/v5/copytrading/current-subpositions", query, key)
        copied = _by_book(rows, "subPos")
        if held == copied:
            return ""
    return f"held {held}, copied {copied}"


def _by_book(rows: list[Row], name: str) -> dict[Book, Decimal]:
    """Add sizes up by instrument, margin mode and position side; only what is not zero."""
    sums: dict[Book, Decimal] = {}
    for row in rows:
        book = (row["instId"], row["mgnMode"], row["posSide"])
        sums[book] = sums.get(book, Decimal(0)) + Decimal(row[name] or 0)
    return {book: size for book, size in sums.items() if size}


def _pairs(house: House, accounts: list[Account]) -> list[list[Pair]]:
    """Ask why, for everybody."""
    from copydesk.node.admin_client import AdminClient

    with AdminClient(house.data) as admin:
        return [
            admin.ask("why", account=account.uid, whole=True, limit=10_000) for account in accounts
        ]


async def _lead_positions(client: Client, trader: Trader) -> list[str]:
    """Ids of all lead positions of a trader, open and closed."""
    ids = []
    for path in ("current-subpositions", "subpositions-history"):
        query = {"instType": "SWAP", "limit": "100"}
        while rows := await client.get(f"/api/v5/copytrading/{path}", query, trader.key):
            ids += [row["subPosId"] for row in rows]
            query["after"] = min(rows, key=lambda row: int(row["subPosId"]))["subPosId"]
    return ids


async def _order_gone(client: Client, order_id: str, order: Acknowledged) -> str:
    query = {"instId": order.inst_id, "ordId": order_id}
    try:
        rows = await client.get("/api/v5/trade/order", query, order.key)
    except Refused as refusal:
        return f"order {order_id}: {refusal}"
    same = rows[0]["clOrdId"] == order.cl_ord_id
    return "" if same else f"order {order_id} is called {rows[0]['clOrdId']}"


async def _settings_differ(
    client: Client, key: Key, code: str, bodies: list[dict[str, str]]
) -> str:
    """Tell where the settings in force are none of the bodies (the last one may be unanswered)."""
    query = {"instType": "SWAP", "uniqueCode": code}
    row = (await client.get("/api/v5/copytrading/copy-settings", query, key))[0]
    if row["copyState"] != "1":  # a loss limit may have ended it: that is in force too
        return "" if "slTotalAmt" in bodies[0] else f"{code}: not copying"
    wrong = [
        [
            name
            for name, value in body.items()
            if name in row and name != "instId" and not _equal(row[name], value)
        ]
        for body in bodies
    ]
    return f"{code}: {', '.join(wrong[0])}" if all(wrong) else ""


def _equal(shown: str, sent: str) -> bool:
    if shown == sent:
        return True
    try:
        return float(shown) == float(sent)
    except ValueError:
        return False


async def _copies_still(client: Client, key: Key, code: str) -> bool:
    query = {"instType": "SWAP", "uniqueCode": code}
    row = (await client.get("/api/v5/copytrading/copy-settings", query, key))[0]
    return bool(row["copyState"] == "1")


async def _still_copies(client: Client, key: Key, code: str) -> str:
    return f"{code}: still copying" if await _copies_still(client, key, code) else ""


async def _still_linked(client: Client, key: Key, code: str) -> str:
    query = {"instType": "SWAP", "subPosType": "copy", "uniqueCode": code}
    rows = await client.get("/api/v5/copytrading/current-subpositions", query, key)
    return f"{code}: {len(rows)} copies" if rows else ""


async def _gather(work: Iterable[Awaitable[str]]) -> list[str]:
    return list(await asyncio.gather(*work))


async def found_later(client: Client, unknown: list[Acknowledged]) -> int:
    """Count which orders of unknown outcome the journal had after all. Either answer is right."""
    count = 0
    for order in unknown:
        query = {"instId": order.inst_id, "clOrdId": order.cl_ord_id}
        try:
            count += len(await client.get("/api/v5/trade/order", query, order.key))
        except Refused:
            continue
    return count
