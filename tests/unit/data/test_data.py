"""The shipped files: complete, small, in the order that row numbers rest on."""

from pathlib import Path

import pytest

import copydesk.data
from copydesk.data import RECORDED_BASES, load_funding, load_instruments, minutes_path, trades_path
from copydesk.model.enums import InstType
from copydesk.model.instruments import InstrumentTable

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def table() -> InstrumentTable:
    return load_instruments()


def test_the_table_is_the_venues_whole_table_of_that_day(table: InstrumentTable) -> None:
    kinds = [instrument.inst_type for instrument in table.instruments]
    assert kinds == [InstType.SWAP] * 312 + [InstType.SPOT] * 1_218
    assert [instrument.row for instrument in table.instruments] == list(range(1_530))


def test_rows_stand_in_order_of_name_within_each_kind(table: InstrumentTable) -> None:
    names = [instrument.inst_id for instrument in table.instruments]
    assert names[:312] == sorted(names[:312])
    assert names[312:] == sorted(names[312:])
    assert len(set(names)) == 1_530


def test_row_numbers_of_well_known_instruments_stay(table: InstrumentTable) -> None:
    rows = {instrument.inst_id: instrument.row for instrument in table.instruments}
    assert rows["BTC-USDT-SWAP"] == 57
    assert rows["BTC-USDT"] == 540


def test_an_instrument_keeps_the_venues_words(table: InstrumentTable) -> None:
    btc = next(i for i in table.instruments if i.inst_id == "BTC-USDT-SWAP")
    fields = ("ctVal", "lotSz", "minSz", "tickSz", "lever", "maxMktSz", "settleCcy", "state")
    assert {name: btc.wire[name] for name in fields} == {
        "ctVal": "0.01",
        "lotSz": "0.01",
        "minSz": "0.01",
        "tickSz": "0.1",
        "lever": "100",
        "maxMktSz": "34000",
        "settleCcy": "USDT",
        "state": "live",
    }


def test_every_swap_has_funding_terms(table: InstrumentTable) -> None:
    funding = load_funding()
    assert set(funding) == {i.inst_id for i in table.instruments if i.inst_type is InstType.SWAP}
    assert {terms.interval_ms for terms in funding.values()} == {
        2 * HOUR_MS,
        4 * HOUR_MS,
        8 * HOUR_MS,
    }


def test_the_funding_rate_is_the_wire_text_in_billionths() -> None:
    terms = load_funding()["BTC-USDT-SWAP"]
    assert terms.wire["fundingRate"] == "-0.0000768071865029"
    assert terms.rate_e9 == -76_807
    assert terms.interval_ms == 8 * HOUR_MS


@pytest.mark.parametrize("base", RECORDED_BASES)
def test_recordings_are_there(base: str) -> None:
    assert minutes_path(base).is_file()
    assert trades_path(base).is_file()


def test_an_unrecorded_base_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"binance_SOLUSDT.* is not among the files"):
        minutes_path("SOL")


def test_the_package_data_is_small_and_every_file_is_described() -> None:
    folder = Path(copydesk.data.__file__).parent
    described = (folder / "README.md").read_text(encoding="utf-8")
    files = [path for path in folder.iterdir() if path.suffix in {".gz", ".parquet"}]
    assert sum(path.stat().st_size for path in files) < 2_000_000
    for path in files:
        name = path.name.replace("_BTCUSDT", "_{BTC,ETH}USDT").replace("_ETHUSDT", "_{BTC,ETH}USDT")
        assert f"`{name}`" in described
