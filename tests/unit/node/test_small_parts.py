"""Outbox, metrics, logs, settings: what each promises in a sentence."""

import asyncio
import io
import sys

import msgspec
import numpy as np
import pytest
import structlog

from copydesk.model.enums import FillCause, NoCopyReason, Side
from copydesk.model.outputs import CopiesFilled, CopiesNotMade, Done, Output
from copydesk.node import logs
from copydesk.node.config import ConfigError, NodeSettings, parse_liquidity
from copydesk.node.metrics import Metrics
from copydesk.node.outbox import Outbox


def output(seq: int) -> Output:
    rows = np.arange(3, dtype=np.int64)
    filled = CopiesFilled(
        lead_position_row=0,
        inst_row=0,
        side=Side.BUY,
        cause=FillCause.COPY_OPEN,
        ts_ms=1,
        copy_rows=rows,
        account_rows=rows,
        lots=rows,
        value_e8=rows,
        fee_e8=rows,
        pnl_e8=rows,
    )
    missed = CopiesNotMade(0, 1, rows[:2], np.full(2, NoCopyReason.PRICE_GUARD, dtype=np.int8))
    return Output(seq, 1, Done(), [filled, missed])


def test_the_outbox_answers_before_it_tells_and_skips_who_has_gone() -> None:
    async def run() -> None:
        outbox = Outbox()
        loop = asyncio.get_running_loop()
        here, gone, failed = (loop.create_future() for _ in range(3))
        gone.cancel()
        heard: list[tuple[int, bool]] = []
        unsubscribe = outbox.subscribe(
            lambda outputs: heard.extend((o.seq, here.done()) for o in outputs)
        )
        error = ValueError("no")
        outbox.release([(here, 1, None), (gone, 2, None), (failed, None, error)], [output(7)])
        assert here.result() == 1
        assert failed.exception() is error
        unsubscribe()
        unsubscribe()
        outbox.release([], [output(8)])
        assert heard == [(7, True)]

    asyncio.run(run())


def test_metrics_count_copies_and_refusals() -> None:
    metrics = Metrics()
    metrics.watch_inbox(lambda: 5)
    metrics.timed(0.0002, 0.0001)
    metrics.released([output(7), output(8)])
    text = metrics.text().decode()
    for line in (
        "copydesk_inputs_total 2.0",
        "copydesk_copies_total 6.0",
        'copydesk_copies_not_made_total{reason="price_guard"} 4.0',
        "copydesk_batches_total 1.0",
        "copydesk_inbox_depth 5.0",
        "copydesk_seq 8.0",
    ):
        assert line in text


def test_logs_are_one_json_object_a_line_without_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up("json", "info")
    log = structlog.get_logger()
    log.info("key_made", api_key="a", secret_key="b", passphrase="c", sign="d")
    log.debug("not_shown")
    line = msgspec.json.decode(stream.getvalue(), type=dict[str, str])
    assert line["event"] == "key_made"
    assert line["api_key"] == "a"
    assert {line["secret_key"], line["passphrase"], line["sign"]} == {"(hidden)"}
    structlog.reset_defaults()


def test_liquidity_is_read_in_whole_units() -> None:
    assert parse_liquidity("50:100000:8") == (50, 100_000 * 10**8, 8)
    for text in ("", "1:2", "1:2:3:4", "-1:2:3", "1.5:2:3", "1:0:3", "1:2:17", "600000:1:1"):
        with pytest.raises(ConfigError):
            parse_liquidity(text)


def test_settings_refuse_what_cannot_work() -> None:
    assert NodeSettings().journal == "sqlite"
    with pytest.raises(ConfigError, match="postgresql"):
        NodeSettings(journal="postgresql://host/db")
