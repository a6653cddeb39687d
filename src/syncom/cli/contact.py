"""``syncom contact``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from syncom.activity.timeline import named
from syncom.cli.given import KEYS, KeyName, Many, list_id, list_ids, pairs, shown
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here
from syncom.contacts.model import (
    Channel,
    Contact,
    ContactFilter,
    ContactInput,
    MergeMode,
    SubscriptionState,
    TimelineEntry,
    TimelineKind,
    UpsertOptions,
)
from syncom.errors import Invalid, NotFound

app = App(name="contact", help="People: add, find, change, merge, and what happened to them.")
_DEFAULT = Options()
_PAGE = 1000


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Person:
    """What can be said about a contact. An empty text clears a value."""

    email: Annotated[str | None, Parameter(help="Email address.")] = None
    phone: Annotated[str | None, Parameter(help="Phone number, best with its country code: +380671234567.")] = None
    external_id: Annotated[str | None, Parameter(help="The person's id in your system.")] = None
    contact_key: Annotated[str | None, Parameter(help="A second id of yours.")] = None
    first_name: Annotated[str | None, Parameter(help="First name.")] = None
    last_name: Annotated[str | None, Parameter(help="Last name.")] = None
    country: Annotated[str | None, Parameter(help="Country.")] = None
    region: Annotated[str | None, Parameter(help="Region.")] = None
    city: Annotated[str | None, Parameter(help="City.")] = None
    address: Annotated[str | None, Parameter(help="Street and house.")] = None
    postcode: Annotated[str | None, Parameter(help="Postcode.")] = None
    language: Annotated[str | None, Parameter(help="Language, such as uk or en-GB.")] = None
    time_zone: Annotated[str | None, Parameter(help="Time zone, such as Europe/Kyiv.")] = None
    field: Annotated[Many, Parameter(help="A custom field, KEY=VALUE. May be repeated.")] = ()

    def input(self) -> ContactInput:
        """The same for the service."""
        named = {name: getattr(self, name) for name in _MEMBERS if getattr(self, name) is not None}
        return msgspec.convert(named | {"fields": pairs("field", self.field)}, ContactInput)


_MEMBERS = [name for name in Person.__dataclass_fields__ if name != "field"]
_NOBODY = Person()


@app.command
async def add(
    *,
    person: Person = _NOBODY,
    list_: Annotated[Many, Parameter(name="--list")] = (),
    key: KeyName | None = None,
    mode: MergeMode = MergeMode.OVERWRITE,
    consent: SubscriptionState = SubscriptionState.SUBSCRIBED,
    options: Options = _DEFAULT,
) -> None:
    """Add a contact, or update the one that has the same address.

    Parameters
    ----------
    list_
        A list to join: its id or name. May be repeated.
    key
        What recognises a known contact; the first that is given unless named.
    mode
        What to do with values of a known contact.
    consent
        Whether this person agreed to get mail. An unsubscribed contact stays unsubscribed.
    """
    given = person.input()
    named: list[KeyName] = [name for name in KEYS if getattr(person, name.replace("-", "_"))]
    chosen = key or (named[0] if named else None)
    if chosen is None:
        raise Invalid("email", "is missing: give --email, --phone, --external-id or --contact-key")
    async with here(options) as services:
        how = UpsertOptions(
            key=KEYS[chosen],
            mode=mode,
            list_ids=await list_ids(services, list_),
            consent=consent,
            source="cli",
        )
        outcome = await services.app.contacts.upsert_one(services.account_id, given, how)
    show(
        outcome,
        json=options.json,
        human=lambda: print(f"Contact {outcome.contact_id}: {outcome.change.value}."),
    )


@app.command
async def get(contact: int, *, options: Options = _DEFAULT) -> None:
    """Show one contact.

    Parameters
    ----------
    contact
        Its id.
    """
    async with here(options) as services:
        found = await services.app.contacts.get(services.account_id, contact)
    _show_one(found, options)


@app.command
async def export(contact: int, file: Path, *, options: Options = _DEFAULT) -> None:
    """Write everything that is kept about one person into a ZIP of JSON files.

    Parameters
    ----------
    contact
        Its id.
    file
        Where to write it; must not exist yet.
    """
    async with here(options) as services:
        await services.app.contacts.get(services.account_id, contact)
        try:
            with file.open("xb") as opened:
                counts = await services.app.person_export.write(services.account_id, contact, opened)
        except FileExistsError:
            raise Invalid("file", f"{file} exists already") from None
        except OSError as error:
            raise Invalid("file", f"{file} cannot be written: {error.strerror}") from None
    written = {name: count for name, count in counts.items() if count}
    show(
        {"file": str(file), "entries": written},
        json=options.json,
        human=lambda: print(f"{file}: {sum(written.values())} entries in {len(written)} files."),
    )


@app.command
async def find(
    *,
    email: str | None = None,
    phone: str | None = None,
    external_id: str | None = None,
    contact_key: str | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Show the contact with an address or id.

    Parameters
    ----------
    email
        One of its email addresses.
    phone
        One of its numbers.
    external_id
        Its id in your system.
    contact_key
        Its second id of yours.
    """
    values = (email, phone, external_id, contact_key)
    given = [(kind, value) for kind, value in zip(KEYS.values(), values, strict=True) if value]
    if len(given) != 1:
        raise Invalid("email", "give exactly one of --email, --phone, --external-id, --contact-key")
    kind, value = given[0]
    async with here(options) as services:
        found = await services.app.contacts.find(services.account_id, kind, value)
    if found is None:
        raise NotFound("contact", value)
    _show_one(found, options)


