"""The cast: the same for a seed, varied, and within the published ranges."""

from copydesk.demo.cast import CLOSE_TYPES, LEADS, LED, draw_copiers
from copydesk.model.limits import CopyRanges

RANGES = CopyRanges()
E8 = 10**8


def test_a_seed_gives_one_cast() -> None:
    assert draw_copiers(200, 5) == draw_copiers(200, 5)
    assert draw_copiers(200, 5) != draw_copiers(200, 6)


def test_a_larger_cast_begins_with_the_smaller_one() -> None:
    assert draw_copiers(300, 5)[:100] == draw_copiers(100, 5)


def test_settings_lie_within_the_published_ranges() -> None:
    for copier in draw_copiers(1_000, 1):
        for relation in copier.relations:
            body = relation.settings
            total = int(body["copyTotalAmt"]) * E8
            assert total <= RANGES.max_copy_total_amt_e8
            if body["copyMode"] == "fixed_amount":
                amount = int(body["copyAmt"]) * E8
                assert RANGES.min_copy_amt_e8 <= amount <= min(total, RANGES.max_copy_amt_e8)
            else:
                assert RANGES.min_copy_ratio_ppm <= float(body["copyRatio"]) * 10**6
            assert float(body.get("tpRatio", 0)) * 10**6 <= RANGES.max_tp_ratio_ppm
            assert float(body.get("slRatio", 0)) * 10**6 <= RANGES.max_sl_ratio_ppm


def test_everything_that_settings_can_say_is_said_by_somebody() -> None:
    copiers = draw_copiers(1_000, 1)
    bodies = [relation.settings for copier in copiers for relation in copier.relations]
    for name, values in {
        "copyMode": {"fixed_amount", "ratio_copy"},
        "copyMgnMode": {"cross", "isolated", "copy"},
        "copyInstIdType": {"copy", "custom"},
        "subPosCloseType": set(CLOSE_TYPES),
        "instId": {"", *LED},
    }.items():
        assert {body.get(name, "") for body in bodies} == values
    for name in ("tpRatio", "slRatio", "slTotalAmt", "tag"):
        assert 0 < sum(name in body for body in bodies) < len(bodies)


def test_copy_traders_stop_in_all_three_ways_begin_late_and_trade_by_hand() -> None:
    copiers = draw_copiers(100, 1)
    assert {copier.stop.close_type for copier in copiers if copier.stop} == set(CLOSE_TYPES)
    assert any(copier.joins for copier in copiers)
    assert {copier.own for copier in draw_copiers(500, 1)} == {"", "buy", "sell"}
    assert {r.lead for copier in copiers for r in copier.relations} == set(range(len(LEADS)))


def test_who_copies_two_lead_traders_does_so_in_long_short_mode() -> None:
    double = [copier for copier in draw_copiers(500, 1) if len(copier.relations) > 1]
    assert double
    for copier in double:
        assert copier.long_short
        assert len({relation.lead for relation in copier.relations}) == len(copier.relations)
