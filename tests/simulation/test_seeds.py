"""Seeds of the bottle: power cuts, recoveries, and every invariant after every step."""

import pytest

from copydesk.sim.run import run


@pytest.mark.parametrize("seed", range(3))
def test_short_runs_keep_every_invariant_and_recover_the_same_state(seed: int) -> None:
    report = run(seed, steps=600)
    assert report.inputs >= 600
    assert report.power_cuts > 0
    assert report.lead_positions > 0


def test_the_same_seed_gives_the_same_report() -> None:
    assert run(11, steps=300) == run(11, steps=300)


def test_different_seeds_give_different_histories() -> None:
    assert run(21, steps=200).digest != run(22, steps=200).digest


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1012))
def test_long_runs(seed: int) -> None:
    report = run(seed, steps=4_000, people=60)
    assert report.copies > 0
    assert sum(report.refused.values()) > 0
