"""The engine of contents in another dialect: Velocity, or no tags at all."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from syncom.content import language
from syncom.content.fields import PREFERENCES_URL, UNSUBSCRIBE_URL, VIEW_URL
from syncom.content.language import TRACK, Addresses, Mark, Output, Text
from syncom.content.model import CompiledContent, RenderError
from syncom.content.own import Own
from syncom.content.sandbox import MAX_OUTPUT, printed
from syncom.content.velocity.expressions import SLOT
from syncom.content.velocity.model import ContactText, MathTool, VelocityError
from syncom.content.velocity.model import address as joined_address
from syncom.content.velocity.reader import Kind, Token
from syncom.content.velocity.run import BUDGET, Op, Place, Run
from syncom.content.velocity.template import Template, compiled, read

PARTS = ("subject", "html", "text")
_TOOLS = {"mathTool": MathTool()}
#: What changes a value that came with the message, and would be seen by the next part of the mail.
_CHANGES = re.compile(r"\.(?:put|add)[A-Za-z]*\s*\(|#\{?set\}?\s*\(\s*\$!?[A-Za-z_][\w-]*[.\[]|#\{?evaluate")
#: In an attribute a reference without its semicolon may be a parameter of the address: `&copy=1`.
_ENTITY = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")
_SCHEME = re.compile(r"[\s\x00-\x1f]*(?:javascript|data|vbscript)\s*:", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,2000}>")
_LINE_END = re.compile(r"<br\s*/?>|</(?:p|div|li|tr|h[1-6])>", re.IGNORECASE)
_NOTHING = Token(Kind.TEXT, 0, "")


class ForeignEngine:
    """Renders one content for many recipients, like the engine of our own language."""

    def __init__(self, content: CompiledContent, addresses: Addresses) -> None:
        """Raises Invalid naming the part and the line when blocks do not close."""
        self.is_viewable = content.is_viewable
        self._content = content
        self._addresses = addresses
        self._own = Own("", "", "", lambda number, target: target)
        self._changes = any(_CHANGES.search(tag.source) for tag in content.velocity)
        sources = (content.subject, content.html, content.text)
        self._parts = [self._template(part, source) for part, source in zip(PARTS, sources, strict=True)]

    def render(self, fields: Mapping[str, Any], params: Mapping[str, Any], own: Own) -> tuple[str, ...]:
        """Subject, HTML and text. Raises RenderError naming the part, the line and the reason."""
        self._own = own
        slots = self._slots(fields, params, own)
        data = self._data(slots, params)
        left = BUDGET
        made: list[str] = []
        for part, template in zip(PARTS, self._parts, strict=True):
            try:
                given = cast("dict[str, Any]", _copied(data)) if self._changes else data
                place = Place.HTML if part == "html" else Place.TEXT
                run = Run(dict(given, data=given, **_TOOLS), place, fields=slots, left=left, products=own.products)
                template.print(run)
            except (VelocityError, RecursionError) as error:
                raise RenderError(part, str(error)) from None
            left = run.left
            text = "".join(run.out)
            if len(text) > MAX_OUTPUT:
                raise RenderError(part, f"is larger than {MAX_OUTPUT:,} characters")
            made.append(_without_markup(text) if part == "text" and self._content.text_is_derived else text)
        return tuple(made)

    def _slots(self, fields: Mapping[str, Any], params: Mapping[str, Any], own: Own) -> dict[str, Any]:
        """Merge fields as texts."""
        slots: dict[str, Any] = {
            UNSUBSCRIBE_URL: own.unsubscribe_url,
            VIEW_URL: own.view_url,
            PREFERENCES_URL: own.preferences_url,
        }
        for name in self._content.fields:
            value = fields.get(name)
            if value is not None and value != "":
                slots[name] = value if type(value) is str else printed(value, name)
        for name in self._content.params:
            # `%EVENT.CITY|%` names a parameter of the event that caused the message.
            value = params.get(name, params.get(name.upper()))
            if value is not None:
                slots[name] = value if type(value) is str else printed(value, name)
        return slots

    def _data(self, slots: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
        """`$data`: what came with the message, and the contact's fields by the vendor's names."""
        if not self._content.data_fields:
            return dict(params)
        known = {name: ContactText(slots[field]) for name, field in self._content.data_fields.items() if field in slots}
        return known | dict(params)

    # --- the parts

    def _template(self, part: str, source: str) -> Template:
        tokens = list(self._tokens(part, source))
        try:
            return Template(compiled(tokens, self._content.rules))
        except VelocityError as error:
            raise RenderError(part, str(error)) from None

    def _tokens(self, part: str, source: str) -> Iterator[Token]:
        for node in language.parse(source, part, marks=True).nodes:
            if isinstance(node, Text):
                yield _text(node.value)
            elif isinstance(node, Output) and language.is_literal(node):
                yield _text(language.literal_text(node))
            elif isinstance(node, Mark):
                yield self._token(node, part)

    def _token(self, mark: Mark, part: str) -> Token:
        match mark.kind:
            case "ref" | "dir":
                tag = self._content.velocity[mark.number]
                found = read(tag.source, self._content.rules, line=tag.line)
                return found[0] if len(found) == 1 else _NOTHING
            case "link":
                return Token(Kind.WRAP, 0, "", wrap=lambda body: self._link(body, mark.number, part == "html"))
            case "address":
                return Token(Kind.WRAP, 0, "", wrap=lambda body: _address(body, part == "html"))
            case "endlink":
                return Token(Kind.END, 0, "")
            case _:
                return Token(Kind.OP, 0, "", op=self._place(mark))

    def _place(self, mark: Mark) -> Op:
        before, track, after = language.address_of(mark, self._addresses).partition(TRACK)

        def print_place(run: Run) -> None:
            run.out.append(before + self._own.track + after if track else before)

        return print_place

    def _link(self, body: Op, number: int, in_html: bool) -> Op:
        def print_link(run: Run) -> None:
            target = _target(run, body, in_html)
            try:
                address = self._own.link(number, target)
            except RenderError:
                # No web address: mailto:, an empty value. It is shown as it is and not tracked, as at eSputnik.
                address = _written(target, in_html)
            run.out.append(address)

        return print_link


def _address(body: Op, in_html: bool) -> Op:
    """An address that is not tracked."""
    return lambda run: run.out.append(_written(_target(run, body, in_html), in_html))


def _target(run: Run, body: Op, in_html: bool) -> str:
    target = joined_address(run.pieces(body))
    run.left -= len(target)
    return _ENTITY.sub(lambda found: html.unescape(found.group()), target) if in_html else target


def _written(target: str, in_html: bool) -> str:
    if _SCHEME.match(target):
        raise VelocityError(f'the link "{target.strip()[:80]}" does not lead to a web address')
    return html.escape(target) if in_html else target


def _text(text: str) -> Token:
    return Token(Kind.TEXT, 0, text, text=text)


def _without_markup(text: str) -> str:
    """A text part without the HTML that came in values: at eSputnik they are printed raw, and shops send markup.

    An address that turned out to be empty leaves no parentheses behind.
    """
    text = text.replace(" ()", "")
    if "<" in text:
        text = _TAG.sub("", _LINE_END.sub("\n", text))
    return _ENTITY.sub(lambda found: html.unescape(found.group()), text) if "&" in text else text


def _copied(value: object) -> object:
    """A value of JSON with containers of its own."""
    if type(value) is dict:
        return {key: _copied(member) for key, member in cast("dict[str, object]", value).items()}
    if type(value) is list:
        return [_copied(member) for member in cast("Sequence[object]", value)]
    return value


def slot_names(content: CompiledContent) -> frozenset[str]:
    """Merge fields that a content's tags name."""
    return frozenset(found[1] for tag in content.velocity for found in SLOT.finditer(tag.source) if found[1])
