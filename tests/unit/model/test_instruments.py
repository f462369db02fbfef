import pytest

from copydesk.data import load_instruments
from copydesk.model.instruments import Step


def test_every_minimum_of_the_shipped_table_is_held_exactly() -> None:
    for inst in load_instruments().instruments:
        assert inst.lot.text(inst.min_lots) == inst.wire["minSz"], inst.inst_id


@pytest.mark.parametrize(
    "text, count",
    [
        ("1.001", 100),
        ("1.", 100),
        (".5", 50),
        ("0.009", 0),
        ("100000000.0000000000000000", 10_000_000_000),
        ("1.x", None),
        ("1.0x", None),
        ("1e5", None),
        ("", None),
        ("9" * 25, None),
    ],
)
def test_a_text_is_cut_to_whole_steps(text: str, count: int | None) -> None:
    assert Step.from_text("0.01").floor_count(text) == count
