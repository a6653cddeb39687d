"""One recipient's mail from a compiled content: the hot path of sending."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import msgspec

from syncom.content import language
from syncom.content.expression import Simple, identifier
from syncom.content.fields import OWN_URLS, PARAMS, PREFERENCES_URL, UNSUBSCRIBE_URL, VIEW_URL
from syncom.content.foreign import PARTS, ForeignEngine
from syncom.content.language import TRACK, TRAP_LINK, Addresses, Escape, Mark, Output, Program, Text
from syncom.content.model import (
    CompiledContent,
    Dialect,
    Notification,
    Rendered,
    RenderedNotification,
    RenderedText,
    RenderError,
)
from syncom.content.own import NO_PRODUCTS, Own, Picked
from syncom.content.sandbox import MAX_OUTPUT, Sandbox, escape, url_part
from syncom.targets import web_address
from syncom.tokens import MessageTokens

#: A header line may have 998 characters (RFC 5322, 2.1.1); a subject that long is a mistake.
_MAX_SUBJECT = 998
_LINE_BREAK = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]")
#: Places in the row of pieces: the plain value, and behind it the escaped one.
_UNSUBSCRIBE_PLACE, _VIEW_PLACE, _PREFERENCES_PLACE = 1, 3, 5
_NO_PARAMS: Mapping[str, Any] = {}


class Renderer:
    """Renders one content for many recipients. Built once; not for use by several threads at a time.

    A content that only prints merge fields is put together from pieces. Conditions, loops, filters and values that
    are not texts or whole numbers go through the engine; both ways give the same mail.
    """

    def __init__(self, compiled: CompiledContent, *, base_url: str, tokens: MessageTokens) -> None:
        self._base = base_url.rstrip("/")
        self._tokens = tokens
        self._engine = _engine(compiled, _addresses(self._base))
        self._pieces = _Pieces.of(self._engine)

    def render(
        self,
        account_id: int,
        content_id: int,
        contact_id: int,
        message_id: UUID,
        fields: Mapping[str, Any],
        params: Mapping[str, Any] = _NO_PARAMS,
        products: Picked = NO_PRODUCTS,
        *,
        category_ids: tuple[int, ...] = (),
    ) -> Rendered:
        """The mail of one recipient.

        ``fields`` are those of the contact (``fields.contact_fields``); ``params`` those of the message, which win;
        ``products`` what was looked up for the blocks of the content; ``category_ids`` what unsubscribing is about.
        Raises RenderError naming the field when a value is missing, is no web address where one is needed, or
        breaks the subject's line, and when a limit is reached.
        """
        message = (account_id, content_id, contact_id, message_id)
        track = self._tokens.track(*message)

        def link(number: int, target: str) -> str:
            token = self._tokens.redirect(number, _checked_target(target), message_id)
            return f"{self._base}/t/r/{track}/{token}"

        unsubscribe_url = self.unsubscribe_url(*message, category_ids)
        own = Own(track, unsubscribe_url, self._view_url(*message), link, products)
        made = self._pieces.render(fields, params, own) if self._pieces else None
        if made is None:
            made = self._engine.render(fields, params, own)
        return _rendered(made, own.unsubscribe_url)

    def render_with_engine(
        self,
        account_id: int,
        content_id: int,
        contact_id: int,
        message_id: UUID,
        fields: Mapping[str, Any],
        params: Mapping[str, Any] = _NO_PARAMS,
    ) -> Rendered:
        """The same by the engine alone: what the quick way is measured against."""
        pieces, self._pieces = self._pieces, None
        try:
            return self.render(account_id, content_id, contact_id, message_id, fields, params)
        finally:
            self._pieces = pieces

    @property
    def is_quick(self) -> bool:
        """Whether the engine is needed only for unusual values."""
        return self._pieces is not None

    def unsubscribe_url(
        self,
        account_id: int,
        content_id: int,
        contact_id: int,
        message_id: UUID,
        category_ids: tuple[int, ...] = (),
    ) -> str:
        """For the List-Unsubscribe header: a POST to it unsubscribes (RFC 8058)."""
        token = self._tokens.unsubscribe(account_id, content_id, contact_id, message_id, category_ids)
        return f"{self._base}/t/u/{token}"

    def _view_url(self, account_id: int, content_id: int, contact_id: int, message_id: UUID) -> str:
        if not self._engine.is_viewable:
            return ""
        return f"{self._base}/t/v/{self._tokens.view(account_id, content_id, contact_id, message_id)}"


class _ShortLinks:
    """Links of messages too small for long ones: each carries a code of its message."""

    def __init__(self, base_url: str, tokens: MessageTokens) -> None:
        self._base = base_url.rstrip("/")
        self._tokens = tokens
        self.addresses = Addresses(self._address, "", "")

    def of(
        self, account_id: int, content_id: int, contact_id: int, message_id: UUID, products: Picked
    ) -> tuple[Own, dict[int, str]]:
        """What is a message's own; and where its links lead, by number, once it was rendered."""
        targets: dict[int, str] = {}
        code = self._tokens.short(message_id)

        def link(number: int, target: str) -> str:
            targets[number] = _checked_target(target)
            return self._address(number).replace(TRACK, code)

        token = self._tokens.unsubscribe(account_id, content_id, contact_id, message_id)
        return Own(code, f"{self._base}/t/u/{token}", "", link, products), targets

    def _address(self, number: int) -> str:
        return short_address(self._base, number)


