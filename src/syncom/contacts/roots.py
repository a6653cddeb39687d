"""Daily roots over the chains of consent: what makes it impossible to write the history anew without being found out.

A chain of hashes shows that one entry was changed; whoever computes all links after it anew is not seen by it. So each
day every account gets a root over the chains that have grown since the root before: the root of a Merkle tree (RFC
6962, 2.1) whose leaves are, in the order of chains, the number of the chain (8 bytes, big-endian) and its last link.
The root stands in a statement that holds the hash of the statement before it and is signed (Ed25519) by a key derived
from the installation's key file. Statements can be exported: kept elsewhere, they hold against the key's owner as well.

An entry of the history has a number, and numbers are given away in order. The horizon of a root is taken while nobody
writes history, so that every entry below it is either committed or will never be.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any, Final

import msgspec
import psycopg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from psycopg.rows import TupleRow

from syncom.clock import Clock
from syncom.contacts.erasures import SignedCertificate, is_genuine
from syncom.postgres.columns import numbers
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql
from syncom.security import Keyring, MasterKey

_log = logging.getLogger(__name__)
_SQL = load_sql("syncom.contacts", "roots.sql")
_PURPOSE: Final = "consent root"
_ERASURE: Final = "erasure certificate"
#: Writers of history wait for at most so long, once a day; after a few tries in vain the next round takes it up.
_PATIENCE: Final = "2s"
_TRIES: Final = 5
_PAUSE: Final = 3.0
_PAGE: Final = 10_000
_FIRST: Final = date(1, 1, 1)
_LAST: Final = 2**63 - 1
#: Faults that a verdict lists.
_FAULTS: Final = 1_000


class RootStatement(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed about one day of an account."""

    account_id: int
    day: date
    #: From 1, without a gap.
    number: int
    made_at: datetime
    #: It covers the entries whose numbers are above ``after`` and not above ``until``.
    after: int
    until: int
    #: Chains that have such entries, and how many entries.
    chains: int
    entries: int
    #: Hexadecimal.
    root: str
    #: SHA-256 of the statement before, in hexadecimal; empty: it is the first.
    previous: str
    #: The key that its signature fits, and the one that certificates of erasures had then, in base64.
    public_key: str
    certificate_key: str


class SignedRoot(msgspec.Struct, frozen=True, kw_only=True):
    """A statement with its signature: Ed25519 over the UTF-8 bytes of ``statement``, in base64."""

    day: date
    statement: str
    signature: str

    @property
    def content(self) -> RootStatement:
        """Raises msgspec.DecodeError for what is no statement."""
        return msgspec.json.decode(self.statement, type=RootStatement)


class RootFault(msgspec.Struct, frozen=True, kw_only=True):
    """A day whose root does not hold."""

    day: date
    reason: str


class RootsVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of the roots found."""

    roots: int
    #: Entries that a root covers, and those that came after the last one.
    covered: int
    uncovered: int
    faults: tuple[RootFault, ...]


class MerkleTree:
    """The root of a list of leaves (RFC 6962, 2.1), which come one after the other; memory grows by its logarithm."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, bytes]] = []
        self.leaves = 0

    def add(self, leaf: bytes) -> None:
        self.leaves += 1
        self._parts.append((1, hashlib.sha256(b"\0" + leaf).digest()))
        while len(self._parts) > 1 and self._parts[-1][0] == self._parts[-2][0]:
            self._join()

    def root(self) -> bytes:
        """Of everything that was added; nothing may be added afterwards."""
        if not self._parts:
            return hashlib.sha256(b"").digest()
        while len(self._parts) > 1:
            self._join()
        return self._parts[0][1]

    def _join(self) -> None:
        size, right = self._parts.pop()
        before, left = self._parts.pop()
        self._parts.append((before + size, hashlib.sha256(b"\1" + left + right).digest()))


