"""Forms that people subscribe with: what they show, and what becomes of what is filled in.

Spam is kept out without anybody else's help: a field that people do not see, a signed token that says when the form was
shown, a proof of work that the form's script computes (puzzles.py), limits for each IP address, domains of addresses
that are refused, and double opt-in.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from syncom.clock import Clock
from syncom.consent.disposable import is_disposable
from syncom.consent.languages import chosen, known, words
from syncom.consent.model import Wish, Witness
from syncom.consent.optin import OptIns
from syncom.consent.puzzles import is_solved
from syncom.contacts.categories import add_categories
from syncom.contacts.model import (
    Change,
    Channel,
    ConsentChange,
    ContactInput,
    IdentityKind,
    MergeMode,
    SubscriptionState,
    UpsertOptions,
)
from syncom.contacts.normalise import normalise_email
from syncom.contacts.proofs import keep_text
from syncom.contacts.service import ContactsService, set_consents
from syncom.errors import Conflict, FieldError, Invalid, NotFound
from syncom.pacing import Attempts, household
from syncom.postgres.pool import Database
from syncom.postgres.sql import load_sql
from syncom.security import Keyring
from syncom.sites.service import SitesService, is_of, normalise_domain
from syncom.targets import web_address

_SQL = load_sql("syncom.consent", "forms.sql")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_FIELDS: Final = 20
_LABEL: Final = 200
_TEXT: Final = 5_000
_VALUE: Final = 500
#: Members of a contact that a form may ask for, besides custom fields.
_STANDARD: Final = frozenset((
    "email", "phone", "first_name", "last_name", "country", "region", "city", "address", "postcode",
))  # fmt: skip
#: A field that nobody sees: who fills it in is a program.
TRAP: Final = "website"
TOKEN: Final = "form_token"  # noqa: S105 - the name of a field
CONSENT: Final = "consent"
PROOF: Final = "form_proof"
#: The number of a site's visitor, where the site's script keeps one.
VISITOR: Final = "syncom_visitor"
#: Nobody types an address faster, and a page is not left open longer (seconds).
_QUICKEST: Final = 2
_LONGEST: Final = 24 * 3600
#: form key, seconds since 1970
_SHOWN: Final = struct.Struct(">16sI")
#: Of one IP address: so many at once, and one more in so many seconds.
_BURST: Final = 20
_EVERY: Final = 60.0
#: What a try without the proof of work costs, where the form asks for one: as so many others.
_UNPROVED: Final = 4


class FormField(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that a form asks for: a member of a contact, or a custom field by its key."""

    key: str
    label: str
    required: bool = False


