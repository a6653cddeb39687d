"""From what an author wrote to what a renderer needs: everything that is the same for all recipients, done once."""

from __future__ import annotations

import re
from collections.abc import Collection

import mrml
import msgspec

from syncom.contacts.model import Channel
from syncom.content import language, markup
from syncom.content.dialects import ForeignTags, OwnTags, Tags, own_urls_in
from syncom.content.fields import OWN_URLS, PARAMS, STANDARD, VIEW_URL
from syncom.content.foreign import ForeignEngine, slot_names
from syncom.content.language import Addresses
from syncom.content.lines import short_html_lines, short_text_lines
from syncom.content.markup import Edit, Kind, Token
from syncom.content.members import notification_of, rich_of
from syncom.content.model import CompiledContent, Dialect, Format, Notification, PushAction, RenderError, TemplateInput
from syncom.content.plain_text import plain_text
from syncom.content.styles import inline_styles
from syncom.content.velocity.model import Rules
from syncom.content.velocity.product_calls import blocks_in
from syncom.errors import Invalid
from syncom.targets import web_address

#: Characters of the source, and of the text part.
MAX_SOURCE = 1_000_000
#: Characters of a text before it is rendered; what is sent has the limits of its channel.
MAX_TEXT = 10_000
MAX_VIBER = 1_000
_MAX_LINE = 1_000
_MAX_NAME = 200
_MAX_LINKS = 1_000
#: Deeper nesting makes recursive readers (ours of MJML, and mail clients) fail.
_MAX_DEPTH = 250
_MAX_TOKENS = 40_000
#: Different lists of products that one mail may ask for.
_MAX_BLOCKS = 12
#: Elements that may stay open (HTML, 13.1.2.4).
_MAY_STAY_OPEN = frozenset(
    {"p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "html", "head", "body"}
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE_END = re.compile(r"[\r\n\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BODY = re.compile(r"<body(?=[\s>])", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"zqtag(\d+)zq")
_MJML_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*)[^<>]*?(/?)(?=[<>]|$)")
_MJML_PLACE = re.compile(r"at position (\d+)")
#: Elements whose href a reader can follow; `v:` are the buttons of Outlook.
_LINKING = ("a", "area", "v:roundrect", "v:rect", "v:shape")
_HTTP = re.compile(r"\s*https?://", re.IGNORECASE)
#: Attributes with an address in them.
_ADDRESSES = frozenset({"href", "src", "background", "action"})
_MARKED = re.compile(r"\s*https?://.*\{\{@", re.IGNORECASE | re.DOTALL)
_DIRECTIVE = re.compile(r"\{\{@dir |\{%")
_PLAIN_URL = re.compile(r"https?://[^\s<>\"'\ue000][^\s<>\"']*", re.IGNORECASE)
_URL_TAIL = ".,;:!?)]}'\""
#: Keeps the words of the body out of the preview line: narrow blanks that print nothing.
_PREVIEW_FILLER = "&#847;&#8199;" * 30


def compile_content(
    source: TemplateInput, known_fields: Collection[str], *, track_links: bool = True, rules: Rules | None = None
) -> CompiledContent:
    """Compile a template. Without ``track_links`` its links lead to their targets directly; ``rules`` are Velocity's.

    ``known_fields`` are the keys of the account's custom fields; names that are neither these nor standard ones
    must come as parameters of the message. Raises Invalid naming 'name', 'subject', 'preheader', 'source', 'html'
    or 'text', with the line where there is one.
    """
    if source.channel is not Channel.EMAIL:
        return _compile_text(source, known_fields, rules or Rules(), track_links=track_links)
    if source.format is Format.TEXT:
        raise Invalid("format", "text is for other channels than email; choose html or mjml")
    _check_sizes(source)
    rules = rules or Rules()
    tags = _tags(source.dialect, rules, known_fields, source.name)
    subject = tags.translated(source.subject, "subject")
    preheader = tags.translated(source.preheader, "preheader")
    html = tags.translated(source.source, "html")
    if source.format is Format.MJML:
        html = _mjml(html)
    _check_shape(html)
    html = inline_styles(_document(html))
    links: list[str] = []
    html = _linked(html, links, tags, track=track_links)
    text = tags.translated(source.text, "text") if source.text.strip() else ""
    if not text:
        text = plain_text(html, links)
    elif track_links:
        text = _linked_text(text, links, tags)
    html = _with_preheader(html, preheader)
    # The honeypot guards the counting of clicks; where none are counted it has nothing to do.
    marks = "{{@trap}}{{@open}}" if track_links else "{{@open}}"
    html = short_html_lines(_before_body_end(html, marks))
    if len(html) > 2 * MAX_SOURCE:
        raise Invalid("source", "becomes too large when it is compiled; remove styles or parts")
    content = CompiledContent(
        subject=subject,
        preheader=source.preheader if source.dialect is not Dialect.SYNCOM else preheader,
        html=html,
        text=short_text_lines(text),
        links=tuple(links),
        dialect=source.dialect,
        rules=rules,
        text_is_derived=not source.text.strip(),
    )
    return _named(content, tags, known_fields)


def _compile_text(
    source: TemplateInput, known_fields: Collection[str], rules: Rules, *, track_links: bool
) -> CompiledContent:
    """A text of another channel than email."""
    if not source.name.strip() or len(source.name) > _MAX_NAME:
        raise Invalid("name", f"must have 1 to {_MAX_NAME} characters")
    limit = MAX_VIBER if source.channel is Channel.VIBER else MAX_TEXT
    if not source.source.strip():
        raise Invalid("text", "is empty")
    if len(source.source) > limit:
        raise Invalid("text", f"is longer than {limit:,} characters")
    if _CONTROL.search(source.source):
        raise Invalid("text", "contains control characters")
    if len(source.subject) > _MAX_LINE or _LINE_END.search(source.subject):
        raise Invalid("subject", f"must be one line of at most {_MAX_LINE:,} characters")
    links: list[str] = []
    tags = _tags(source.dialect, rules, known_fields, source.name)
    title = source.subject
    notification = notification_of(source.channel, source.members)
    if notification is not None:
        title = title or source.members.get("title", "")
        notification = _translated(notification, links, tags, track=track_links)
    subject = tags.translated(title, "subject")
    text = tags.translated(source.source, "text")
    if track_links and notification is None:
        # The words of a notification are only read: what can be clicked are its links.
        text = _linked_text(text, links, tags)
    content = CompiledContent(
        subject=subject,
        preheader="",
        html="",
        text=text,
        links=tuple(links),
        dialect=source.dialect,
        rules=rules,
        rich=rich_of(source.channel, source.members),
        notification=notification,
    )
    return _named(content, tags, known_fields)


def _translated(notification: Notification, links: list[str], tags: Tags, *, track: bool) -> Notification:
    """A notification as it is rendered."""

    def address(written: str, field: str) -> str:
        text = tags.translated(written.strip(), field)
        if not tags.is_whole(text):
            raise Invalid(field, "must close the blocks that it opens")
        if not markup.has_tags(text) and web_address(text) is None:
            raise Invalid(field, "must be a web address that begins with https:// or http://")
        return _mark(text, links) if track and not own_urls_in(tags.names(text)) else text

    return msgspec.structs.replace(
        notification,
        link=address(notification.link, "link") if notification.link else "",
        actions=tuple(
            PushAction(
                title=tags.translated(action.title, f"actions.{place}.title"),
                link=address(action.link, f"actions.{place}.link"),
            )
            for place, action in enumerate(notification.actions)
        ),
    )


def _tags(dialect: Dialect, rules: Rules, known_fields: Collection[str], name: str) -> Tags:
    if dialect is Dialect.SYNCOM:
        return OwnTags(known_fields, name)
    return ForeignTags(dialect, rules, known_fields, name)


def _named(content: CompiledContent, tags: Tags, known_fields: Collection[str]) -> CompiledContent:
    """The content with the names in it, and its blocks checked."""
    contact_names = frozenset((*STANDARD, *known_fields))
    more = content.notification.texts if content.notification else ()
    if isinstance(tags, ForeignTags):
        marked = msgspec.structs.replace(content, velocity=tags.tags(), data_fields=tags.data_fields())
        try:
            for one in (marked, *(msgspec.structs.replace(marked, text=text) for _, text in more)):
                _ = ForeignEngine(one, Addresses(str, "", ""))
        except RenderError as error:
            raise Invalid.of(list(error.fields)) from None
        names = slot_names(marked)
        fields = names & contact_names | frozenset(marked.data_fields.values())
        content = marked
        blocks = {block.key: block for tag in marked.velocity for block in blocks_in(tag.source)}
    else:
        programs = (
            language.parse(content.subject, "subject"),
            language.parse(content.html, "html", marks=True),
            language.parse(content.text, "text", marks=True),
            *(language.parse(text, field, marks=True) for field, text in more),
        )
        names = frozenset[str]().union(*(program.names for program in programs))
        fields = names & contact_names
        blocks = {block.key: block for program in programs for block in program.products}
    if len(blocks) > _MAX_BLOCKS:
        raise Invalid("html", f"asks for products in more than {_MAX_BLOCKS} ways")
    if blocks:
        # Which version of a product a reader gets.
        fields |= {"language"}
    return msgspec.structs.replace(
        content,
        products=tuple(blocks.values()),
        fields=tuple(sorted(fields)),
        params=tuple(sorted(names - contact_names - OWN_URLS - {PARAMS})),
        is_viewable=VIEW_URL in names and bool(content.html),
    )


def _check_sizes(source: TemplateInput) -> None:
    if not source.name.strip() or len(source.name) > _MAX_NAME:
        raise Invalid("name", f"must have 1 to {_MAX_NAME} characters")
    for field, text in (("subject", source.subject), ("preheader", source.preheader)):
        if len(text) > _MAX_LINE:
            raise Invalid(field, f"is longer than {_MAX_LINE:,} characters")
        if _LINE_END.search(text):
            raise Invalid(field, "must be one line without control characters")
    if not source.source.strip():
        raise Invalid("source", "is empty; write the mail's HTML or MJML")
    for field, text in (("source", source.source), ("text", source.text)):
        if len(text) > MAX_SOURCE:
            raise Invalid(field, f"is larger than {MAX_SOURCE:,} characters")
        if _CONTROL.search(text):
            raise Invalid(field, "contains control characters; save it as UTF-8 text")


def _check_shape(html: str) -> None:
    """Bound the work of everything that follows."""
    depth = 0
    for number, token in enumerate(markup.read(html)):
        counts = token.name not in _MAY_STAY_OPEN and token.name not in markup.VOID and not token.closed
        if counts and token.kind is Kind.START:
            depth += 1
        elif counts and token.kind is Kind.END:
            depth = max(0, depth - 1)
        if depth > _MAX_DEPTH:
            raise _too_deep(html, token.start)
        if number > _MAX_TOKENS:
            raise Invalid("html", f"has more than {_MAX_TOKENS:,} tags and texts; make it shorter")


def _check_mjml_depth(source: str) -> None:
    """MJML's reader is recursive: a tower of open elements would end the process."""
    depth = 0
    for match in _MJML_TAG.finditer(source):
        if match[1]:
            depth = max(0, depth - 1)
        elif not match[3] and match[2].lower() not in markup.VOID:
            depth += 1
        if depth > _MAX_DEPTH:
            raise _too_deep(source, match.start())


def _too_deep(source: str, place: int) -> Invalid:
    line = source.count("\n", 0, place) + 1
    return Invalid("html", f"line {line}: elements are nested deeper than {_MAX_DEPTH}; close them")


def _mjml(source: str) -> str:
    """MJML as HTML. Our tags travel as words, because the quotes in them are not XML. Includes are refused."""
    _check_mjml_depth(source)
    found = [tag.group() for tag in language.tags(source)]
    edits = [Edit(tag.start(), tag.end(), f"zqtag{number}zq") for number, tag in enumerate(language.tags(source))]
    try:
        output = mrml.to_html(
            markup.apply(source, edits),
            mrml.ParserOptions(include_loader=mrml.noop_loader()),
            # No style sheets of font services: they would tell a third party who reads.
            mrml.RenderOptions(fonts={}),
        )
    except OSError as error:
        raise Invalid("html", _mjml_problem(source, str(error))) from None
    except BaseException as error:
        # A panic of the Rust library is no Exception; it says that the source is broken, and breaks nothing else.
        if type(error).__name__ != "PanicException":
            raise
        raise Invalid("html", "the MJML cannot be read; look for what is never closed") from None
    if "<body" not in output.content:
        raise Invalid("html", "is not MJML; begin with <mjml><mj-body>, or choose the format html")
    return _PLACEHOLDER.sub(lambda match: found[int(match[1])], output.content)


def _mjml_problem(source: str, problem: str) -> str:
    if "unable to load included" in problem:
        return "mj-include is not supported; paste the included part"
    place = _MJML_PLACE.search(problem)
    line = source.count("\n", 0, int(place[1])) + 1 if place else 1
    return f"line {line}: the MJML cannot be read: {problem}"


def _document(html: str) -> str:
    """A whole document: mail clients differ in what they make of fragments."""
    if _BODY.search(html):
        return html
    if re.search(r"<html(?=[\s>])", html, re.IGNORECASE):
        raise Invalid("html", "has <html> and no <body>; add it")
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"></head>\n'
        f"<body>\n{html}\n</body></html>\n"
    )


def _linked(html: str, links: list[str], tags: Tags, *, track: bool) -> str:
    """Put marks in place of the targets of links, and number them: each link of its own, as click maps need it."""
    edits: list[Edit] = []
    for token in markup.read(html):
        if token.kind is not Kind.START:
            continue
        address = _tracked_address(html, token, tags) if track else None
        for attribute in token.attributes:
            written = html[attribute.start : attribute.end]
            if not attribute.quote and '"' in markup.mask(written):
                # The branches of a condition bring quotes of their own.
                continue
            if address is not None and attribute.name == "href":
                mark = _mark(address, links)
                edits.append(_attribute_edit(attribute, mark))
            elif attribute.name in _ADDRESSES and _is_composed(written, tags):
                edits.append(_attribute_edit(attribute, f"{{{{@address}}}}{written}{{{{@endlink}}}}"))
            elif attribute.end > attribute.start and not attribute.quote and markup.has_tags(written):
                # A value with a blank in it would begin a new attribute.
                edits.append(_attribute_edit(attribute, written))
    return markup.apply(html, edits)


def _attribute_edit(attribute: markup.Attribute, value: str) -> Edit:
    quote = len(attribute.quote)
    sign = attribute.quote or '"'
    return Edit(attribute.start - quote, attribute.end + quote, f"{sign}{value}{sign}")


def _is_composed(written: str, tags: Tags) -> bool:
    """Whether an address that is not tracked is put together from values of another dialect."""
    return isinstance(tags, ForeignTags) and bool(_MARKED.search(written)) and tags.is_whole(written)


def _tracked_address(html: str, token: Token, tags: Tags) -> str | None:
    """The raw href of a link to be tracked."""
    href = token.attribute("href")
    if token.name not in _LINKING or href is None:
        return None
    track = token.attribute("data-track")
    if track and html[track.start : track.end].strip().lower() == "off":
        return None
    raw = html[href.start : href.end].strip()
    if own_urls_in(tags.names(raw)) or not tags.is_whole(raw):
        return None
    begins_with_field = raw.startswith(("{{", "{%"))
    return raw if begins_with_field or _HTTP.match(markup.unescape(raw)) else None


def _mark(raw: str, links: list[str]) -> str:
    number = len(links)
    if number >= _MAX_LINKS:
        raise Invalid("html", f"has more than {_MAX_LINKS:,} links")
    if markup.has_tags(raw):
        links.append("")
        return f"{{{{@link {number}}}}}{raw}{{{{@endlink}}}}"
    target = web_address(markup.unescape(raw))
    if target is None:
        # Not an address anybody could follow: left for the check to report.
        return raw
    links.append(target)
    return f"{{{{@click {number}}}}}"


def _linked_text(text: str, links: list[str], tags: Tags) -> str:
    """Track the addresses in a text part that the author wrote; one known from the HTML keeps its number."""
    edits: list[Edit] = []
    masked = markup.mask(text)
    for match in _PLAIN_URL.finditer(masked):
        end = _address_end(text, match)
        raw = text[match.start() : end]
        target = None if markup.has_tags(raw) else web_address(raw)
        if target in links:
            edits.append(Edit(match.start(), end, f"{{{{@click {links.index(target)}}}}}"))
        elif not own_urls_in(tags.names(raw)):
            edits.append(Edit(match.start(), end, _mark(raw, links)))
    return markup.apply(text, edits)


def _address_end(text: str, match: re.Match[str]) -> int:
    """Where an address in plain text ends: before a directive, and before signs of the sentence."""
    directive = _DIRECTIVE.search(text, match.start(), match.end())
    # In the match tags are painted over: their brackets are no signs of the sentence.
    address = match.group()[: directive.start() - match.start()] if directive else match.group()
    return match.start() + len(address.rstrip(_URL_TAIL))


def _with_preheader(html: str, preheader: str) -> str:
    if not preheader.strip():
        return html
    hidden = (
        '<div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;font-size:1px;'
        f'line-height:1px;mso-hide:all">{markup.escape(preheader)}\n{_PREVIEW_FILLER}</div>'
    )
    for token in markup.read(html):
        if token.kind is Kind.START and token.name == "body":
            return html[: token.end] + hidden + html[token.end :]
    return hidden + html


def _before_body_end(html: str, addition: str) -> str:
    ends = [token for token in markup.read(html) if token.kind is Kind.END and token.name in ("body", "html")]
    bodies = [token for token in ends if token.name == "body"] or ends
    place = bodies[-1].start if bodies else len(html)
    return html[:place] + addition + html[place:]
