"""What people write on the command line, and what it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from syncom.cli.services import Here
from syncom.contacts.model import Contact, IdentityKind
from syncom.errors import Invalid, NotFound

#: An option that may be repeated.
Many = Annotated[tuple[str, ...], Parameter(negative=(), show_default=False)]
#: A switch that is off unless it is written.
Switch = Annotated[bool, Parameter(negative=(), show_default=False)]

KeyName = Literal["email", "phone", "external-id", "contact-key"]
KEYS: Mapping[KeyName, IdentityKind] = {
    "email": IdentityKind.EMAIL,
    "phone": IdentityKind.PHONE,
    "external-id": IdentityKind.EXTERNAL_ID,
    "contact-key": IdentityKind.CONTACT_KEY,
}


def pairs(option: str, given: Iterable[str]) -> dict[str, str]:
    """``NAME=VALUE`` arguments by name. Raises Invalid naming the option."""
    found: dict[str, str] = {}
    for text in given:
        name, mark, value = text.partition("=")
        if not mark or not name.strip():
            raise Invalid(option, f"{text!r} must be written NAME=VALUE")
        if name.strip() in found:
            raise Invalid(option, f"{name.strip()} is given twice")
        found[name.strip()] = value
    return found


def condition(option: str, given: str) -> dict[str, Any]:
    """A condition tree from JSON, or from a file where the text is ``@FILE``. Raises Invalid."""
    text = read_text(option, Path(given[1:])) if given.startswith("@") else given
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Invalid(option, f"is not a JSON object: {error}") from None
    except RecursionError:
        raise Invalid(option, "is nested too deeply to be read") from None


def read_text(option: str, path: Path) -> str:
    """A text file. Raises Invalid naming the option."""
    try:
        return read_bytes(option, path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(option, f"{path} is not UTF-8: save it so") from None


def read_bytes(option: str, path: Path) -> bytes:
    """A small file. Raises Invalid naming the option."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(option, f"{path} cannot be read: {error.strerror}") from None


async def list_id(services: Here, given: str) -> int:
    """The list with this id, or else with this name (case does not matter). Raises NotFound."""
    lists = services.app.contacts.lists
    if given.isdecimal():
        try:
            return (await lists.get(services.account_id, int(given))).list_id
        except NotFound:
            pass  # a name may be a number
    for found in await lists.all(services.account_id):
        if found.name.casefold() == given.strip().casefold():
            return found.list_id
    raise NotFound("list", given)


async def list_ids(services: Here, given: Iterable[str]) -> tuple[int, ...]:
    """The same for several."""
    return tuple([await list_id(services, one) for one in given])


async def segment_ids(services: Here, given: Iterable[str]) -> tuple[int, ...]:
    """Segments by id, or else by name. Raises NotFound."""
    wanted = tuple(given)
    if not wanted:
        return ()
    present = await services.app.segments.list(services.account_id)
    by_id = {str(found.segment_id): found.segment_id for found in present}
    by_name = {found.name.casefold(): found.segment_id for found in present}
    chosen: list[int] = []
    for one in wanted:
        segment_id = by_id.get(one) or by_name.get(one.strip().casefold())
        if segment_id is None:
            raise NotFound("segment", one)
        chosen.append(segment_id)
    return tuple(chosen)


def shown(contact: Contact) -> dict[str, Any]:
    """A contact as JSON: the states as words, as in the HTTP API."""
    states = ("email_state", "sms_state", "push_state")
    return msgspec.to_builtins(contact) | {name: getattr(contact, name).name.lower() for name in states}