class Look(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Colours as #rrggbb, and the roundness of corners in pixels."""

    accent: str = "#2456d6"
    text: str = "#1b1f27"
    background: str = "#ffffff"
    radius: int = 8


class Trigger(Enum):
    """What opens a pop-up."""

    DELAY = "delay"
    SCROLL = "scroll"
    EXIT = "exit"


class Disposable(Enum):
    """What becomes of an address of a throw-away mailbox."""

    ALLOW = "allow"
    #: It is taken, and the proof of its consent says so (`disposable`).
    FLAG = "flag"
    REFUSE = "refuse"


class Popup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a form opens by itself."""

    trigger: Trigger = Trigger.DELAY
    #: Seconds for a delay, per cent of the page for scrolling.
    after: int = 10
    #: A visitor who closed it does not see it for so many days; who subscribed never does.
    every_days: int = 30


class FormInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a form is like."""

    name: str
    title: str = ""
    text: str = ""
    fields: tuple[FormField, ...] = (FormField(key="email", label="", required=True),)
    #: The words that are agreed to, and whether a box has to be ticked for them.
    consent_text: str = ""
    consent_required: bool = False
    button: str = ""
    #: BCP 47: of the words that are not given here, of the mail and of the pages.
    language: str = "en"
    #: Keys of subscription categories, and ids of lists that are joined.
    categories: tuple[str, ...] = ()
    lists: tuple[int, ...] = ()
    double_opt_in: bool = True
    #: Said instead of the usual words; where the visitor is led, at once and after confirming.
    success: str = ""
    redirect_url: str = ""
    confirmed_url: str = ""
    #: Sites whose pages may show it; none: any.
    domains: tuple[str, ...] = ()
    #: Domains of addresses that are not taken, such as those of throw-away mailboxes.
    refused_domains: tuple[str, ...] = ()
    #: The same for those that are known as such everywhere.
    disposable: Disposable = Disposable.ALLOW
    #: Its script computes a proof of work while the visitor types; who sends none (a browser without JavaScript) always
    #: has to confirm by mail, and may try less often.
    proof_of_work: bool = False
    look: Look = Look()
    popup: Popup = Popup()


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A form as stored."""

    form_id: int
    account_id: int
    key: UUID
    version: int
    definition: FormInput
    created_at: datetime
    updated_at: datetime


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What the visitor is told."""

    title: str
    text: str
    redirect_url: str = ""


class Forms:
    """Forms of an account, and what visitors fill in."""

    def __init__(
        self,
        database: Database,
        contacts: ContactsService,
        optins: OptIns,
        sites: SitesService,
        keyring: Keyring,
        clock: Clock,
    ) -> None:
        self._database = database
        self._contacts = contacts
        self._optins = optins
        self._sites = sites
        self._clock = clock
        self._signer = keyring.signer("form shown")
        self._attempts = Attempts(clock, burst=_BURST, seconds=_EVERY)

    # ------------------------------------------------------------ forms

    async def add(self, account_id: int, given: FormInput) -> Form:
        """Raises Invalid naming the member, NotFound for a list."""
        given = await self._checked(account_id, given)
        values = {"account_id": account_id, "key": uuid4(), "definition": Jsonb(msgspec.to_builtins(given))}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["add"], values)).fetchone()
        assert row is not None
        return _form(row)

    async def put(self, account_id: int, form_id: int, given: FormInput) -> Form:
        """Its next version. Raises NotFound, Invalid."""
        given = await self._checked(account_id, given)
        values = {"account_id": account_id, "form_id": form_id, "definition": Jsonb(msgspec.to_builtins(given))}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["put"], values)).fetchone()
        if row is None:
            raise NotFound("form", form_id)
        return _form(row)

    async def get(self, account_id: int, form_id: int) -> Form:
        """Raises NotFound."""
        values = {"account_id": account_id, "form_id": form_id}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["get"], values)).fetchone()
        if row is None:
            raise NotFound("form", form_id)
        return _form(row)

    async def list(self, account_id: int, *, after: int = 0, limit: int = 100) -> list[Form]:
        """Those behind a number, by number."""
        values = {"account_id": account_id, "after": after, "limit": limit}
        async with self._database.tenant(account_id) as connection:
            rows = await (await connection.execute(_SQL["list"], values)).fetchall()
        return [_form(row) for row in rows]

    async def delete(self, account_id: int, form_id: int) -> None:
        """Raises NotFound. What it proved stays."""
        values = {"account_id": account_id, "form_id": form_id}
        async with self._database.tenant(account_id) as connection:
            row = await (await connection.execute(_SQL["delete"], values)).fetchone()
        if row is None:
            raise NotFound("form", form_id)

    async def find(self, key: str) -> Form | None:
        """The form at a public address."""
        try:
            value = UUID(key)
        except ValueError:
            return None
        async with self._database.system() as connection:
            row = await (await connection.execute(_SQL["find"], {"key": value})).fetchone()
        return None if row is None else _form(row)

    async def _checked(self, account_id: int, given: FormInput) -> FormInput:
        if not given.name.strip() or len(given.name) > _LABEL:
            raise Invalid("name", f"must have 1 to {_LABEL} characters")
        if known(given.language) is None:
            raise Invalid("language", "has no file of words; see consent/words")
        for member in ("title", "text", "consent_text", "button", "success"):
            if len(getattr(given, member)) > _TEXT:
                raise Invalid(member, f"must have at most {_TEXT:,} characters")
        await self._check_fields(account_id, given)
        for member in ("redirect_url", "confirmed_url"):
            if getattr(given, member) and web_address(getattr(given, member)) is None:
                raise Invalid(member, "must be a web address, such as https://shop.example/thanks")
        for member in ("accent", "text", "background"):
            if not _COLOUR.fullmatch(getattr(given.look, member)):
                raise Invalid(f"look.{member}", "must be a colour such as #2456d6")
        if not 0 <= given.look.radius <= 40:
            raise Invalid("look.radius", "must be 0 to 40")
        if not 0 <= given.popup.after <= 3600 or not 0 <= given.popup.every_days <= 3650:
            raise Invalid("popup", "must have `after` up to 3600 and `every_days` up to 3650")
        for list_id in given.lists:
            await self._contacts.lists.get(account_id, list_id)
        return msgspec.structs.replace(
            given,
            language=chosen(given.language),
            domains=tuple(normalise_domain(domain) for domain in given.domains),
            refused_domains=tuple(domain.strip().lower().removeprefix("@") for domain in given.refused_domains),
        )

    async def _check_fields(self, account_id: int, given: FormInput) -> None:
        keys = [field.key for field in given.fields]
        if "email" not in keys:
            raise Invalid("fields", "must ask for email")
        if len(keys) > _FIELDS or len(set(keys)) < len(keys):
            raise Invalid("fields", f"must be at most {_FIELDS}, each once")
        custom = {field.key for field in await self._contacts.fields.all(account_id)}
        for place, field in enumerate(given.fields):
            if field.key not in _STANDARD and field.key not in custom:
                raise Invalid(f"fields.{place}.key", "is neither a member of contacts nor a custom field")
            if len(field.label) > _LABEL:
                raise Invalid(f"fields.{place}.label", f"must have at most {_LABEL} characters")

    # ------------------------------------------------------------ filling in

    def token(self, form: Form) -> str:
        """Says that the form was shown now."""
        return self._signer.sign(_SHOWN.pack(form.key.bytes, int(self._clock.now().timestamp())))

    def may_show(self, form: Form, origin: str) -> bool:
        """Whether pages of an origin may show it."""
        domains = form.definition.domains
        return not domains or any(is_of(origin, domain) for domain in domains)

    async def take(self, form: Form, values: Mapping[str, str], witness: Witness) -> Taken:
        """Subscribe whoever filled it in; or ask them to confirm, as the form says.

        Who unsubscribed before always has to confirm: anybody may type their address. The answer never tells whether an
        address was known. For the same reason a visitor of a site is known as the contact once they have confirmed;
        without that only as one that has just been made by them. Raises Invalid naming the fields in the form's
        language, RateLimited.
        """
        said = words(form.definition.language).form
        if witness.ip:
            self._attempts.take(household(witness.ip))
        is_proved = not form.definition.proof_of_work or bool(values.get(PROOF))
        for _ in range(0 if is_proved or not witness.ip else _UNPROVED - 1):
            self._attempts.take(household(witness.ip))
        by_mail = form.definition.double_opt_in or not is_proved
        told = self._told(form, by_mail=by_mail)
        if values.get(TRAP):
            return told
        self._require_shown(form, values.get(TOKEN, ""), said)
        self._require_work(form, values, said)
        given = self._read(form, values, said)
        options = UpsertOptions(
            key=IdentityKind.EMAIL,
            mode=MergeMode.FILL_BLANKS,
            keep=(IdentityKind.PHONE, IdentityKind.EXTERNAL_ID, IdentityKind.CONTACT_KEY),
            consent=SubscriptionState.NONE,
            source="form",
        )
        try:
            outcome = await self._contacts.upsert_one(form.account_id, given, options)
        except Conflict:
            # The number is somebody else's: that is not the visitor's business.
            given = msgspec.structs.replace(given, phone=msgspec.UNSET)
            outcome = await self._contacts.upsert_one(form.account_id, given, options)
        witness = msgspec.structs.replace(
            witness,
            text=shown_words(form.definition),
            language=form.definition.language,
            form_id=form.form_id,
            form_version=form.version,
            more=self._flags(form, given),
        )
        contact = await self._contacts.get(form.account_id, outcome.contact_id)
        visitor = values.get(VISITOR, "")[:_LABEL]
        if by_mail or contact.email_state is SubscriptionState.UNSUBSCRIBED:
            wish = Wish(
                categories=form.definition.categories,
                list_ids=form.definition.lists,
                language=form.definition.language,
            )
            await self._optins.request(
                form.account_id,
                contact.contact_id,
                witness,
                wish,
                redirect_url=form.definition.confirmed_url,
                visitor=visitor,
            )
        else:
            await self._subscribe(form, contact.contact_id, witness)
            if outcome.change is Change.CREATED:
                page_url = witness.page_url
                await self._sites.recognise(form.account_id, visitor, contact.contact_id, page_url=page_url)
        return told

    def _told(self, form: Form, *, by_mail: bool) -> Taken:
        said = words(form.definition.language).form
        name = "check_mail" if by_mail else "done"
        return Taken(
            title=said[f"{name}_title"],
            text=form.definition.success or said[name],
            redirect_url=form.definition.redirect_url,
        )

    def _require_shown(self, form: Form, token: str, said: Mapping[str, str]) -> None:
        payload = self._signer.verify(token) if len(token) < 200 else None
        if payload is None or len(payload) != _SHOWN.size:
            raise Invalid("", said["too_fast"])
        key, at = _SHOWN.unpack(payload)
        age = self._clock.now().timestamp() - at
        if key != form.key.bytes or not _QUICKEST <= age <= _LONGEST:
            raise Invalid("", said["too_fast"])

    def _flags(self, form: Form, given: ContactInput) -> dict[str, Any]:
        if form.definition.disposable is Disposable.FLAG and is_disposable(str(given.email).rpartition("@")[2]):
            return {"disposable": True}
        return {}

    def _require_work(self, form: Form, values: Mapping[str, str], said: Mapping[str, str]) -> None:
        """A wrong proof is a program's; none at all is a browser without JavaScript's, too."""
        proof = values.get(PROOF, "")
        if not form.definition.proof_of_work or not proof:
            return
        if not is_solved(values.get(TOKEN, ""), values.get("email", ""), proof):
            raise Invalid("", said["too_fast"])

    def _read(self, form: Form, values: Mapping[str, str], said: Mapping[str, str]) -> ContactInput:
        problems: list[FieldError] = []
        members: dict[str, Any] = {}
        custom: dict[str, Any] = {}
        for field in form.definition.fields:
            value = values.get(field.key, "").strip()[:_VALUE]
            if not value:
                if field.required or field.key == "email":
                    problems.append(FieldError(field.key, said["required"]))
            elif field.key in _STANDARD:
                members[field.key] = value
            else:
                custom[field.key] = value
        if "email" in members:
            try:
                members["email"] = normalise_email(members["email"])
            except ValueError:
                problems.append(FieldError("email", said["wrong_email"]))
            else:
                domain = members["email"].rpartition("@")[2]
                if _is_refused(domain, form.definition):
                    problems.append(FieldError("email", said["disposable"]))
        if form.definition.consent_required and values.get(CONSENT) != "on":
            problems.append(FieldError(CONSENT, said["consent_needed"]))
        if problems:
            raise Invalid(problems[0].field, problems[0].reason, *problems[1:])
        return ContactInput(**members, fields=custom)

    async def _subscribe(self, form: Form, contact_id: int, witness: Witness) -> None:
        async with self._database.system() as connection:
            text_hash = await keep_text(connection, form.account_id, witness.language, witness.text)
            change = ConsentChange(
                account_id=form.account_id,
                contact_id=contact_id,
                channel=Channel.EMAIL,
                state=SubscriptionState.SUBSCRIBED,
                source=witness.source,
                detail=witness.detail(text_hash),
                occurred_at=self._clock.now(),
                always=True,
            )
            await set_consents(connection, [change])
            await add_categories(connection, form.account_id, [contact_id], form.definition.categories)
        for list_id in form.definition.lists:
            await self._contacts.lists.add(form.account_id, list_id, [contact_id])


def _is_refused(domain: str, form: FormInput) -> bool:
    if any(f".{domain}".endswith(f".{one}") for one in form.refused_domains):
        return True
    return form.disposable is Disposable.REFUSE and is_disposable(domain)


def shown_words(form: FormInput) -> str:
    """Everything a form says, as one text for the proof."""
    labels = [label_of(form, field) for field in form.fields]
    box = ("[ ] " if form.consent_required else "") + form.consent_text if form.consent_text else ""
    parts = (form.title, form.text, *labels, box, button_of(form))
    return "\n".join(part for part in parts if part)


def label_of(form: FormInput, field: FormField) -> str:
    """The words at a field."""
    return field.label or (words(form.language).form["email"] if field.key == "email" else field.key)


def button_of(form: FormInput) -> str:
    """The words on the button."""
    return form.button or words(form.language).form["submit"]


def _form(row: TupleRow) -> Form:
    return Form(
        form_id=row[0],
        account_id=row[1],
        key=row[2],
        version=row[3],
        definition=msgspec.convert(row[4], FormInput),
        created_at=row[5],
        updated_at=row[6],
    )
