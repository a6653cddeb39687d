"""What mails of a sender carry to prove who they are from: as the sending process knows it, kept in its memory."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from syncom.clock import Clock
from syncom.errors import Conflict, Invalid
from syncom.messages.channels.email.address import normalise_domain
from syncom.messages.channels.email.dkim import DkimSigner, SigningKey
from syncom.messages.identity import store
from syncom.messages.identity.keys import NewKey, load_private_key
from syncom.messages.identity.store import Signing
from syncom.messages.model import Sender
from syncom.postgres.pool import Connection, Database
from syncom.security import Keyring

_log = logging.getLogger(__name__)
_PURPOSE: Final = "dkim key"
#: Seconds that what is known of an account counts as fresh: a rotation is noticed within them.
_FRESH: Final = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """What the mails of one From domain carry. The same object as long as nothing changed."""

    #: None: they are not signed.
    signer: DkimSigner | None = None
    #: Host of MAIL FROM; empty: the sender's own address is used.
    return_path: str = ""
    #: What links begin with, without a slash at the end; empty: the installation's.
    tracking_url: str = ""


#: A verified domain, and those of its keys that could be read.
_Parts = tuple[Signing, list[SigningKey]]

#: Of a From domain that nobody verified.
NO_IDENTITY: Final = Identity()


class Identities:
    """The identities of accounts whose mails this process sends."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self._read_at: dict[int, float] = {}
        #: By account and domain: what it was made of, and the identity.
        self._domains: dict[int, dict[str, tuple[_Parts, Identity]]] = {}
        self._keys: dict[int, SigningKey] = {}
        #: Keys that could not be unsealed: told once, tried again.
        self._sealed: set[int] = set()

    async def refresh(self, account_ids: Collection[int]) -> None:
        """Take up what changed in these accounts. Cheap to call often."""
        now = self._clock.monotonic()
        stale = {one for one in account_ids if now - self._read_at.get(one, -_FRESH) >= _FRESH}
        if not stale:
            return
        async with self._database.system() as connection:
            found = await store.signing(connection, stale)
            await self._read_keys(connection, {key_id for one in found for key_id in one.key_ids})
        for account_id in stale:
            self._take(account_id, [one for one in found if one.account_id == account_id])
            self._read_at[account_id] = now

    def of(self, sender: Sender) -> Identity:
        """The identity of this sender's mails: that of its From domain, or of the nearest verified domain above it."""
        known = self._domains.get(sender.account_id)
        if not known:
            return NO_IDENTITY
        for name in names_above(domain_of(sender.from_email)):
            found = known.get(name)
            if found is not None:
                return found[1]
        return NO_IDENTITY

    async def _read_keys(self, connection: Connection, wanted: Collection[int]) -> None:
        missing = [key_id for key_id in wanted if key_id not in self._keys]
        if not missing:
            return
        for key in await store.private_keys(connection, missing):
            try:
                private = unseal_key(self._keyring, key.domain_id, key.selector, key.sealed)
            except Conflict as error:
                if key.key_id not in self._sealed:
                    self._sealed.add(key.key_id)
                    _log.error("mails are not signed with the key %s: %s", key.selector, error)
                continue
            self._keys[key.key_id] = SigningKey(selector=key.selector, private=load_private_key(private))

    def _take(self, account_id: int, found: list[Signing]) -> None:
        before = self._domains.get(account_id, {})
        after: dict[str, tuple[_Parts, Identity]] = {}
        for one in found:
            parts = (one, [self._keys[key_id] for key_id in one.key_ids if key_id in self._keys])
            known = before.get(one.domain)
            after[one.domain] = known if known is not None and known[0] == parts else (parts, _identity(*parts))
        self._domains[account_id] = after


def _identity(of: Signing, keys: Sequence[SigningKey]) -> Identity:
    scheme = "https" if of.tracking_https else "http"
    return Identity(
        signer=DkimSigner(of.domain, keys) if keys else None,
        return_path=of.return_path,
        tracking_url=f"{scheme}://{of.tracking_host}" if of.tracking_host else "",
    )


def domain_of(address: str) -> str:
    """The domain of an address in small A-labels; empty for what has none."""
    try:
        return normalise_domain(address.rpartition("@")[2])
    except Invalid:
        return ""


def names_above(domain: str) -> Iterator[str]:
    """A domain and those it is below of, the nearest first."""
    while domain:
        yield domain
        domain = domain.partition(".")[2]


def seal_key(keyring: Keyring, domain_id: int, key: NewKey) -> bytes:
    """A private key as it is stored, bound to its domain and selector."""
    return keyring.seal(key.private_key, purpose=_PURPOSE, owner=_owner(domain_id, key.selector))


def unseal_key(keyring: Keyring, domain_id: int, selector: str, sealed: bytes) -> bytes:
    """The key again. Raises Conflict when the key file lacks the master key, or the row was moved."""
    return keyring.unseal(sealed, purpose=_PURPOSE, owner=_owner(domain_id, selector))


def _owner(domain_id: int, selector: str) -> str:
    return f"domain:{domain_id}/{selector}"
