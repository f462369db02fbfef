"""API keys: who may do what, with secrets that a thief of the disk cannot read.

What lives here: `KeyStore` over a SQLite file of its own, the making of secrets, the encryption.
What it may touch: `keys.sqlite` and `master.key` in the data directory; cryptography, hashlib,
secrets.
Always true: secrets are on disk only under AES-GCM with the key's id as associated data; of a
passphrase only a salted scrypt hash is kept; every look-up is in memory.
Start reading: `KeyStore`.

Keys are not inputs: they change nothing in State, and the journal, which is kept for ever, must
hold no secret.
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import os
import secrets
import string
import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from copydesk.api.desk import ApiKey, Permission
from copydesk.journal.disk import Disk
from copydesk.model.ids import uid_of
from copydesk.node.config import KEYS, MASTER_KEY, MASTER_KEY_VARIABLE, ConfigError

MAX_KEYS_PER_ACCOUNT = 50
MAX_NETWORKS = 20
MAX_LABEL = 50
_SPECIAL = "!@#$%^&*()-_=+.,:;?"
_COST_CHOSEN = 2**14  # scrypt's n for a passphrase that a person chose
_COST_MADE = 2**4  # one of ours has over 100 bits: no dictionary has it, stretching adds nothing
_NONCE_BYTES = 12

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class CredentialError(Exception):
    """A key that cannot be made or found. The message is meant for a person."""


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown once, when a key is made."""

    api_key: str
    secret_key: str
    passphrase: str
    label: str
    permissions: str
    ip: str
    uid: str


class KeyWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a new key should be. `passphrase` "": make one."""

    account_row: int
    label: str = ""
    read_only: bool = False
    ips: tuple[str, ...] = ()
    passphrase: str = ""
    demo: bool = False


class KeyStore:
    """All keys, in memory and on disk. Used on the event loop only."""

    def __init__(self, folder: Path, disk: Disk, environ: Mapping[str, str] = os.environ) -> None:
        self._cipher = AESGCM(master_key(folder, environ))
        self._connection = disk.connect(folder / KEYS)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS keys (api_key TEXT PRIMARY KEY,"
            " account_row INTEGER NOT NULL, label TEXT NOT NULL,"
            " permission INTEGER NOT NULL, networks TEXT NOT NULL,"
            " demo INTEGER NOT NULL, frozen INTEGER NOT NULL, created_ns INTEGER NOT NULL,"
            " last_used_ns INTEGER NOT NULL, nonce BLOB NOT NULL, secret BLOB NOT NULL,"
            " passphrase TEXT NOT NULL) STRICT"
        )
        self._keys: dict[str, ApiKey] = {}
        self._by_account: dict[int, tuple[ApiKey, ...]] = {}
        self._used: set[str] = set()
        self._load()

    def _load(self) -> None:
        rows = self._connection.execute(
            "SELECT api_key, account_row, label, permission, networks, demo, frozen, last_used_ns,"
            " nonce, secret, passphrase FROM keys ORDER BY rowid"
        )
        for api_key, account_row, label, level, networks, demo, frozen, used_ns, *sealed in rows:
            nonce, secret, passphrase = sealed
            try:
                plain = self._cipher.decrypt(nonce, secret, api_key.encode())
            except InvalidTag:
                raise CredentialError(
                    f"the secrets in {KEYS} cannot be read with this master key "
                    f"({MASTER_KEY} in the data directory, or {MASTER_KEY_VARIABLE})"
                ) from None
            self._remember(
                ApiKey(
                    api_key=api_key,
                    account_row=account_row,
                    uid=uid_of(account_row),
                    permission=Permission(level),
                    secret=plain,
                    check_slow=partial(check_passphrase, passphrase),
                    networks=tuple(ipaddress.ip_network(text) for text in json.loads(networks)),
                    demo=bool(demo),
                    frozen=bool(frozen),
                    last_used_ns=used_ns,
                    label=label,
                    on_use=self._note_use,
                )
            )

    def _remember(self, key: ApiKey) -> None:
        self._keys[key.api_key] = key
        self._by_account[key.account_row] = (*self.of_account(key.account_row), key)

    def _note_use(self, key: ApiKey) -> None:
        self._used.add(key.api_key)

    def find(self, api_key: str) -> ApiKey | None:
        """Look a key up, in memory."""
        return self._keys.get(api_key)

    def of_account(self, account_row: int) -> tuple[ApiKey, ...]:
        """All keys of an account, oldest first."""
        return self._by_account.get(account_row, ())

    def create(self, wish: KeyWish, now_ns: int) -> NewKey:
        """Make a key; its secret and passphrase are shown this once. Raises CredentialError."""
        if len(self.of_account(wish.account_row)) >= MAX_KEYS_PER_ACCOUNT:
            raise CredentialError(f"an account has at most {MAX_KEYS_PER_ACCOUNT} keys")
        if len(wish.label) > MAX_LABEL:
            raise CredentialError(f"a label has at most {MAX_LABEL} characters")
        networks = parse_networks(wish.ips)
        passphrase = wish.passphrase or make_passphrase()
        check_rules(passphrase)
        api_key = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
        secret = secrets.token_hex(16).upper()
        hashed = hash_passphrase(passphrase, _COST_CHOSEN if wish.passphrase else _COST_MADE)
        permission = Permission.READ if wish.read_only else Permission.TRADE
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret.encode(), api_key.encode())
        texts = json.dumps([str(network) for network in networks])
        row = (api_key, wish.account_row, wish.label, int(permission), texts, int(wish.demo))
        self._connection.execute(
            "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
            (*row, now_ns, now_ns, nonce, sealed, hashed),
        )
        key = ApiKey(
            api_key=api_key,
            account_row=wish.account_row,
            uid=uid_of(wish.account_row),
            permission=permission,
            secret=secret.encode(),
            check_slow=partial(check_passphrase, hashed),
            networks=networks,
            demo=wish.demo,
            last_used_ns=now_ns,
            label=wish.label,
            on_use=self._note_use,
        )
        self._remember(key)
        return NewKey(
            api_key=api_key,
            secret_key=secret,
            passphrase=passphrase,
            label=wish.label,
            permissions=key.perm,
            ip=key.ip,
            uid=str(key.uid),
        )

    def freeze(self, api_key: str, frozen: bool) -> ApiKey:
        """Stop a key from working, or let it work again. Raises CredentialError if unknown."""
        key = self._known(api_key)
        self._connection.execute(
            "UPDATE keys SET frozen = ? WHERE api_key = ?", (int(frozen), api_key)
        )
        key.frozen = frozen
        return key

    def delete(self, api_key: str) -> None:
        """Forget a key for good. Raises CredentialError if unknown."""
        key = self._known(api_key)
        self._connection.execute("DELETE FROM keys WHERE api_key = ?", (api_key,))
        del self._keys[api_key]
        left = tuple(other for other in self.of_account(key.account_row) if other is not key)
        self._by_account[key.account_row] = left
        self._used.discard(api_key)
        key.frozen = True  # for those who hold it: an open WebSocket session

    def _known(self, api_key: str) -> ApiKey:
        key = self._keys.get(api_key)
        if key is None:
            raise CredentialError(f"no API key {api_key}")
        return key

    def flush(self) -> None:
        """Write down when keys were last used. Called now and then, and at the end.

        Not on each use: that would cost a request an fsync. A crash can make a key look idle for a
        minute longer.
        """
        rows = [(self._keys[name].last_used_ns, name) for name in sorted(self._used)]
        self._used.clear()
        if rows:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("UPDATE keys SET last_used_ns = ? WHERE api_key = ?", rows)
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._connection.close()


def master_key(folder: Path, environ: Mapping[str, str]) -> bytes:
    """Read the master key from the environment or its file; made on first use, readable by its
    owner only.

    Raises ConfigError if what is there is no key, or a file that others may read.
    """
    text = environ.get(MASTER_KEY_VARIABLE, "")
    source = MASTER_KEY_VARIABLE
    path = folder / MASTER_KEY
    if not text:
        source = str(path)
        if not path.exists():
            if (folder / KEYS).exists():
                raise ConfigError(f"{path} is gone: nobody can read {KEYS} without it")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.urlsafe_b64encode(secrets.token_bytes(32)))
                file.flush()
                os.fsync(descriptor)
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} may be read by others: chmod 600 it")
        text = path.read_text(encoding="ascii").strip()
    try:
        key = base64.urlsafe_b64decode(text)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise ConfigError(f"{source} is not a master key: wanted 32 bytes in URL-safe base64")
    return key


def parse_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Read IPv4, IPv6 and CIDR texts. Raises CredentialError."""
    if len(texts) > MAX_NETWORKS:
        raise CredentialError(f"a key is bound to at most {MAX_NETWORKS} addresses")
    try:
        return tuple(ipaddress.ip_network(text.strip()) for text in texts)
    except ValueError as error:
        raise CredentialError(str(error)) from None


