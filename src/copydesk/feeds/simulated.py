"""A market made up from a seed: correlated coins, three moods, swap and spot of each coin in USDT.

What lives here: the coins, the moods, the price path and the ticks.
What it may touch: `model`, NumPy's PCG64 (whose raw stream NumPy promises never to change).
Always true: integers only, so a seed gives the same ticks on every machine; prices stay positive.
Start reading: `Market.run`, then `_Path.move`.

A coin moves by sigma x (its share of the common draw + its own draw). The mood scales sigma:
`calm` is slow, `trend` adds a drift in one direction, `jump` throws the market some tenths of a
percent and leaves it nervous. Spot follows the swap at a small basis; the mark price of a swap is
the spot price plus a slow average of the premium, kept within a band around the last price.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import NamedTuple

import numpy as np

from copydesk.feeds.feed import FeedError, Start, pack
from copydesk.model.inputs import MarketTick
from copydesk.model.instruments import Instrument, InstrumentTable
from copydesk.model.limits import MAX_TICK_VOLUME_LOTS

ANCHOR_MS = 1_777_284_000_000  # 2026-04-27 10:00 UTC, when no clock is given
FINE = 12  # prices inside are in 1e-12 USDT
PPB = 1_000_000_000
DAY_MS = 86_400_000
_DRAW_MEAN, _DRAW_SIGMA = 131_070, 37_837  # of the sum of four 16-bit draws
_BLOCK = 512  # ticks whose dice are thrown at once
_BASIS_SIGMA_PPB = 1_500
_MARK_BAND_PPB = 1_000_000  # mark stays within 0.1 % of the last price
_PULL = 2_000_000  # a price goes back to its start by 1 part in so many per tick
_MOVE_MAX_PPB = 50_000_000


class Coin(NamedTuple):
    """A coin of the simulated market; weights are 1/1024 and their squares add up to one."""

    base: str
    start: str  # round figures, USDT
    daily_ppm: int  # standard deviation of a day
    common: int
    own: int
    turnover: int  # USDT per tick


COINS = {
    coin.base: coin
    for coin in (
        Coin("BTC", "95000", 25_000, 1_000, 221, 250_000),
        Coin("ETH", "3300", 35_000, 920, 450, 150_000),
        Coin("SOL", "142", 45_000, 870, 540, 60_000),
        Coin("XRP", "2.06", 42_000, 820, 613, 40_000),
        Coin("DOGE", "0.138", 52_000, 870, 540, 30_000),
        Coin("ADA", "0.39", 48_000, 870, 540, 10_000),
        Coin("AVAX", "13.7", 50_000, 870, 540, 8_000),
        Coin("LINK", "13.6", 48_000, 870, 540, 10_000),
        Coin("LTC", "72", 40_000, 820, 613, 9_000),
        Coin("BCH", "595", 40_000, 770, 675, 9_000),
        Coin("SUI", "1.78", 55_000, 870, 540, 12_000),
        Coin("UNI", "5.4", 50_000, 820, 613, 6_000),
    )
}
DEFAULT_BASES = ("BTC", "ETH", "SOL", "XRP", "DOGE")


class Mood(NamedTuple):
    """How the market behaves for a while: 1/1024 of usual; `stay` is ticks on average."""

    sigma: int
    drift: int
    volume: int
    stay: int


MOODS = {
    "calm": Mood(650, 0, 700, 1_200),
    "trend": Mood(1_000, 160, 1_200, 600),
    "jump": Mood(2_400, 0, 4_000, 80),
}
REGIMES = tuple(MOODS)


@dataclass(slots=True)
class _Path:
    """Where one coin stands."""

    coin: Coin
    swap: Instrument | None
    spot: Instrument | None
    start: int
    px: int
    sigma_ppb: int
    basis_ppb: int = 0
    premium: int = 0

    def move(self, common: int, own: int, sigma: int, push: int) -> None:
        """Move by draws (a sigma is _DRAW_SIGMA) and a push of the whole market (1/1024 sigma)."""
        draw = (self.coin.common * common + self.coin.own * own) * sigma
        step_ppb = self.sigma_ppb * draw // (_DRAW_SIGMA * 1_024 * 1_024)
        step_ppb += self.sigma_ppb * push * self.coin.common // (1_024 * 1_024)
        step_ppb -= (self.px - self.start) * PPB // self.start // _PULL
        step_ppb = max(-_MOVE_MAX_PPB, min(_MOVE_MAX_PPB, step_ppb))
        self.px = max(1, self.px + self.px * step_ppb // PPB)
        self.basis_ppb += own * _BASIS_SIGMA_PPB // _DRAW_SIGMA - self.basis_ppb // 32

    def prices(self) -> tuple[int, int, int]:
        """Give last of the swap, last of the spot, mark of the swap."""
        spot = self.px + self.px * self.basis_ppb // PPB
        self.premium += (self.px - spot - self.premium) // 32
        band = self.px * _MARK_BAND_PPB // PPB
        return self.px, spot, max(self.px - band, min(self.px + band, spot + self.premium))


class _Dice:
    """Raw 64-bit draws, `width` for each tick."""

    def __init__(self, seed: Sequence[int], width: int) -> None:
        self._bits = np.random.PCG64(list(seed))
        self._width = width

    def ticks(self) -> Iterator[list[int]]:
        while True:
            block = self._bits.random_raw(_BLOCK * self._width).reshape(_BLOCK, self._width)
            yield from block.tolist()


class _Weather:
    """The mood of the market: which one, which way, how long still."""

    def __init__(self, fixed: str) -> None:
        self._fixed = fixed
        self.mood = MOODS[fixed or "calm"]
        self._way = 1
        self._shock = 0

    def turn(self, raw: int) -> int:
        """Pass one tick; give the push on the market in 1/1024 sigma."""
        low, high = raw & 0xFFFFFFFF, raw >> 32
        if low % self.mood.stay == 0:
            name = self._fixed or REGIMES[(0, 0, 1, 1, 2)[high % 5]]
            self.mood = MOODS[name]
            self._way = 1 if high & 0x100 else -1
            if name == "jump":  # 20 to 148 sigma of a tick, over the next few ticks
                self._shock = self._way * 1_024 * (20 + (high >> 9) % 128)
        push, self._shock = self._shock // 2, self._shock - self._shock // 2
        if -1_024 < self._shock < 1_024:
            self._shock = 0
        return push + self._way * self.mood.drift


@dataclass(frozen=True, slots=True)
class Market:
    """A simulated market, ready to run any number of times."""

    pairs: tuple[tuple[Coin, Instrument | None, Instrument | None], ...]
    interval_ms: int
    seed: int
    regime: str

    @property
    def inst_rows(self) -> tuple[int, ...]:
        """Rows that this market moves, ascending."""
        return tuple(sorted(i.row for _, *both in self.pairs for i in both if i is not None))

    def run(
        self, start: Start, anchor_ms: int, clock_ms: Callable[[], int] | None
    ) -> Iterator[MarketTick]:
        """Yield a tick per interval for ever; after a stall, market time rejoins the clock."""
        paths = [self._path(*pair, start.last_ticks) for pair in self.pairs]
        dice = _Dice((self.seed % 2**64, start.market_ts_ms), 2 + 2 * len(paths)).ticks()
        weather = _Weather(self.regime)
        now_ms = max(anchor_ms or ANCHOR_MS, start.market_ts_ms + self.interval_ms)
        for draws in dice:
            push = weather.turn(draws[0])
            common = _centred(draws[1])
            cells = []
            for path, own, deal in zip(paths, draws[2::2], draws[3::2], strict=True):
                path.move(common, _centred(own), weather.mood.sigma, push)
                cells += _cells(path, deal, weather.mood.volume)
            yield pack(now_ms, *zip(*sorted(cells), strict=True))
            now_ms += self.interval_ms
            if clock_ms is not None:
                now_ms = max(now_ms, clock_ms())

    def _path(
        self,
        coin: Coin,
        swap: Instrument | None,
        spot: Instrument | None,
        known: Mapping[int, int],
    ) -> _Path:
        whole, _, fraction = coin.start.partition(".")
        start = int(whole + fraction.ljust(FINE, "0"))
        px = start
        for inst in (spot, swap):  # the swap's price is the path's own
            if inst is not None and known.get(inst.row, 0) > 0:
                px = known[inst.row] * _fine_tick(inst)
        # sigma of a tick = sigma of a day / sqrt(ticks of a day)
        root_e3 = isqrt(DAY_MS * 10**6 // self.interval_ms)
        return _Path(coin, swap, spot, start, px, coin.daily_ppm * 10**6 // root_e3)


def open_simulated(
    table: InstrumentTable, bases: tuple[str, ...], interval_ms: int, seed: int, regime: str
) -> Market:
    """Build the market of these coins (none: the default five; "all": all). Raises FeedError."""
    names = DEFAULT_BASES if not bases else tuple(COINS) if bases == ("all",) else bases
    by_id = {inst.inst_id: inst for inst in table.instruments}
    pairs = []
    for base in dict.fromkeys(names):
        coin = COINS.get(base)
        if coin is None:
            raise FeedError(
                f"the simulated market has no coin {base!r}; it knows: {', '.join(COINS)}"
            )
        swap, spot = by_id.get(f"{base}-USDT-SWAP"), by_id.get(f"{base}-USDT")
        if swap is None and spot is None:
            raise FeedError(f"the instrument table has neither {base}-USDT-SWAP nor {base}-USDT")
        pairs.append((coin, swap, spot))
    return Market(tuple(pairs), interval_ms, seed, regime)


def _centred(raw: int) -> int:
    """Turn 64 raw bits into a bell-shaped draw around 0 with standard deviation _DRAW_SIGMA."""
    return (raw & 0xFFFF) + (raw >> 16 & 0xFFFF) + (raw >> 32 & 0xFFFF) + (raw >> 48) - _DRAW_MEAN


def _cells(path: _Path, deal: int, volume: int) -> list[tuple[int, int, int, int]]:
    """Give (row, last, mark, volume) of the instruments of one coin."""
    last, spot_last, mark = path.prices()
    turnover = path.coin.turnover * volume // 1_024
    swap_usdt = turnover * (deal & 0xFFFF) // 0x8000
    spot_usdt = turnover * (deal >> 16 & 0xFFFF) // 0x18000
    cells = []
    if path.swap is not None:
        cells.append(_cell(path.swap, last, mark, swap_usdt))
    if path.spot is not None:
        cells.append(_cell(path.spot, spot_last, spot_last, spot_usdt))
    return cells


def _cell(inst: Instrument, last: int, mark: int, usdt: int) -> tuple[int, int, int, int]:
    tick = _fine_tick(inst)
    last_ticks = max(1, (2 * last + tick) // (2 * tick))
    mark_ticks = max(1, (2 * mark + tick) // (2 * tick))
    lots = usdt * 10**8 * inst.value_den // (last_ticks * inst.value_num)
    return inst.row, last_ticks, mark_ticks, min(MAX_TICK_VOLUME_LOTS, max(1, lots))


def _fine_tick(inst: Instrument) -> int:
    fine: int = inst.tick.mantissa * 10 ** (FINE - inst.tick.scale)
    return fine
