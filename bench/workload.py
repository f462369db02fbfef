"""The workload that every rival does: one lead fill, copied to N copy traders, then closed again.

What lives here: the copiers' settings as columns, and the integer rules both sides follow.
Always true: made from one seed; nobody hits a cap, everybody has the funds, liquidity lies at one
price. Every relation becomes a copy, so sizes, costs, margins and fees must agree to the last
unit between rivals.
Start reading: `Workload.draw`, `expected`.

Half the relations are fixed_amount and half ratio_copy, cross margin, net mode, leverage 3 to 20.
Which accounts copy is a random permutation over all accounts: unkind to whoever does not keep the
relations of a lead sorted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

E8 = 10**8
INST_ID = "BTC-USDT-SWAP"
INST_FIELDS = {  # the lines of OKX's public/instruments that the engine reads
    "instType": "SWAP",
    "instId": INST_ID,
    "instFamily": "BTC-USDT",
    "baseCcy": "",
    "quoteCcy": "",
    "settleCcy": "USDT",
    "ctType": "linear",
    "ctVal": "0.01",
    "ctMult": "1",
    "tickSz": "0.1",
    "lotSz": "0.01",
    "minSz": "0.01",
    "maxMktSz": "12000",
    "maxLmtSz": "100000000",
    "lever": "100",
    "instIdCode": "10459",
}
LOT_TICK_E8 = 1000  # value of one lot at one tick: 0.1 x 0.01 x 0.01 USDT
PX_TICKS = 750_000  # 75,000.0 USDT
GUARD_PX_TICKS = PX_TICKS * 1_005_000 // 1_000_000  # rules 3.8, rounded down for a buy
LEAD_LOTS = 1_000
TAKER_FEE_PPM = 500
DEPOSIT_E8 = 10_000 * E8
LEAD_DEPOSIT_E8 = 1_000_000 * E8
TOTAL_AMT_E8 = 30_000 * E8
FIXED_AMOUNT, RATIO_COPY = 0, 1
LEVERS = (3, 5, 10, 20)
SEED = 20_261_121


@dataclass(frozen=True, slots=True)
class Workload:
    """Settings of the copiers of one lead; parallel columns in the random order of the draw."""

    account: I64  # number of the copier among all copiers, from 0
    mode: I64
    amt_e8: I64
    ratio_ppm: I64
    lever: I64

    @property
    def count(self) -> int:
        """Number of copiers."""
        return len(self.account)

    @classmethod
    def draw(cls, sizes: Sequence[int]) -> "list[Workload]":
        """Draw disjoint sets of copiers, one for each size, from one permutation of accounts."""
        rng = np.random.default_rng(SEED)
        total = sum(sizes)
        accounts = rng.permutation(total)
        mode = np.arange(total) % 2
        amt = rng.integers(20, 101, total) * E8
        ratio = rng.integers(1, 11, total) * 10_000
        lever = np.array(LEVERS)[rng.integers(0, len(LEVERS), total)]
        made = []
        start = 0
        for size in sizes:
            stretch = slice(start, start + size)
            made.append(
                cls(
                    account=accounts[stretch],
                    mode=mode[stretch],
                    amt_e8=np.where(mode[stretch] == FIXED_AMOUNT, amt[stretch], 0),
                    ratio_ppm=np.where(mode[stretch] == RATIO_COPY, ratio[stretch], 0),
                    lever=lever[stretch],
                )
            )
            start += size
        return made

    def sorted(self) -> "Workload":
        """Give the same copiers in ascending order of account."""
        order = np.argsort(self.account)
        return Workload(
            self.account[order],
            self.mode[order],
            self.amt_e8[order],
            self.ratio_ppm[order],
            self.lever[order],
        )


@dataclass(frozen=True, slots=True)
class Copies:
    """What a rival made of one fill, in ascending order of account."""

    account: I64
    lots: I64
    cost_e8: I64
    margin_e8: I64
    fee_e8: I64

    def assert_equal(self, other: "Copies", name: str) -> None:
        """Stop the run if two rivals disagree on anything."""
        for field in ("account", "lots", "cost_e8", "margin_e8", "fee_e8"):
            mine, theirs = getattr(self, field), getattr(other, field)
            if not np.array_equal(mine, theirs):
                first = int(np.flatnonzero(mine != theirs)[0]) if len(mine) == len(theirs) else -1
                raise AssertionError(f"{name} disagrees on {field}, first at row {first}")


def expected(load: Workload) -> Copies:
    """Compute the copies in the plainest NumPy there is; every rival is held against it."""
    load = load.sorted()
    lots = np.where(
        load.mode == FIXED_AMOUNT,
        load.amt_e8 * load.lever // (GUARD_PX_TICKS * LOT_TICK_E8),
        load.ratio_ppm * LEAD_LOTS // 1_000_000,
    )
    assert lots.min() >= 1
    cost = lots * (PX_TICKS * LOT_TICK_E8)
    margin = -(-cost // load.lever)
    fee = -(-cost * TAKER_FEE_PPM // 1_000_000)
    assert (margin + fee).max() < DEPOSIT_E8 // 2
    return Copies(load.account, lots, cost, margin, fee)
