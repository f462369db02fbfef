"""Settings of a node: from the command line, or from COPYDESK_* variables.

What lives here: `NodeSettings`, the names of the files in a data directory, the header of its
journal.
What it may touch: nothing; `cli.py` fills it in.
Always true: a value that cannot work is refused here, before anything is opened.
Start reading: `NodeSettings`.
"""

from pathlib import Path

import msgspec

from copydesk.model.limits import MAX_BATCH_INPUTS

ADMIN_SOCKET = "admin.sock"
KEYS = "keys.sqlite"
MASTER_KEY = "master.key"
MASTER_KEY_VARIABLE = "COPYDESK_MASTER_KEY"

DEFAULT_DATA = "copydesk-data"
DEFAULT_PORT = 8080
DEFAULT_WS_PORT = 8443


class ConfigError(Exception):
    """A setting that cannot work. The message is meant for a person."""


class NodeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that can be set about a node."""

    data: Path = Path(DEFAULT_DATA)
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT  # 0: any free one
    ws_port: int = DEFAULT_WS_PORT  # 0: any free one
    feed: str = "simulated"
    seed: int = 1
    speed: float = 1.0  # of the feed; 0: as fast as possible
    journal: str = "sqlite"
    batch_inputs: int = MAX_BATCH_INPUTS  # inputs per fsync at most
    snapshot_inputs: int = 200_000  # a snapshot after so many inputs
    digest_inputs: int = 10_000  # a digest of State after so many inputs
    rate_limits: bool = True
    liquidity: str = ""  # HALF_SPREAD_PPM:BEST_LEVEL_VALUE:LEVELS; "": as the rules begin
    log_format: str = "auto"  # json, console, auto: console on a terminal
    log_level: str = "info"

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.journal != "sqlite":
            raise ConfigError(
                f"journal {self.journal!r}: this version keeps its journal in SQLite only "
                "(--journal sqlite)"
            )
        if not 1 <= self.batch_inputs <= MAX_BATCH_INPUTS:
            raise ConfigError(f"batch inputs must lie between 1 and {MAX_BATCH_INPUTS}")
        if self.snapshot_inputs < 1 or self.digest_inputs < 1:
            raise ConfigError("snapshot and digest intervals must be at least 1")
        if self.speed < 0:
            raise ConfigError("speed must not be negative")
        for port in (self.port, self.ws_port):
            if not 0 <= port <= 65_535:
                raise ConfigError(f"port {port} does not exist")
        if self.liquidity:
            parse_liquidity(self.liquidity)


def parse_liquidity(text: str) -> tuple[int, int, int]:
    """Read HALF_SPREAD_PPM:BEST_LEVEL_VALUE:LEVELS; the value in 1e-8. Raises ConfigError."""
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ConfigError(f"liquidity {text!r}: wanted HALF_SPREAD_PPM:BEST_LEVEL_VALUE:LEVELS")
    half_spread_ppm, value, level_count = (int(part) for part in parts)
    if not (0 < half_spread_ppm < 500_000 and 0 < value <= 10**8 and 1 <= level_count <= 16):
        raise ConfigError(f"liquidity {text!r}: out of range")
    return half_spread_ppm, value * 10**8, level_count
