"""Who takes part: three lead traders and any number of copy traders, drawn from a seed.

What lives here: their names, money, leverage, settings; who stops copying, when and how.
What it may touch: dice of its own (`random.Random(seed)`).
Always true: the same seed and number give the same cast; settings lie within the published ranges.
Start reading: `draw_copiers`.
"""

from random import Random

import msgspec

BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"
LED = (BTC, ETH)
CLOSE_TYPES = ("market_close", "copy_close", "manual_close")


class Lead(msgspec.Struct, frozen=True, gc=False):
    """A lead trader: `style` names the way of trading in `trading`."""

    name: str
    style: str
    deposit: int
    pos_mode: str
    mgn_mode: str
    lever: int


LEADS = (
    Lead("Mira", "momentum", 150_000, "net_mode", "cross", 5),
    Lead("Jun", "scalper", 100_000, "long_short_mode", "isolated", 10),
    Lead("Ada", "swing", 200_000, "net_mode", "cross", 3),
)


class Relation(msgspec.Struct, frozen=True, gc=False):
    """One copy trader copying one lead trader; `settings` is the body of first-copy-settings."""

    lead: int
    settings: dict[str, str]


class Stop(msgspec.Struct, frozen=True, gc=False):
    """A copy trader leaves his (first) lead trader at a point of the run between 0 and 1."""

    at: float
    close_type: str


class Copier(msgspec.Struct, frozen=True, gc=False):
    """A copy trader: money, leverage (0: the house's default), whom he copies, when he stops.

    `joins` is when he begins to copy (0: before trading begins); `own` is the side of a BTC
    position that he opens by hand before that, "" none.
    """

    name: str
    kind: str
    deposit: int
    lever: int
    long_short: bool
    relations: tuple[Relation, ...]
    stop: Stop | None
    joins: float = 0.0
    own: str = ""


def draw_copiers(count: int, seed: int) -> list[Copier]:
    """Draw the copy traders: most are ordinary, every twelfth is poor, some are careful or bold."""
    dice = Random(seed)
    return [_copier(number, dice) for number in range(count)]


def _copier(number: int, dice: Random) -> Copier:
    kind = dice.choices(
        ("steady", "proportional", "careful", "bold", "picky", "poor"), (30, 26, 14, 12, 10, 8)
    )[0]
    deposit = {
        "steady": dice.randint(800, 6_000),
        "proportional": dice.randint(1_500, 25_000),
        "careful": dice.randint(400, 2_500),
        "bold": dice.randint(1_000, 9_000),
        "picky": dice.randint(600, 5_000),
        "poor": dice.randint(4, 60),
    }[kind]
    lever = dice.choice({"bold": (20, 25, 50), "careful": (0, 2, 3)}.get(kind, (0, 0, 5, 10)))
    both = dice.random() < 0.1
    first = dice.randrange(len(LEADS))
    leads = [first, (first + 1 + dice.randrange(2)) % 3] if both else [first]
    stop = None
    if number % 11 == 3:
        stop = Stop(dice.uniform(0.2, 0.8), CLOSE_TYPES[number // 11 % 3])
    joins = dice.uniform(0.05, 0.5) if number % 11 == 5 else 0.0
    own = dice.choice(("buy", "sell")) if number % 11 == 7 and kind != "poor" else ""
    return Copier(
        f"copier{number:05d}",
        kind,
        deposit,
        lever,
        both or dice.random() < 0.2,
        tuple(Relation(lead, _settings(kind, deposit, dice)) for lead in leads),
        stop,
        joins,
        own,
    )


def _settings(kind: str, deposit: int, dice: Random) -> dict[str, str]:
    """Draw the settings of one relation (without the lead trader's code)."""
    body = {
        "instType": "SWAP",
        "copyMgnMode": dice.choice(("cross", "isolated", "copy", "copy")),
        "copyInstIdType": "copy",
        "subPosCloseType": dice.choice(CLOSE_TYPES),
    }
    if kind == "picky" or dice.random() < 0.08:
        body |= {"copyInstIdType": "custom", "instId": dice.choice(LED)}
    if kind == "proportional" or (kind == "bold" and dice.random() < 0.5):
        body |= {"copyMode": "ratio_copy", "copyRatio": f"{dice.choice((1, 2, 3, 5, 8, 15)) / 100}"}
    else:
        amount = max(20, min(1_000, deposit * dice.randint(2, 8) // 100))
        body |= {"copyMode": "fixed_amount", "copyAmt": str(amount)}
    share = {"careful": 20, "bold": 90, "poor": 100}.get(kind, 50)
    body["copyTotalAmt"] = str(max(60, min(30_000, deposit * share // 100)))
    if kind == "careful" or dice.random() < 0.15:
        body |= {
            "tpRatio": f"{dice.randint(2, 20) / 100}",
            "slRatio": f"{dice.randint(2, 12) / 100}",
        }
    if kind == "careful" or dice.random() < 0.1:
        body["slTotalAmt"] = str(max(1, deposit * dice.randint(1, 4) // 200))
    if dice.random() < 0.2:
        body["tag"] = f"demo{dice.randrange(10)}"
    return body