class TextRenderer:
    """Renders one text for many phones. Its links are short: each carries a code of its message."""

    def __init__(self, compiled: CompiledContent, *, base_url: str, tokens: MessageTokens) -> None:
        self._links = _ShortLinks(base_url, tokens)
        self._engine = _engine(compiled, self._links.addresses)
        self._pieces = _Pieces.of(self._engine)

    def render(
        self,
        account_id: int,
        content_id: int,
        contact_id: int,
        message_id: UUID,
        fields: Mapping[str, Any],
        params: Mapping[str, Any] = _NO_PARAMS,
        products: Picked = NO_PRODUCTS,
    ) -> RenderedText:
        """The text of one recipient; see :meth:`Renderer.render`. ``unsubscribe_url`` in it is a long address."""
        own, targets = self._links.of(account_id, content_id, contact_id, message_id, products)
        made = self._pieces.render(fields, params, own) if self._pieces else None
        if made is None:
            made = self._engine.render(fields, params, own)
        text = made[2].strip()
        if not text:
            raise RenderError("text", "is empty for this recipient")
        return RenderedText(text=text, targets=targets)


class NotificationRenderer:
    """Renders one notification for many browsers. Its links are short ones, as in texts."""

    def __init__(self, compiled: CompiledContent, *, base_url: str, tokens: MessageTokens) -> None:
        self._links = _ShortLinks(base_url, tokens)
        shown = compiled.notification or Notification()
        self._words = _engine(compiled, self._links.addresses)
        #: What renders the link and each button, by what an author knows it by.
        self._more = {
            field: _engine(msgspec.structs.replace(compiled, subject="", text=text), self._links.addresses)
            for field, text in shown.texts
        }
        self._count = len(shown.actions)

    def render(
        self,
        account_id: int,
        content_id: int,
        contact_id: int,
        message_id: UUID,
        fields: Mapping[str, Any],
        params: Mapping[str, Any] = _NO_PARAMS,
        products: Picked = NO_PRODUCTS,
    ) -> RenderedNotification:
        """The notification of one recipient; see :meth:`Renderer.render`. A link that is empty leads nowhere."""
        own, targets = self._links.of(account_id, content_id, contact_id, message_id, products)
        title, _, text = self._words.render(fields, params, own)
        if not text.strip():
            raise RenderError("text", "is empty for this recipient")
        more = {field: self._made(field, fields, params, own) for field in self._more}
        return RenderedNotification(
            title=" ".join(title.split()),
            text=text.strip(),
            link=more.get("link", ""),
            actions=tuple(
                (more[f"actions.{place}.title"], more[f"actions.{place}.link"]) for place in range(self._count)
            ),
            targets=targets,
        )

    def _made(self, field: str, fields: Mapping[str, Any], params: Mapping[str, Any], own: Own) -> str:
        """One of the other texts. Raises RenderError naming it."""
        try:
            made = self._more[field].render(fields, params, own)[2].strip()
        except RenderError as error:
            raise RenderError(field, error.fields[0].reason) from None
        if field.endswith("link") and made and web_address(made) is None:
            raise RenderError(field, f'"{made[:80]}" is no web address')
        return made


def short_address(base: str, number: int) -> str:
    """A short link with the place of its message's code. The first one is the shortest: most texts have one."""
    return f"{base}/t/s/{TRACK}" + (f"/{number}" if number else "")


def render_preview(
    compiled: CompiledContent,
    fields: Mapping[str, Any],
    params: Mapping[str, Any] = _NO_PARAMS,
    products: Picked = NO_PRODUCTS,
) -> Rendered:
    """The mail as this contact would see it, with the links' own targets, no pixel and nothing counted."""

    def click(number: int) -> str:
        return html.escape(compiled.links[number])

    def link(number: int, target: str) -> str:
        return html.escape(_checked_target(target))

    def plain_click(number: int) -> str:
        return compiled.links[number]

    def plain_link(number: int, target: str) -> str:
        return _checked_target(target)

    shown = _engine(compiled, Addresses(click, "", "")).render(fields, params, Own("", "#", "#", link, products))
    own = Own("", "#", "#", plain_link, products)
    plain = _engine(compiled, Addresses(plain_click, "", "")).render(fields, params, own)
    return _rendered((shown[0], shown[1], plain[2]), "#")


