"""API keys: nothing readable on disk, everything at hand in memory."""

import base64
from pathlib import Path

import pytest

from copydesk.api.desk import UNUSED_KEY_LIFETIME_NS, Permission
from copydesk.journal.disk import RealDisk
from copydesk.node.config import KEYS, MASTER_KEY, MASTER_KEY_VARIABLE, ConfigError
from copydesk.node.credentials import (
    MAX_KEYS_PER_ACCOUNT,
    CredentialError,
    KeyStore,
    KeyWish,
    check_rules,
    make_passphrase,
)

NOW = 1_750_000_000_000_000_000
WISH = KeyWish(account_row=2, label="bot")


def opened(folder: Path, environ: dict[str, str] | None = None) -> KeyStore:
    return KeyStore(folder, RealDisk(), environ or {})


def test_a_key_is_found_again_after_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    made = store.create(KeyWish(account_row=2, label="bot", ips=("10.0.0.1", "::1")), NOW)
    store.close()
    store = opened(tmp_path)
    key = store.find(made.api_key)
    assert key is not None
    assert (key.account_row, key.label, key.perm) == (2, "bot", "read_only,trade")
    assert key.secret.decode() == made.secret_key
    assert key.check_passphrase(made.passphrase)
    assert not key.check_passphrase(made.passphrase + "x")
    assert key.ip == "10.0.0.1,::1"
    assert store.of_account(2) == (key,)
    assert store.find("no such key") is None
    store.close()


def test_ids_and_secrets_look_like_okx_s(tmp_path: Path) -> None:
    store = opened(tmp_path)
    made = store.create(WISH, NOW)
    assert [len(part) for part in made.api_key.split("-")] == [8, 4, 4, 4, 12]
    assert len(made.secret_key) == 32
    assert made.secret_key == made.secret_key.upper()
    assert int(made.secret_key, 16) >= 0
    store.close()


def test_nothing_secret_can_be_read_on_disk(tmp_path: Path) -> None:
    store = opened(tmp_path)
    made = store.create(WISH, NOW)
    store.flush()
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert made.api_key.encode() in everything
    assert made.secret_key.encode() not in everything
    assert bytes.fromhex(made.secret_key) not in everything
    assert made.passphrase.encode() not in everything
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_secret_moved_to_another_key_is_not_believed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    one, other = store.create(WISH, NOW), store.create(WISH, NOW)
    store._connection.execute(
        "UPDATE keys SET (nonce, secret) = (SELECT nonce, secret FROM keys WHERE api_key = ?)"
        " WHERE api_key = ?",
        (one.api_key, other.api_key),
    )
    store.close()
    with pytest.raises(CredentialError, match="cannot be read with this master key"):
        opened(tmp_path)


def test_another_master_key_opens_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.create(WISH, NOW)
    store.close()
    other = base64.urlsafe_b64encode(b"k" * 32).decode()
    with pytest.raises(CredentialError, match="master key"):
        opened(tmp_path, {MASTER_KEY_VARIABLE: other})


def test_a_master_key_may_come_from_the_environment(tmp_path: Path) -> None:
    given = {MASTER_KEY_VARIABLE: base64.urlsafe_b64encode(b"k" * 32).decode()}
    store = opened(tmp_path, given)
    made = store.create(WISH, NOW)
    store.close()
    assert not (tmp_path / MASTER_KEY).exists()
    store = opened(tmp_path, given)
    assert store.find(made.api_key) is not None
    store.close()


def test_a_master_key_that_is_gone_or_open_to_others_or_nonsense_is_refused(
    tmp_path: Path,
) -> None:
    opened(tmp_path).close()
    path = tmp_path / MASTER_KEY
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        opened(tmp_path)
    path.chmod(0o600)
    path.write_text("short", encoding="ascii")
    with pytest.raises(ConfigError, match="not a master key"):
        opened(tmp_path)
    path.unlink()
    with pytest.raises(ConfigError, match="is gone"):
        opened(tmp_path)
    assert (tmp_path / KEYS).exists()


