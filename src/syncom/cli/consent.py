"""``syncom consent``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
from cyclopts import App, Parameter

from syncom.cli.given import Many, list_id, read_bytes
from syncom.cli.output import facts, show, table
from syncom.cli.services import Options, here
from syncom.consent.model import Wish, Witness
from syncom.contacts.model import ConsentEvent, ConsentVerdict, ContactFilter
from syncom.contacts.roots import RootsVerdict, SignedRoot
from syncom.errors import Invalid

app = App(name="consent", help="What people agreed to, and the proof of it.")
_DEFAULT = Options()
_PAGE = 1_000
_COLUMNS = ("number", "recorded", "channel", "category", "state", "source", "detail")


@app.command(name="show")
async def show_history(contact: int, *, limit: int = 1000, options: Options = _DEFAULT) -> None:
    """Show what a contact decided, the last recorded first, with the words it was shown.

    Parameters
    ----------
    contact
        Its id.
    limit
        How many entries at most.
    """
    async with here(options) as services:
        contacts = services.app.contacts
        await contacts.get(services.account_id, contact)
        found = await contacts.proofs.history(services.account_id, contact, limit=limit)
        texts = await contacts.proofs.texts(services.account_id, found)
    shown = [_shown(event, texts) for event in found]
    empty = "Nothing was ever recorded about this contact's consent."
    show(shown, json=options.json, human=lambda: table(_COLUMNS, [_row(event) for event in found], empty=empty))


@app.command
async def verify(contact: int | None = None, *, roots: Path | None = None, options: Options = _DEFAULT) -> None:
    """Check that nobody changed the history: its chains, and the signed root of each day. Exit code 1: somebody did.

    Parameters
    ----------
    contact
        Id of one contact, whose chain alone is checked; all of the account, with the roots, unless given.
    roots
        A file that `syncom consent roots --json` wrote before and that was kept elsewhere: the roots must be the same.
    """
    if contact is not None and roots is not None:
        raise Invalid("roots", "are of the whole account: leave the contact out")
    kept = [] if roots is None else _read_roots(roots)
    async with here(options) as services:
        contacts = services.app.contacts
        verdict = await contacts.proofs.verify(services.account_id, contact)
        daily = None
        if contact is None and contacts.roots is not None:
            daily = await contacts.roots.verify(services.account_id, kept)
    told = msgspec.to_builtins(verdict) | {"roots": msgspec.to_builtins(daily), "first": _first(verdict)}
    show(told, json=options.json, human=lambda: _tell(verdict, daily))
    if verdict.faults or (daily is not None and daily.faults):
        sys.exit(1)


def _first(verdict: ConsentVerdict) -> dict[str, Any] | None:
    """The first broken entry by its number: what was recorded before it is as it was."""
    return msgspec.to_builtins(verdict.faults[0]) if verdict.faults else None


def _tell(verdict: ConsentVerdict, daily: RootsVerdict | None) -> None:
    if verdict.faults:
        first = verdict.faults[0]
        print(f"The first broken entry is {first.consent_event_id}, of contact {first.contact_id}: it {first.reason}.")
    rows = [(fault.contact_id, fault.consent_event_id, fault.reason) for fault in verdict.faults]
    whole = f"{verdict.entries:,} entries of {verdict.contacts:,} contacts are as they were recorded."
    if verdict.unchained:
        whole += f" {verdict.unchained:,} of them are older than the chains and cannot be checked."
    table(("contact", "number", "this entry"), rows, empty=whole)
    if daily is None:
        return
    days = [(fault.day, fault.reason) for fault in daily.faults]
    held = f"{daily.roots:,} daily roots hold; they cover {daily.covered:,} entries, {daily.uncovered:,} are newer."
    table(("root of", "this root"), days, empty=held)


@app.command
async def roots(*, options: Options = _DEFAULT) -> None:
    """List the signed roots, one a day. With --json: as they are signed, to be kept elsewhere."""
    async with here(options) as services:
        found = (
            [] if services.app.contacts.roots is None else await services.app.contacts.roots.all(services.account_id)
        )
    rows = [(one.day, one.content.chains, one.content.entries, one.content.root) for one in found]
    columns = ("day", "chains", "entries", "root")
    empty = "No root yet: the worker of `syncom up` makes one each day."
    show(found, json=options.json, human=lambda: table(columns, rows, empty=empty))


def _read_roots(file: Path) -> list[SignedRoot]:
    try:
        return msgspec.json.decode(read_bytes("roots", file), type=list[SignedRoot])
    except msgspec.DecodeError as error:
        raise Invalid("roots", f"holds no roots: {error}") from None


@app.command
async def of_message(message: UUID, *, options: Options = _DEFAULT) -> None:
    """Show the consent that held at the second a message was sent.

    Parameters
    ----------
    message
        Its id.
    """
    async with here(options) as services:
        found = await services.app.message_consents.of(services.account_id, message)
        texts = await services.app.contacts.proofs.texts(services.account_id, found.decisions)
    decisions = [_shown(event, texts) for event in found.decisions]
    members: dict[str, Any] = msgspec.to_builtins(found)
    names = {
        "channel": found.channel.name.lower(),
        "outcome": found.outcome.name.lower(),
        "state": found.state.name.lower(),
        "rule": found.rule,
    }
    told = {**members, **names, "decisions": decisions}

    def human() -> None:
        shown = told | {"categories": ", ".join(found.categories) or "none"}
        facts((name, value) for name, value in shown.items() if name != "decisions")
        print()
        table(_COLUMNS, [_row(event) for event in found.decisions], empty="Nothing was recorded until then.")

    show(told, json=options.json, human=human)


@app.command
async def request(
    contact: int | None = None,
    *,
    list_: Annotated[str | None, Parameter(name="--list")] = None,
    category: Many = (),
    language: str = "",
    template: int | None = None,
    options: Options = _DEFAULT,
) -> None:
    """Send the mail that asks people to confirm their address (double opt-in).

    Parameters
    ----------
    contact
        Id of one contact.
    list_
        Instead: everybody on this list (id or name) who is not confirmed yet, such as after an import.
    category
        A category they are subscribed to when they confirm. May be repeated.
    language
        Language of the mail; the contact's own unless given.
    template
        A template with the link {{ confirm_url }}; that of the account unless given.
    """
    if (contact is None) == (list_ is None):
        raise Invalid("contact", "give either a contact's id or --list")
    witness = Witness(source="cli")
    wish = Wish(categories=category, language=language, template_id=template)
    counts = Counter[str]()
    async with here(options) as services:
        optins = services.app.optins
        if contact is not None:
            counts[(await optins.request(services.account_id, contact, witness, wish)).outcome.value] += 1
        else:
            source = ContactFilter(list_id=await list_id(services, list_ or ""))
            cursor: str | None = None
            while True:
                page = await services.app.contacts.search(services.account_id, source, cursor=cursor, limit=_PAGE)
                ids = [one.contact_id for one in page.contacts]
                done = await optins.request_many(services.account_id, ids, witness, wish)
                counts.update({outcome.value: count for outcome, count in done.items()})
                cursor = page.cursor
                if cursor is None:
                    break
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count) or "nobody had to be asked"
    show(dict(counts), json=options.json, human=lambda: print(f"Confirmation: {told}."))


def _shown(event: ConsentEvent, texts: dict[str, str]) -> dict[str, Any]:
    """An entry with names for numbers, and with the words that were shown."""
    text = texts.get(str((event.detail or {}).get("text_hash", "")), "")
    names = {"channel": event.channel.name.lower(), "state": event.state.name.lower(), "text": text}
    return msgspec.to_builtins(event) | names


def _row(event: ConsentEvent) -> tuple[object, ...]:
    detail = msgspec.json.encode(event.detail).decode() if event.detail else ""
    return (
        event.consent_event_id,
        event.occurred_at,
        event.channel.name.lower(),
        event.category,
        event.state.name.lower(),
        event.source,
        detail,
    )
