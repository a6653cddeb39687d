"""Texts of a step that are templates: ``{{ data.city }}``, ``{{ contact.first_name }}``.

They are minijinja without escapes: what is filled in becomes a member of a JSON document, or a part of an address that
the calling side checks. A text that is one expression keeps the value's type: ``"{{ data.total }}"`` is a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec
from minijinja import Environment, TemplateError

from syncom.contacts.model import Contact
from syncom.errors import Invalid
from syncom.workflows.passing import Place, Stood
from syncom.workflows.steps.tools import Tools

#: Steps of minijinja for one text.
_FUEL: Final = 20_000
#: Characters that one step's texts may have together, once they are filled.
TEXT_LIMIT: Final = 256 * 1024
_EXPRESSION = re.compile(r"\s*\{\{((?:(?!\}\}|\{\{).)+)\}\}\s*", re.DOTALL)
_MARKS = ("{{", "{%", "{#")


class Filler:
    """A document of templates, read once for everybody."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._environment = Environment(undefined_behavior="chainable", finalizer=_plainly)
        self._environment.auto_escape_callback = lambda _: False
        self._environment.fuel = _FUEL
        texts = list(_texts(document))
        self.is_plain = not any(is_template(text) for text in texts)
        self.needs_contact = any(is_template(text) and "contact" in text for text in texts)

    def check(self, at: str) -> None:
        """Raises Invalid with the place of a text that is no template."""
        _checked(self._environment, self._document, at)

    def filled(self, one: Stood, contact: Contact | None) -> Any:
        """The document for one of them. Raises Invalid."""
        if self.is_plain:
            return self._document
        known = {} if contact is None else _named(contact)
        values = {"data": one.params, "contact": known, "contact_id": one.who, "event_id": str(one.event_id)}
        left = [TEXT_LIMIT]
        try:
            return self._fill(self._document, values, left)
        except TemplateError as error:
            raise Invalid("template", str(error).splitlines()[0]) from None

    def _fill(self, node: Any, values: Mapping[str, Any], left: list[int]) -> Any:
        if isinstance(node, str):
            if not is_template(node):
                return node
            expression = _EXPRESSION.fullmatch(node)
            if expression:
                return _as_json(self._environment.eval_expr(expression[1], **values))
            made = self._environment.render_str(node, **values)
            left[0] -= len(made)
            if left[0] < 0:
                raise Invalid("template", f"makes more than {TEXT_LIMIT:,} characters")
            return made
        if isinstance(node, Mapping):
            return {name: self._fill(value, values, left) for name, value in cast("Mapping[str, Any]", node).items()}
        if isinstance(node, list | tuple):
            return [self._fill(value, values, left) for value in cast("Sequence[Any]", node)]
        return node


async def contacts_of(place: Place, tools: Tools, those: Sequence[Stood]) -> dict[int, Contact]:
    """The contacts that texts speak of."""
    ids = sorted({one.who for one in those})
    found: dict[int, Contact] = {}
    for first in range(0, len(ids), 1000):
        many = await tools.contacts.get_many(place.where.account_id, ids[first : first + 1000])
        found.update((one.contact_id, one) for one in many)
    return found


def _named(contact: Contact) -> dict[str, Any]:
    members = cast("dict[str, Any]", msgspec.to_builtins(contact))
    return {**members.pop("fields", {}), **members}


def _as_json(value: Any) -> Any:
    """What an expression came to, as JSON has it; nothing: null."""
    try:
        return msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, msgspec.MsgspecError):
        return None


def _plainly(value: Any) -> Any:
    return "" if value is None else value


def is_template(text: str) -> bool:
    """Whether something is filled in."""
    return any(mark in text for mark in _MARKS)


def _texts(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    if isinstance(node, Mapping):
        return [text for value in cast("Mapping[str, Any]", node).values() for text in _texts(value)]
    if isinstance(node, list | tuple):
        return [text for value in cast("Sequence[Any]", node) for text in _texts(value)]
    return []


def _checked(environment: Environment, node: Any, at: str) -> None:
    if isinstance(node, str):
        if is_template(node):
            try:
                environment.render_str(node, data={}, contact={}, contact_id=0, event_id="")
            except TemplateError as error:
                raise Invalid(at, str(error).splitlines()[0]) from None
    elif isinstance(node, Mapping):
        for name, value in cast("Mapping[str, Any]", node).items():
            _checked(environment, value, f"{at}.{name}")
    elif isinstance(node, list | tuple):
        for place, value in enumerate(cast("Sequence[Any]", node)):
            _checked(environment, value, f"{at}.{place}")
