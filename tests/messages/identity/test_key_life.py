"""The life of domains and keys under random orders of checks, rotations, published and vanished records, and time."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from syncom.messages.identity import service
from syncom.messages.identity.checking.certificates import Certificates
from syncom.messages.identity.checking.dns import NoAnswer
from syncom.messages.identity.keys import NewKey, new_key
from syncom.messages.identity.model import Algorithm, DnsRecord, DomainInput, DomainView, KeyState, Subject
from syncom.messages.identity.service import KEY_STAYS, DomainsService
from syncom.messages.identity.signing import Identities
from syncom.messages.model import Sender
from syncom.outbound import OutboundClient
from syncom.postgres.pool import Database
from syncom.security import Keyring
from tests.clocks import TurnedClock
from tests.messages.identity.test_domains import sender
from tests.messages.identity.test_spf import Zone, ZoneNames

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEYS = {algorithm: new_key(algorithm, NOW) for algorithm in Algorithm}
STEPS = 80


@pytest.fixture
async def database(emptied_database: Database) -> Database:
    return emptied_database


class FlakyNames(ZoneNames):
    """A zone whose servers are away now and then."""

    def __init__(self, zone: Zone) -> None:
        super().__init__(zone)
        self.away = False

    async def txt(self, name: str) -> list[str]:
        if self.away:
            raise NoAnswer(f"DNS did not answer for {name}")
        return await super().txt(name)


class World:
    """Two accounts that want one domain, its DNS, and what must hold whatever they do."""

    def __init__(self, database: Database, accounts: tuple[int, int], chance: random.Random) -> None:
        self.chance = chance
        self.clock = TurnedClock(NOW)
        self.names = FlakyNames({})
        keyring = Keyring(bytes(range(32)))
        certificates = Certificates(OutboundClient())
        self.domains = DomainsService(
            database, keyring, self.names, certificates, self.clock, public_host="mail.host.example"
        )
        self.identities = Identities(database, keyring, self.clock)
        self.accounts = accounts
        self.views: dict[int, DomainView] = {}
        #: Selectors that DNS had at a check of their holder, and until when each replaced one must stay.
        self.seen: set[str] = set()
        self.stays: dict[str, datetime] = {}

    async def begin(self) -> None:
        for account in self.accounts:
            self.views[account] = await self.domains.add(account, DomainInput(domain="brand.example"))

    async def step(self) -> None:
        account = self.chance.choice(self.accounts)
        acts: list[Callable[[int], Awaitable[None]]] = [
            self.check, self.check, self.check, self.publish, self.publish, self.vanish, self.rotate, self.wait,
            self.flicker,
        ]  # fmt: skip
        await self.chance.choice(acts)(account)
        await self.holds()

    async def check(self, account: int) -> None:
        before = self.views[account]
        self.views[account] = after = await self.domains.check(account, before.domain_id)
        if not self.names.away and after.verified:
            self.seen |= {
                selector_of(record)
                for record in before.records
                if record.subject is Subject.DKIM and self.names.zone.get((record.name, "TXT")) == [record.value]
            }

    async def publish(self, account: int) -> None:
        wanted = [one for one in self.views[account].records if one.subject in (Subject.DKIM, Subject.OWNERSHIP)]
        for record in self.chance.sample(wanted, self.chance.randint(1, len(wanted))):
            texts = self.names.zone.setdefault((record.name, "TXT"), [])
            if record.value not in texts:
                texts.append(record.value)

    async def vanish(self, account: int) -> None:
        record = self.chance.choice(self.views[account].records)
        texts = self.names.zone.get((record.name, "TXT"), [])
        if record.value in texts:
            texts.remove(record.value)

    async def rotate(self, account: int) -> None:
        self.views[account] = await self.domains.rotate(account, self.views[account].domain_id)

    async def wait(self, account: int) -> None:
        del account
        self.clock.time += timedelta(days=self.chance.choice((1, 3, 8)))

    async def flicker(self, account: int) -> None:
        del account
        self.names.away = not self.names.away and self.chance.random() < 0.5

    async def holds(self) -> None:
        """The promises."""
        self.clock.ahead += timedelta(seconds=6)
        await self.identities.refresh(set(self.accounts))
        verified = 0
        for account in self.accounts:
            before = self.views[account]
            view = self.views[account] = await self.domains.get(account, before.domain_id)
            verified += view.verified
            active = [key for key in view.keys if key.state is KeyState.ACTIVE]
            assert len({key.algorithm for key in active}) == len(active), "one of each kind signs"
            assert {key.selector for key in active} <= self.seen, "nothing signs that DNS never had"
            if before.verified and view.verified:
                signed = {key.algorithm for key in before.keys if key.state is KeyState.ACTIVE}
                assert signed <= {key.algorithm for key in active}, "what signed goes on signing"
            self.check_replaced(view)
            signer = self.identities.of(one_sender(account)).signer
            assert (signer is not None) == view.signs
            assert signing(signer) == ({key.selector for key in active} if view.verified else set())
        assert verified <= 1, "a domain is one account's"

    def check_replaced(self, view: DomainView) -> None:
        there = {key.selector: key for key in view.keys}
        for selector, until in self.stays.items():
            if selector.endswith(str(view.domain_id)) and self.clock.time < until:
                assert selector.rpartition("/")[0] in there, "the record of a replaced key stays for a week"
        for key in view.keys:
            if key.state is KeyState.REPLACED and key.record_until is not None:
                assert key.record_until - KEY_STAYS <= self.clock.time
                self.stays[f"{key.selector}/{view.domain_id}"] = key.record_until


def selector_of(record: DnsRecord) -> str:
    return record.name.partition(".")[0]


def signing(signer: Any) -> set[str]:
    if signer is None:
        return set()
    made = signer.sign(b"From: a\r\n\r\n", NOW).decode().replace("\r\n", "")
    return {part.partition(";")[0] for part in made.split(" s=")[1:]}


def one_sender(account: int) -> Sender:
    return sender(account)


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_one_account_holds_the_domain_and_only_published_keys_sign(
    database: Database, account_id: int, other_account_id: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)

    def quick(algorithm: Algorithm, at: datetime) -> NewKey:
        """A selector of its own for a key that was made before: making RSA keys would be all that the test does."""
        del at
        return msgspec.structs.replace(KEYS[algorithm], selector=f"sy{algorithm.value[0]}{chance.getrandbits(40):x}")

    monkeypatch.setattr(service, "new_key", quick)
    world = World(database, (account_id, other_account_id), chance)
    await world.begin()
    for _ in range(STEPS):
        await world.step()
