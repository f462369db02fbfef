"""The admin door: what people may ask for, and how it says no."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.node import running

from copydesk.journal.disk import RealDisk
from copydesk.node.admin import AdminDoor, Node
from copydesk.node.admin_client import AdminClient, AdminError
from copydesk.node.clock import FakeClock
from copydesk.node.config import ADMIN_SOCKET
from copydesk.node.credentials import KeyStore

Ask = dict[str, Any]


def door(folder: Path, ask: list[Ask]) -> list[dict[str, Any]]:
    """Put requests to a door; a text value "$N.name" stands for a field of the N-th answer."""

    async def run() -> list[dict[str, Any]]:
        async with running(folder) as room:
            keys = KeyStore(folder, RealDisk(), {})

            async def health() -> dict[str, Any]:
                return {"seq": room.sequencer.seq}

            node = Node(
                submit=room.sequencer.submit,
                read=room.sequencer.read,
                keys=keys,
                now_ns=FakeClock().now_ns,
                health=health,
                snapshot=health,
            )
            admin = AdminDoor(node)
            answers: list[dict[str, Any]] = []
            for request in ask:
                line = msgspec.json.encode({k: filled(v, answers) for k, v in request.items()})
                answers.append(msgspec.json.decode(msgspec.json.encode(await admin.answer(line))))
            keys.close()
            return answers

    return asyncio.run(run())


def filled(value: Any, answers: list[dict[str, Any]]) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        number, _, name = value[1:].partition(".")
        return answers[int(number)]["result"][name]
    return value


LEAD: Ask = {"op": "account create", "name": "lead", "deposit": "1000.5"}


def test_an_account_is_opened_listed_and_paid_into(tmp_path: Path) -> None:
    made, paid, drawn, listed = door(
        tmp_path,
        [
            LEAD,
            {"op": "account deposit", "account": "$0.uid", "amount": "0.5"},
            {"op": "account deposit", "account": "$0.uid", "amount": "-1"},
            {"op": "account list"},
        ],
    )
    assert made["ok"]
    assert paid["result"]["balance"] == "1001"
    assert drawn["result"]["balance"] == "1000"
    (row,) = listed["result"]
    assert row == {**made["result"], "usdt": "1000", "keys": "0"}


def test_a_key_lives_from_creation_to_deletion(tmp_path: Path) -> None:
    answers = door(
        tmp_path,
        [
            LEAD,
            {"op": "key create", "account": "$0.uid", "label": "bot", "ips": ["127.0.0.1"]},
            {"op": "key list", "account": "$0.uid"},
            {"op": "key freeze", "api_key": "$1.api_key"},
            {"op": "key list", "account": "$0.uid"},
            {"op": "key delete", "api_key": "$1.api_key"},
            {"op": "key list", "account": "$0.uid"},
        ],
    )
    assert all(answer["ok"] for answer in answers)
    made, listed = answers[1]["result"], answers[2]["result"]
    assert made["permissions"] == "read_only,trade"
    assert listed[0]["label"] == "bot"
    assert "secret_key" not in listed[0]
    assert "passphrase" not in listed[0]
    assert answers[4]["result"][0]["frozen"]
    assert answers[6]["result"] == []


def test_liquidity_is_set_for_one_instrument_or_for_all(tmp_path: Path) -> None:
    one, every = door(
        tmp_path,
        [
            {"op": "liquidity", "spec": "50:1000:4", "inst_id": "BTC-USDT-SWAP"},
            {"op": "liquidity", "spec": "50:1000:4"},
        ],
    )
    assert one["ok"]
    assert every["ok"]


def test_why_answers_for_an_account_that_copied_nobody(tmp_path: Path) -> None:
    _, why = door(tmp_path, [LEAD, {"op": "why", "account": "$0.uid"}])
    assert why == {"ok": True, "result": []}


@pytest.mark.parametrize(
    "request_, words",
    [
        ({"op": "account create", "name": " "}, "1 to 48 bytes"),
        ({"op": "account create", "name": "名" * 17}, "1 to 48 bytes"),
        ({"op": "account create", "name": "x", "deposit": "-1"}, "negative"),
        ({"op": "account create", "name": "x", "deposit": "1e3"}, "not an amount"),
        ({"op": "account deposit", "account": "7", "amount": "1"}, "no account 7"),
        ({"op": "account deposit", "account": "40000000000000000", "amount": "1"}, "no account"),
        ({"op": "account deposit", "account": "$0.uid", "amount": "-2000"}, "51008"),
        ({"op": "account deposit", "account": "$0.uid", "amount": "1", "ccy": "XX"}, "currency"),
        ({"op": "key create", "account": "x"}, "no account x"),
        ({"op": "key create", "account": "$0.uid", "passphrase": "weak"}, "8 to 32"),
        ({"op": "key delete", "api_key": "none"}, "no API key"),
        ({"op": "liquidity", "spec": "much"}, "HALF_SPREAD_PPM"),
        ({"op": "liquidity", "spec": "50:1000:4", "inst_id": "X"}, "unknown instrument"),
        ({"op": "why", "account": "1"}, "no account 1"),
        ({"op": "why", "account": "$0.uid", "lead": "NOBODY"}, "no lead trader"),
        ({"op": "why", "account": "$0.uid", "inst_id": "X"}, "unknown instrument"),
        ({"op": "dance"}, "dance"),
        ({"op": "health", "more": 1}, "more"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(tmp_path: Path, request_: Ask, words: str) -> None:
    answer = door(tmp_path, [LEAD, request_])[1]
    assert not answer["ok"]
    assert words in answer["error"]


def test_it_answers_on_a_socket_for_its_owner_however_deep_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 20) / ("deeper" * 10)
    folder.mkdir(parents=True)

    def ask() -> tuple[Any, str]:
        with AdminClient(folder) as client:
            health = client.ask("health")
            with pytest.raises(AdminError, match="no account 5"):
                client.ask("key list", account="5")
        return health, oct((folder / ADMIN_SOCKET).stat().st_mode & 0o777)

    async def run() -> None:
        async with running(folder) as room:
            keys = KeyStore(folder, RealDisk(), {})

            async def health() -> dict[str, Any]:
                return {"seq": room.sequencer.seq}

            admin = AdminDoor(
                Node(
                    submit=room.sequencer.submit,
                    read=room.sequencer.read,
                    keys=keys,
                    now_ns=FakeClock().now_ns,
                    health=health,
                    snapshot=health,
                )
            )
            (folder / ADMIN_SOCKET).touch()  # left by a crash
            await admin.open(folder)
            assert await asyncio.to_thread(ask) == ({"seq": 0}, "0o600")
            await admin.close(folder)
            assert not (folder / ADMIN_SOCKET).exists()
            keys.close()

    asyncio.run(run())
    with pytest.raises(AdminError, match="is `copydesk serve` running"):
        AdminClient(folder)