def test_a_frozen_key_thaws_and_a_deleted_one_is_gone(tmp_path: Path) -> None:
    store = opened(tmp_path)
    one, other = store.create(WISH, NOW), store.create(WISH, NOW)
    key = store.freeze(one.api_key, True)
    assert key.frozen
    held = store.find(other.api_key)
    store.delete(other.api_key)
    assert held is not None
    assert held.frozen, "whoever still holds a deleted key sees that it is dead"
    store.close()
    store = opened(tmp_path)
    assert [key.api_key for key in store.of_account(2)] == [one.api_key]
    assert store.of_account(2)[0].frozen
    store.freeze(one.api_key, False)
    assert not store.of_account(2)[0].frozen
    with pytest.raises(CredentialError, match="no API key"):
        store.delete(other.api_key)
    store.close()


def test_use_is_remembered_and_two_idle_weeks_end_a_trading_key_without_ip(tmp_path: Path) -> None:
    store = opened(tmp_path)
    made = store.create(WISH, NOW)
    bound = store.create(KeyWish(account_row=2, ips=("10.0.0.0/8",)), NOW)
    reading = store.create(KeyWish(account_row=2, read_only=True), NOW)
    key = store.find(made.api_key)
    assert key is not None
    key.touch(NOW + 1_000)
    store.close()
    store = opened(tmp_path)
    idle = NOW + UNUSED_KEY_LIFETIME_NS + 1_000
    expired = {key.api_key: key.expired(idle + 1) for key in store.of_account(2)}
    assert expired == {made.api_key: True, bound.api_key: False, reading.api_key: False}
    again = store.find(made.api_key)
    assert again is not None
    assert not again.expired(idle)
    assert store.of_account(2)[2].permission is Permission.READ
    store.close()


def test_an_account_has_at_most_fifty_keys(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for _ in range(MAX_KEYS_PER_ACCOUNT):
        store.create(WISH, NOW)
    with pytest.raises(CredentialError, match="at most 50"):
        store.create(WISH, NOW)
    store.create(KeyWish(account_row=3), NOW)
    store.close()


@pytest.mark.parametrize(
    "wish",
    [
        KeyWish(account_row=2, ips=("300.1.1.1",)),
        KeyWish(account_row=2, ips=("10.0.0.1/8",)),
        KeyWish(account_row=2, ips=tuple(f"10.0.0.{n}" for n in range(21))),
        KeyWish(account_row=2, label="x" * 51),
        KeyWish(account_row=2, passphrase="short"),
        KeyWish(account_row=2, passphrase="No-Digits-Here"),
        KeyWish(account_row=2, passphrase="NoSpecial123"),
        KeyWish(account_row=2, passphrase="no-upper-case-1"),
        KeyWish(account_row=2, passphrase="Longer-Than-32-Characters-For-Sure"),
        KeyWish(account_row=2, passphrase="Umlaut-ä-12345"),
    ],
)
def test_a_wish_that_breaks_a_rule_is_refused(tmp_path: Path, wish: KeyWish) -> None:
    store = opened(tmp_path)
    with pytest.raises(CredentialError):
        store.create(wish, NOW)
    assert store.of_account(2) == ()
    store.close()


def test_a_chosen_passphrase_is_taken_and_a_made_one_meets_the_rules(tmp_path: Path) -> None:
    store = opened(tmp_path)
    made = store.create(KeyWish(account_row=2, passphrase="Test-Pass.123"), NOW)
    key = store.find(made.api_key)
    assert key is not None
    assert key.check_passphrase("Test-Pass.123")
    made_ones = {make_passphrase() for _ in range(200)}
    assert len(made_ones) == 200
    for passphrase in made_ones:
        check_rules(passphrase)
    store.close()