def _addresses(base: str) -> Addresses:
    def click(number: int) -> str:
        return f"{base}/t/c/{TRACK}/{number}"

    return Addresses(
        click=click,
        open=(
            f'<img src="{base}/t/o/{TRACK}.gif" width="1" height="1" alt="" '
            'style="display:block;width:1px;height:1px;border:0">'
        ),
        # Hidden from eyes, keyboards and screen readers; empty, so that nothing shows where styles are dropped.
        trap=(
            f'<a href="{click(TRAP_LINK)}" style="display:none;max-height:0;overflow:hidden;mso-hide:all" '
            'aria-hidden="true" tabindex="-1" rel="nofollow"></a>'
        ),
    )


def _engine(compiled: CompiledContent, addresses: Addresses) -> _Engine | ForeignEngine:
    return _Engine(compiled, addresses) if compiled.dialect is Dialect.SYNCOM else ForeignEngine(compiled, addresses)


class _Engine:
    """The general way: three templates in a sandbox."""

    def __init__(self, compiled: CompiledContent, addresses: Addresses) -> None:
        self.addresses = addresses
        self.programs: dict[str, Program] = {
            "subject": language.parse(compiled.subject, "subject"),
            "html": language.parse(compiled.html, "html", marks=True),
            "text": language.parse(compiled.text, "text", marks=True),
        }
        self.optional = frozenset(compiled.fields)
        self._names = frozenset[str]().union(*(program.names for program in self.programs.values()))
        self._sandbox = Sandbox(
            {part: language.emit(program, _escape_of(part), addresses) for part, program in self.programs.items()}
        )

    @property
    def is_viewable(self) -> bool:
        """Whether the mail names the address of its own web page."""
        return VIEW_URL in self._names

    def render(self, fields: Mapping[str, Any], params: Mapping[str, Any], own: Own) -> tuple[str, ...]:
        values: dict[str, Any] = {"_track": own.track}
        for name in self._names:
            values[identifier(name)] = _value(name, fields, params, self.optional)
        values[identifier(PARAMS)] = params
        values[identifier(UNSUBSCRIBE_URL)] = own.unsubscribe_url
        values[identifier(VIEW_URL)] = own.view_url
        values[identifier(PREFERENCES_URL)] = own.preferences_url
        return tuple(self._sandbox.render(PARTS, values, own.link, own.products))


@dataclass(frozen=True, slots=True)
class _Target:
    """A personal link's address: texts as they stand, and merge fields."""

    number: int
    parts: tuple[str | Simple, ...]
    in_html: bool