def make_passphrase() -> str:
    """Make a passphrase of 20 characters that meets OKX's rules: over 100 bits."""
    classes = (string.ascii_uppercase, string.ascii_lowercase, string.digits, "-_.+=")
    alphabet = "".join(classes)
    picked = [secrets.choice(letters) for letters in classes]
    picked += [secrets.choice(alphabet) for _ in range(20 - len(picked))]
    secrets.SystemRandom().shuffle(picked)
    return "".join(picked)


def check_rules(passphrase: str) -> None:
    """Hold a passphrase against OKX's rules. Raises CredentialError."""
    wanted = (str.isupper, str.islower, str.isdigit, _SPECIAL.__contains__)
    plain = passphrase.isascii() and passphrase.isprintable()
    if not (8 <= len(passphrase) <= 32 and plain and all(any(map(f, passphrase)) for f in wanted)):
        raise CredentialError(
            "a passphrase has 8 to 32 characters: upper and lower case, a digit, and one of "
            + _SPECIAL
        )


def hash_passphrase(passphrase: str, cost: int) -> str:
    """Hash with a fresh salt; the text carries cost and salt."""
    salt = secrets.token_bytes(16)
    hashed = hashlib.scrypt(passphrase.encode(), salt=salt, n=cost, r=8, p=1, dklen=32)
    return f"scrypt:{cost}:{salt.hex()}:{hashed.hex()}"


def check_passphrase(stored: str, passphrase: str) -> bool:
    """Compare with a stored hash, in constant time."""
    _, cost, salt, wanted = stored.split(":")
    given = passphrase.encode("utf-8", "surrogatepass")
    hashed = hashlib.scrypt(given, salt=bytes.fromhex(salt), n=int(cost), r=8, p=1, dklen=32)
    return hmac.compare_digest(hashed, bytes.fromhex(wanted))