class Roots:
    """Makes, lists and checks the roots of accounts."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock

    # ------------------------------------------------------------ making

    async def make_due(self) -> int:
        """Make the root of today (UTC) for every account that has a history and none yet; how many were made."""
        day = self._clock.now().astimezone(UTC).date()
        async with self._database.system() as connection:
            due = [row[0] for row in await (await connection.execute(_SQL["due"], {"day": day})).fetchall()]
        if not due:
            return 0
        until = await self._horizon()
        if until is None:
            _log.warning("roots of consent wait: entries were being written all the time")
            return 0
        for account_id in due:
            await self._make(account_id, day, until)
        return len(due)

    async def _horizon(self) -> int | None:
        """The last entry below which nothing comes any more; None: somebody was always writing."""
        for turn in range(_TRIES):
            if turn:
                await asyncio.sleep(_PAUSE)
            try:
                async with self._database.system() as connection:
                    await connection.execute("SELECT set_config('lock_timeout', %s, true)", (_PATIENCE,))
                    await connection.execute(_SQL["hold"])
                    row = await (await connection.execute(_SQL["horizon"])).fetchone()
                assert row is not None
                return int(row[0])
            except psycopg.errors.LockNotAvailable:
                continue
        return None

    async def _make(self, account_id: int, day: date, until: int) -> None:
        key = _private(self._keyring.current, _PURPOSE)
        async with self._database.system() as connection:
            last = await (await connection.execute(_SQL["last"], {"account_id": account_id})).fetchone()
            before = msgspec.json.decode(last[1], type=RootStatement) if last else None
            after = before.until if before else 0
            tree, entries = MerkleTree(), 0
            head: tuple[int, bytes] | None = None
            async for chain, _, link, _ in _links(connection, account_id, after, until):
                entries += 1
                if head is not None and head[0] != chain:
                    tree.add(_leaf(*head))
                head = (chain, link)
            if head is not None:
                tree.add(_leaf(*head))
            chains = tree.leaves
            statement = RootStatement(
                account_id=account_id,
                day=day,
                number=before.number + 1 if before else 1,
                made_at=self._clock.now(),
                after=after,
                # A restored database may have given away fewer numbers than it had when the last root was made.
                until=max(until, after),
                chains=chains,
                entries=entries,
                root=tree.root().hex(),
                previous=_hash(last[1]) if last else "",
                public_key=b64encode(key.public_key().public_bytes_raw()).decode(),
                certificate_key=b64encode(_public(self._keyring.current, _ERASURE)).decode(),
            )
            text = msgspec.json.encode(statement).decode()
            values = {
                "account_id": account_id,
                "day": day,
                "until": statement.until,
                "statement": text,
                "signature": key.sign(text.encode()),
            }
            await connection.execute(_SQL["add"], values)

    # ------------------------------------------------------------ showing

    async def list(self, account_id: int, *, after: date | None = None, limit: int = 1_000) -> list[SignedRoot]:
        """Roots after a day, by day."""
        values = {"account_id": account_id, "after": after or _FIRST, "limit": limit}
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["roots"], values)).fetchall()
        return [SignedRoot(day=row[0], statement=row[2], signature=b64encode(bytes(row[3])).decode()) for row in rows]

    async def all(self, account_id: int) -> list[SignedRoot]:
        """Every root of an account, by day."""
        found = page = await self.list(account_id)
        while page:
            page = await self.list(account_id, after=page[-1].day)
            found += page
        return found

    # ------------------------------------------------------------ checking

    async def verify(self, account_id: int, kept: Sequence[SignedRoot] = ()) -> RootsVerdict:
        """Check signatures, the chain of statements, and every root against the history as it stands.

        ``kept``: roots that were exported before; those of the account have to be there, and to be the same.
        """
        roots = await self.all(account_id)
        faults = [*_unlike(account_id, roots, kept), *self._unsigned(account_id, roots)]
        readable = [one.content for one in roots if _readable(one)]
        faults += _unchained(roots)
        covered, uncovered, wrong = await self._compare(account_id, readable)
        faults += wrong
        faults.sort(key=lambda fault: fault.day)
        return RootsVerdict(roots=len(roots), covered=covered, uncovered=uncovered, faults=tuple(faults[:_FAULTS]))

    def _unsigned(self, account_id: int, roots: Sequence[SignedRoot]) -> Iterable[RootFault]:
        """Roots whose signature is wrong, and a last one that was signed with somebody else's key.

        A root before the last one is vouched for by the statement after it, which names its hash: its key may have been
        forgotten since.
        """
        for one in roots:
            if not is_signed(one):
                yield RootFault(day=one.day, reason="has a signature that does not fit")
            elif one.content.account_id != account_id or one.content.day != one.day:
                yield RootFault(day=one.day, reason="is of another account or day")
        ours = {b64encode(_public(key, _PURPOSE)).decode() for key in self._keyring.keys}
        if roots and is_signed(roots[-1]) and roots[-1].content.public_key not in ours:
            yield RootFault(day=roots[-1].day, reason="is signed with a key that is not in the key file")

    async def _compare(self, account_id: int, statements: Sequence[RootStatement]) -> tuple[int, int, list[RootFault]]:
        """Make every root anew, in one pass over the history."""
        horizons = [one.until for one in statements]
        trees = [MerkleTree() for _ in statements]
        entries = [0] * (len(statements) + 1)
        erased: dict[int, int] = {}
        head: tuple[int, int, bytes] | None = None  # place of the root, chain, link
        async with self._database.reading(account_id) as connection:
            async for chain, number, link, owner in _links(connection, account_id, 0, _LAST):
                place = bisect_left(horizons, number)
                entries[place] += 1
                if head is not None and head[:2] != (place, chain) and head[0] < len(trees):
                    trees[head[0]].add(_leaf(*head[1:]))
                head = (place, chain, link)
                if owner:
                    erased.setdefault(owner, place)
            if head is not None and head[0] < len(trees):
                trees[head[0]].add(_leaf(*head[1:]))
            # Keys may have been forgotten since: the statements of their time vouch for them.
            keys = {b64encode(_public(key, _ERASURE)).decode() for key in self._keyring.keys}
            keys |= {one.certificate_key for one in statements}
            missing = await self._without_certificate(connection, account_id, list(erased), keys)
        faults = [
            RootFault(day=one.day, reason=_difference(one, tree, count))
            for one, tree, count in zip(statements, trees, entries, strict=False)
            if (one.root, one.chains, one.entries) != (tree.root().hex(), tree.leaves, count)
        ]
        faults += [
            RootFault(day=statements[erased[owner]].day, reason=f"covers contact {owner}, gone without a certificate")
            for owner in missing
            if erased[owner] < len(statements)
        ]
        return sum(entries[:-1]), entries[-1], faults

    async def _without_certificate(
        self, connection: Connection, account_id: int, contact_ids: Sequence[int], keys: Collection[str]
    ) -> list[int]:
        """Of contacts that went with their history, those whose erasure nobody of this installation has certified."""
        if not contact_ids:
            return []
        values = {"account_id": account_id, "contact_ids": numbers(contact_ids)}
        rows = await (await connection.execute(_SQL["certified"], values)).fetchall()
        certified = {row[0] for row in rows if _is_certified(account_id, row, keys)}
        return [one for one in contact_ids if one not in certified]


def is_signed(root: SignedRoot) -> bool:
    """Whether the signature fits the statement and the key that it names."""
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(root.content.public_key, validate=True))
        key.verify(b64decode(root.signature, validate=True), root.statement.encode())
    except (ValueError, InvalidSignature, msgspec.DecodeError):
        return False
    return True


def _unlike(account_id: int, roots: Sequence[SignedRoot], kept: Sequence[SignedRoot]) -> Iterable[RootFault]:
    """Roots that were kept elsewhere and are not here, or are other ones."""
    here = {one.day: one for one in roots}
    for one in kept:
        if not is_signed(one):
            yield RootFault(day=one.day, reason="stands in the file with a signature that does not fit")
        elif one.content.account_id == account_id and one.day not in here:
            yield RootFault(day=one.day, reason="was kept in the file and is gone")
        elif one.content.account_id == account_id and here[one.day].statement != one.statement:
            yield RootFault(day=one.day, reason="is another one than was kept in the file")


def _unchained(roots: Sequence[SignedRoot]) -> Iterable[RootFault]:
    """Places where statements do not follow each other."""
    readable = [one for one in roots if _readable(one)]
    if readable and (readable[0].content.number, readable[0].content.after) != (1, 0):
        yield RootFault(day=readable[0].day, reason="is not the first: those before it are gone")
    for one, other in pairwise(readable):
        before, after = one.content, other.content
        follows = (after.number, after.after, after.previous) == (before.number + 1, before.until, _hash(one.statement))
        if not follows:
            yield RootFault(day=other.day, reason=f"does not follow that of {one.day}: one was changed or is gone")


def _difference(statement: RootStatement, tree: MerkleTree, entries: int) -> str:
    among = f"among the entries {statement.after + 1} to {statement.until}"
    if entries != statement.entries:
        return f"{among} are {entries:,} where {statement.entries:,} were recorded"
    return f"{among} one was changed, or put in the place of another one"


def _is_certified(account_id: int, row: TupleRow, keys: Collection[str]) -> bool:
    signed = SignedCertificate(
        erasure_id=0,
        contact_id=row[0],
        erased_at=row[4],
        certificate=row[1],
        signature=b64encode(bytes(row[2])).decode(),
        public_key=b64encode(bytes(row[3])).decode(),
    )
    if signed.public_key not in keys or not is_genuine(signed):
        return False
    return (signed.content.account_id, signed.content.contact_id) == (account_id, row[0])


def _readable(root: SignedRoot) -> bool:
    try:
        return bool(root.content)
    except msgspec.DecodeError:
        return False


def _leaf(chain: int, link: bytes) -> bytes:
    return chain.to_bytes(8, "big") + link


def _hash(statement: str) -> str:
    return hashlib.sha256(statement.encode()).hexdigest()


def _private(key: MasterKey, purpose: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.key(purpose))


def _public(key: MasterKey, purpose: str) -> bytes:
    return _private(key, purpose).public_key().public_bytes_raw()


async def _links(
    connection: Connection, account_id: int, after: int, until: int
) -> AsyncIterator[tuple[int, int, bytes, int]]:
    """Chain, number, link, and the contact that an entry was erased with (0: it is there), without holding all."""
    values: dict[str, Any] = {"account_id": account_id, "after": after, "until": until}
    async with connection.cursor("consent_links") as cursor:
        cursor.itersize = _PAGE
        await cursor.execute(_SQL["links"], values)
        async for row in cursor:
            yield row[0], row[1], bytes(row[2]), row[3]