class _Pieces:
    """The quick way: texts and values in one row, and for each part the order in which they are joined."""

    def __init__(self, optional: frozenset[str]) -> None:
        self._optional = optional
        #: What stands where in the row; static texts are in `_blank` already.
        self._places: dict[object, int] = {"track": 0}
        self._blank: list[str] = [""]
        self._fields: list[tuple[str, str | None, int, int]] = []
        self._targets: list[tuple[_Target, int]] = []
        self._orders: list[Callable[[list[str]], tuple[str, ...]]] = []
        # Always there, and without anything to escape: both places of each hold the same.
        for name in (UNSUBSCRIBE_URL, VIEW_URL, PREFERENCES_URL):
            self._field(Simple(name, None))

    @classmethod
    def of(cls, engine: _Engine | ForeignEngine) -> _Pieces | None:
        """None when a part needs the engine."""
        if isinstance(engine, ForeignEngine):
            return None
        pieces = cls(engine.optional)
        for part, program in engine.programs.items():
            if not pieces._add(program, engine.addresses, part == "html"):
                return None
        return pieces

    def render(self, fields: Mapping[str, Any], params: Mapping[str, Any], own: Own) -> tuple[str, ...] | None:
        """None when a value is of a kind that only the engine prints."""
        values = self._blank.copy()
        values[0] = own.track
        values[_UNSUBSCRIBE_PLACE] = values[_UNSUBSCRIBE_PLACE + 1] = own.unsubscribe_url
        values[_VIEW_PLACE] = values[_VIEW_PLACE + 1] = own.view_url
        values[_PREFERENCES_PLACE] = values[_PREFERENCES_PLACE + 1] = own.preferences_url
        for name, default, plain, escaped in self._fields:
            value = params[name] if name in params else fields.get(name)
            if value is None:
                value = _value(name, fields, params, self._optional)
            if type(value) is str:
                text = value
            elif type(value) is int:
                text = str(value)
            elif value is not None:
                return None
            elif default is None:
                raise _missing(name)
            else:
                text = ""
            if default is not None and not text:
                text = default
            values[plain] = text
            values[escaped] = text if text.isalnum() else escape(text)
        for target, place in self._targets:
            values[place] = own.link(target.number, self._joined(target, values))
        return tuple(["".join(order(values)) for order in self._orders])

    def _joined(self, target: _Target, values: list[str]) -> str:
        parts: list[str] = []
        for number, part in enumerate(target.parts):
            if isinstance(part, str):
                parts.append(html.unescape(part) if target.in_html else part)
            else:
                value = values[self._places[part]]
                parts.append(url_part(value) if number else value)
        return "".join(parts)

    def _add(self, program: Program, addresses: Addresses, in_html: bool) -> bool:
        order: list[str | int] = []
        target: list[str | Simple] | None = None
        number = 0
        for node in program.nodes:
            if isinstance(node, Text):
                if target is None:
                    order.append(node.value)
                elif target or node.value.strip():
                    target.append(node.value)
            elif isinstance(node, Output):
                if node.simple is None:
                    return False
                plain, escaped = self._field(node.simple)
                if target is None:
                    order.append(escaped if in_html else plain)
                else:
                    target.append(node.simple)
            elif isinstance(node, Mark):
                if node.kind == "link":
                    target, number = [], node.number
                elif node.kind == "endlink":
                    order.append(self._target(_Target(number, tuple(target or ()), in_html)))
                    target = None
                else:
                    before, track, after = language.address_of(node, addresses).partition(TRACK)
                    order += [before, 0, after] if track else [before]
            else:
                return False
        self._orders.append(_picker([*self._with_texts(order)]))
        return True

    def _with_texts(self, order: list[str | int]) -> Iterator[int]:
        """Places only: neighbouring texts become one, and get a place."""
        for is_text, run in groupby(order, key=lambda part: isinstance(part, str)):
            if is_text:
                text = "".join(str(part) for part in run)
                place = self._place(("text", text))
                self._blank[place] = text
                yield place
            else:
                yield from (int(part) for part in run)

    def _field(self, simple: Simple) -> tuple[int, int]:
        is_own = simple.name in OWN_URLS
        if is_own:
            simple = Simple(simple.name, None)
        plain = self._place(simple)
        escaped = self._place(("escaped", simple))
        row = (simple.name, simple.default, plain, escaped)
        if not is_own and row not in self._fields:
            self._fields.append(row)
        return plain, escaped

    def _target(self, target: _Target) -> int:
        place = self._place(target)
        if (target, place) not in self._targets:
            self._targets.append((target, place))
        return place

    def _place(self, key: object) -> int:
        if key not in self._places:
            self._places[key] = len(self._blank)
            self._blank.append("")
        return self._places[key]


def _picker(places: list[int]) -> Callable[[list[str]], tuple[str, ...]]:
    # itemgetter gives a tuple for two places and more.
    if len(places) < 2:
        return lambda values: tuple(values[place] for place in places)
    return itemgetter(*places)


def _escape_of(part: str) -> Escape:
    return Escape.HTML if part == "html" else Escape.NONE


def _value(name: str, fields: Mapping[str, Any], params: Mapping[str, Any], optional: frozenset[str]) -> Any:
    """None when nothing is known of this name; an empty text when it is known and empty."""
    if name in params:
        value = params[name]
    elif name in fields:
        value = fields[name]
    else:
        return "" if name in optional else None
    return "" if value is None else value


def _missing(name: str) -> RenderError:
    return RenderError(name, 'has no value for this recipient; give it a default: |default("…")')


def _checked_target(target: str) -> str:
    address = web_address(target)
    if address is None:
        raise RenderError("html", f'the link "{target.strip()[:80]}" does not lead to a web address')
    return address


def _rendered(parts: tuple[str, ...], unsubscribe_url: str) -> Rendered:
    subject, body, text = parts
    subject = subject.strip()
    if not subject.isprintable() and _LINE_BREAK.search(subject):
        # Header injection, or a slip in the data: not repaired, because nobody knows what was meant.
        raise RenderError("subject", "a value puts a line break or a control character into it")
    if len(subject) > _MAX_SUBJECT:
        raise RenderError("subject", f"is longer than {_MAX_SUBJECT} characters")
    if len(body) > MAX_OUTPUT or len(text) > MAX_OUTPUT:
        raise RenderError("html", f"is larger than {MAX_OUTPUT:,} characters")
    return Rendered(subject=subject, html=body, text=text, unsubscribe_url=unsubscribe_url)