@app.command(name="list")
async def list_contacts(
    *,
    list_: Annotated[str | None, Parameter(name="--list")] = None,
    email_prefix: str | None = None,
    limit: int = 100,
    options: Options = _DEFAULT,
) -> None:
    """List contacts, newest first.

    Parameters
    ----------
    list_
        Only members of this list: its id or name.
    email_prefix
        Only addresses that begin so.
    limit
        How many at most.
    """
    async with here(options) as services:
        chosen = ContactFilter(
            list_id=None if list_ is None else await list_id(services, list_), email_prefix=email_prefix
        )
        found: list[Contact] = []
        cursor: str | None = None
        while len(found) < limit:
            page = await services.app.contacts.search(
                services.account_id, chosen, cursor=cursor, limit=min(_PAGE, limit - len(found))
            )
            found += page.contacts
            cursor = page.cursor
            if cursor is None:
                break
    show_contacts(found, options, empty="Nobody here yet: `syncom import contacts FILE` or `syncom contact add`.")


@app.command
async def update(contact: int, *, person: Person = _NOBODY, options: Options = _DEFAULT) -> None:
    """Change what is named; an empty text clears a value.

    Parameters
    ----------
    contact
        Its id.
    """
    async with here(options) as services:
        changed = await services.app.contacts.patch(services.account_id, contact, person.input())
    _show_one(changed, options)


@app.command
async def delete(contact: int, *, erase: bool = False, options: Options = _DEFAULT) -> None:
    """Delete a contact. It can be restored, unless it is erased. Reports keep their counts, without the person.

    Parameters
    ----------
    contact
        Its id.
    erase
        Erase it and all it owns, for good. Works on deleted contacts too.
    """
    async with here(options) as services:
        contacts = services.app.contacts
        await (contacts.erase if erase else contacts.delete)(services.account_id, contact)
    done = "erased" if erase else "deleted"
    more = "" if erase else f" `syncom contact restore {contact}` brings it back."
    show({done: contact}, json=options.json, human=lambda: print(f"Contact {contact} is {done}.{more}"))


@app.command
async def restore(contact: int, *, options: Options = _DEFAULT) -> None:
    """Bring a deleted contact back, but for addresses that another contact has now.

    Parameters
    ----------
    contact
        Its id.
    """
    async with here(options) as services:
        restored = await services.app.contacts.restore(services.account_id, contact)
    _show_one(restored, options)


@app.command
async def merge(keep: int, drop: int, *, options: Options = _DEFAULT) -> None:
    """Make one contact of two. The stricter consent wins.

    Parameters
    ----------
    keep
        Id of the contact that stays.
    drop
        Id of the contact that goes into it and disappears.
    """
    async with here(options) as services:
        kept = await services.app.contacts.merge(services.account_id, keep, drop)
    _show_one(kept, options)


