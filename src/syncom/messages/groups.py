"""Use cases of sender groups: several senders under one name, by weight, with others when one cannot send."""

from __future__ import annotations

from collections import Counter

import msgspec
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from syncom.contacts.model import Channel
from syncom.errors import Invalid, NotFound
from syncom.messages import store
from syncom.messages.model import Sender, SenderConfig, SenderKind
from syncom.messages.senders import NAME_LIMIT
from syncom.postgres.pool import Connection, Database
from syncom.postgres.sql import load_sql

_SQL = load_sql("syncom.messages", "groups.sql")

MEMBERS_LIMIT = 50


class GroupMember(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sender in a group."""

    sender_id: int
    #: Its share among those of the same priority, 1 to 1,000.
    weight: int = 1
    #: 1 to 100: the lowest number with a member that can send gets everything.
    priority: int = 1


class SenderGroupInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller says about a group. Its channel is that of its members."""

    name: str
    members: tuple[GroupMember, ...]
    #: Seconds for which a member may be in trouble before others get what lies with it, 1 to 3,600.
    failover_after: float = 30.0
    is_default: bool = False


class MemberState(msgspec.Struct, frozen=True, kw_only=True):
    """A member as it is now."""

    sender_id: int
    name: str
    weight: int
    priority: int
    #: Whether something is dealt to it now.
    is_able: bool
    #: What keeps it from sending; empty: nothing.
    problem: str


class SenderGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group. ``sender_id`` is what is named where a sender may be."""

    sender_id: int
    account_id: int
    name: str
    channel: Channel
    failover_after: float
    is_default: bool
    members: tuple[MemberState, ...]


class SenderGroupsService:
    """Groups of an account. A group is a sender: it is deleted as one (:meth:`SendersService.delete`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, account_id: int, given: SenderGroupInput) -> SenderGroup:
        """Raises Invalid naming the field."""
        async with self._database.system() as connection:
            channel = await _checked(connection, account_id, given)
            if given.is_default:
                await store.clear_default(connection, account_id, channel.value)
            values = {
                **_columns(given),
                "account_id": account_id,
                "kind": SenderKind.GROUP.value,
                "channel": channel.value,
            }
            group = await store.insert_sender(connection, values)
            await _save_members(connection, account_id, group.sender_id, given)
            return await _found(connection, account_id, group.sender_id)

    async def update(self, account_id: int, group_id: int, given: SenderGroupInput) -> SenderGroup:
        """Replace a group. What lies with senders that leave it goes to the others. Raises Invalid, NotFound."""
        async with self._database.system() as connection:
            before = await _found(connection, account_id, group_id)
            channel = await _checked(connection, account_id, given)
            if channel is not before.channel:
                raise Invalid("members", f"must send over {before.channel.name.lower()}, as the group does")
            if given.is_default:
                await store.clear_default(connection, account_id, channel.value)
            await store.update_sender(connection, {**_columns(given), "account_id": account_id, "sender_id": group_id})
            await _save_members(connection, account_id, group_id, given)
            return await _found(connection, account_id, group_id)

    async def list(self, account_id: int) -> list[SenderGroup]:
        async with self._database.tenant(account_id) as connection:
            return await _groups(connection, account_id, None)

    async def get(self, account_id: int, group_id: int) -> SenderGroup:
        """Raises NotFound."""
        async with self._database.tenant(account_id) as connection:
            return await _found(connection, account_id, group_id)


async def _found(connection: Connection, account_id: int, group_id: int) -> SenderGroup:
    found = await _groups(connection, account_id, group_id)
    if not found:
        raise NotFound("sender group", group_id)
    return found[0]


async def _groups(connection: Connection, account_id: int, group_id: int | None) -> list[SenderGroup]:
    senders = await store.select_senders(connection, account_id, group_id)
    cursor = connection.cursor(row_factory=dict_row)
    values = {"account_id": account_id, "group_id": group_id}
    rows = await (await cursor.execute(_SQL["members_of"], values)).fetchall()
    members: dict[int, list[MemberState]] = {}
    for row in rows:
        members.setdefault(row.pop("group_id"), []).append(msgspec.convert(row, MemberState))
    return [
        SenderGroup(
            sender_id=group.sender_id,
            account_id=group.account_id,
            name=group.name,
            channel=group.channel,
            failover_after=group.config.failover_after,
            is_default=group.is_default,
            members=tuple(members.get(group.sender_id, ())),
        )
        for group in senders
        if group.kind is SenderKind.GROUP
    ]


async def _checked(connection: Connection, account_id: int, given: SenderGroupInput) -> Channel:
    """The channel of what was given. Raises Invalid naming the field."""
    name = given.name.strip()
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise Invalid("name", f"must have 1 to {NAME_LIMIT} printable characters")
    if not 1 <= given.failover_after <= 3600:
        raise Invalid("failover_after", "must be 1 to 3600 seconds")
    if not 1 <= len(given.members) <= MEMBERS_LIMIT:
        raise Invalid("members", f"must be 1 to {MEMBERS_LIMIT} senders")
    own = {sender.sender_id: sender for sender in await store.select_senders(connection, account_id)}
    times = Counter(member.sender_id for member in given.members)
    channels: set[Channel] = set()
    for place, member in enumerate(given.members):
        sender: Sender | None = own.get(member.sender_id)
        if sender is None:
            raise Invalid(f"members.{place}.sender_id", "names no sender of this account")
        if sender.kind is SenderKind.GROUP:
            raise Invalid(f"members.{place}.sender_id", "is a group: name its senders")
        if times[member.sender_id] > 1:
            raise Invalid(f"members.{place}.sender_id", "is named twice")
        if not 1 <= member.weight <= 1000:
            raise Invalid(f"members.{place}.weight", "must be 1 to 1000")
        if not 1 <= member.priority <= 100:
            raise Invalid(f"members.{place}.priority", "must be 1 to 100")
        channels.add(sender.channel)
    if len(channels) > 1:
        raise Invalid("members", "must all send over the same channel")
    return channels.pop()


def _columns(given: SenderGroupInput) -> dict[str, object]:
    config = SenderConfig(failover_after=given.failover_after)
    return {
        "name": given.name.strip(),
        "from_email": "",
        "from_name": "",
        "reply_to": "",
        "config": Jsonb(msgspec.to_builtins(config)),
        "is_default": given.is_default,
    }


async def _save_members(connection: Connection, account_id: int, group_id: int, given: SenderGroupInput) -> None:
    await connection.execute(
        _SQL["save_members"],
        {
            "account_id": account_id,
            "group_id": group_id,
            "sender_ids": [member.sender_id for member in given.members],
            "weights": [member.weight for member in given.members],
            "priorities": [member.priority for member in given.members],
        },
    )
