"""Where prices come from: a simulated market, recorded data, later live public data.

What lives here: `open_feed` and the kinds of feeds behind it; each makes `MarketTick` inputs.
What it may touch: `model`, files named by the caller, polars (imported when a file is read).
Always true: the same spec, files, seed and start give the same ticks; floats end where ticks begin.
Start reading: `opening.open_feed`, then `feed.Feed`, then `simulated` or `replay`.
"""

from copydesk.feeds.feed import Feed, FeedError
from copydesk.feeds.opening import KINDS, open_feed

__all__ = ["KINDS", "Feed", "FeedError", "open_feed"]