@app.command
async def timeline(contact: int, *, limit: int = 50, options: Options = _DEFAULT) -> None:
    """What happened to a contact and what it did, newest first.

    Parameters
    ----------
    contact
        Its id.
    limit
        How many entries at most.
    """
    async with here(options) as services:
        page = await services.app.contacts.timeline(services.account_id, contact, limit=limit)
    entries = named(page.entries)
    rows = [(entry.occurred_at, entry.kind.value.replace("_", " "), _told(entry)) for entry in entries]
    show(
        entries,
        json=options.json,
        human=lambda: table(("when", "what", "more"), rows, empty="Nothing has happened yet."),
    )


@app.command
async def segments(contact: int, *, options: Options = _DEFAULT) -> None:
    """List the segments that a contact is in.

    Parameters
    ----------
    contact
        Its id.
    """
    async with here(options) as services:
        await services.app.contacts.get(services.account_id, contact)
        ids = set(await services.app.membership.segments_of(services.account_id, contact))
        found = [one for one in await services.app.segments.list(services.account_id) if one.segment_id in ids]
    rows = [(one.segment_id, one.name) for one in found]
    show(found, json=options.json, human=lambda: table(("id", "name"), rows, empty="In no segment."))


@app.command
async def subscribe(contact: int, *, channel: Channel = Channel.EMAIL, options: Options = _DEFAULT) -> None:
    """Record that this person agreed to get messages.

    Parameters
    ----------
    contact
        Its id.
    channel
        What they agreed to.
    """
    await _decide(contact, channel, options, agreed=True)


@app.command
async def unsubscribe(contact: int, *, channel: Channel = Channel.EMAIL, options: Options = _DEFAULT) -> None:
    """Record that this person wants no more messages.

    Parameters
    ----------
    contact
        Its id.
    channel
        What they want no more.
    """
    await _decide(contact, channel, options, agreed=False)


async def _decide(contact: int, channel: Channel, options: Options, *, agreed: bool) -> None:
    async with here(options) as services:
        contacts = services.app.contacts
        await contacts.get(services.account_id, contact)
        decide = contacts.consents.subscribe if agreed else contacts.consents.unsubscribe
        detail = {"actor": services.by.actor}
        await decide(services.account_id, [contact], channel, source="cli", detail=detail)
        found = await contacts.get(services.account_id, contact)
    state = "subscribed" if agreed else "unsubscribed"
    said = f"Contact {contact} is {state}: {channel.name.lower()}."
    show(shown(found), json=options.json, human=lambda: print(said))


def show_contacts(found: Sequence[Contact], options: Options, *, empty: str) -> None:
    """Print contacts as a table."""
    rows = [
        (
            contact.contact_id,
            contact.email,
            contact.phone,
            f"{contact.first_name} {contact.last_name}".strip(),
            contact.email_state.name.lower(),
        )
        for contact in found
    ]
    columns = ("id", "email", "phone", "name", "email state")
    show([shown(contact) for contact in found], json=options.json, human=lambda: table(columns, rows, empty=empty))


def _show_one(contact: Contact, options: Options) -> None:
    value = shown(contact)
    plain = [(name, value[name]) for name in value if name != "fields" and value[name] not in ("", None)]
    custom = [(f"fields.{key}", held) for key, held in contact.fields.items()]
    show(value, json=options.json, human=lambda: facts([*plain, *custom]))


def _told(entry: TimelineEntry) -> str:
    """An entry's detail in words."""
    detail: dict[str, Any] = entry.detail
    match entry.kind:
        case TimelineKind.CONSENT:
            return f"{detail['channel']}: {detail['state']} ({detail['source']})"
        case TimelineKind.JOINED_LIST:
            return str(detail["name"])
        case TimelineKind.MESSAGE:
            return f"{detail['state']} {detail['address'] or ''} {detail['reason'] or ''}".strip()
        case TimelineKind.ACTIVITY:
            return _activity(detail)
        case TimelineKind.ORDER:
            return f"{detail['external_id']} {detail['status']} {detail['total']} {detail['currency']}".strip()
        case TimelineKind.EVENT:
            return f"{detail['type']} {detail['key']}".strip()
        case TimelineKind.CREATED:
            return ""


def _activity(detail: dict[str, Any]) -> str:
    kind = str(detail["kind"])
    link = f", link {detail['link']}" if detail["link"] is not None else ""
    return f"{kind} by a {detail['class']}{link}" if kind in ("opened", "clicked") else kind
