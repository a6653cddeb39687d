"""What is wrong with a mail before it is sent."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from syncom.content import language, markup
from syncom.content.fields import OWN_URLS, PARAMS, STANDARD
from syncom.content.markup import Kind, Token
from syncom.content.model import CompiledContent, Dialect, Finding, Rendered, Severity
from syncom.content.own import Picked
from syncom.content.unsubscribe import LINKS, has_unsubscribe_link
from syncom.products.model import BlockSource

#: Gmail shows that many bytes of HTML, and a link to the rest: the unsubscribe link and the pixel are cut off.
GMAIL_CLIP = 102 * 1024
#: What phones show of a subject.
_LONG_SUBJECT = 70
_DEAD_TAG = re.compile(r"%[A-Z][A-Z0-9_.]{2,60}(?:\|[^%<>\n]{0,100})?%|\*\|[A-Z0-9_:]{2,60}\|\*|\$!?\{?data\.")
_PERSONAL = frozenset({BlockSource.VIEWED, BlockSource.RECOMMENDED})
_LOCAL = re.compile(r"^(?:localhost|127\.|0\.0\.0\.0|10\.|192\.168\.|\[?::1)|\.(?:local|internal|test|localhost)$")


def check_content(
    compiled: CompiledContent,
    known_fields: Collection[str],
    *,
    rendered: Rendered | None = None,
    params: Collection[str] = (),
    products: Picked | None = None,
    is_of_contact: bool = False,
) -> list[Finding]:
    """Findings about a content, errors first.

    ``rendered`` is a preview for a contact: the size is that of a real mail then. ``params`` are names that will
    come with the message; any other name that no contact has is an error. ``products`` are those of its blocks, for a
    contact (``is_of_contact``) or for nobody in particular.
    """
    html = rendered.html if rendered else compiled.html
    findings = [
        *_names(compiled, known_fields, params),
        *_dead_tags(compiled),
        *_subject(compiled),
        *_unsubscribe(compiled),
        *_parts(compiled, html),
        *_targets(compiled),
        *_elements(compiled.html),
        *_products(compiled, products or {}, is_of_contact=is_of_contact),
    ]
    return sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR)


def _names(compiled: CompiledContent, known_fields: Collection[str], params: Collection[str]) -> list[Finding]:
    if compiled.dialect is not Dialect.SYNCOM:
        return _foreign_names(compiled, params)
    known = {*STANDARD, *known_fields, *OWN_URLS, PARAMS, *params}
    findings: list[Finding] = []
    parts = (("subject", compiled.subject), ("html", compiled.html), ("text", compiled.text))
    for where, source in (*parts, *(compiled.notification.texts if compiled.notification else ())):
        program = language.parse(source, where, marks=True)
        for name in sorted(program.names - known):
            near = difflib.get_close_matches(name.lower(), sorted(known), 1, 0.6)
            hint = f"; did you mean {near[0]}?" if near else ""
            if name in program.needed:
                message = f"{name} is no field of a contact and has no default: mails without it are not sent{hint}"
                findings.append(_error("unknown_field", message, where))
            else:
                message = f"{name} is no field of a contact: its default is printed{hint}"
                findings.append(_warning("unknown_field", message, where))
    return findings


def _foreign_names(compiled: CompiledContent, params: Collection[str]) -> list[Finding]:
    """Merge fields that are no fields. What Velocity reads comes with the message, and cannot be known."""
    message = "{} is no field of a contact: its fallback is printed, or nothing"
    unknown = [name for name in compiled.params if name not in params]
    return [_warning("unknown_field", message.format(name), "html") for name in unknown]


def _dead_tags(compiled: CompiledContent) -> list[Finding]:
    findings: list[Finding] = []
    if compiled.dialect is Dialect.PLAIN:
        return findings
    for where, source in (("subject", compiled.subject), ("html", compiled.html), ("text", compiled.text)):
        for tag in sorted(set(_DEAD_TAG.findall(markup.mask(source)))):
            message = f"{tag} is not a merge field here and will be printed as it is"
            findings.append(_error("dead_merge_tag", message, where))
    return findings


def _subject(compiled: CompiledContent) -> list[Finding]:
    subject = compiled.subject.strip()
    if not subject:
        return [_error("empty_subject", "the subject is empty", "subject")]
    shown = len(markup.mask(subject).replace("\ue000", ""))
    if shown > _LONG_SUBJECT:
        message = f"the subject has {shown} characters; phones show about {_LONG_SUBJECT}"
        return [_warning("long_subject", message, "subject")]
    return []


def _unsubscribe(compiled: CompiledContent) -> list[Finding]:
    if has_unsubscribe_link(compiled):
        return []
    link = LINKS.get(compiled.dialect, LINKS[Dialect.VELOCITY])
    message = f'there is no unsubscribe link; add <a href="{link}">Unsubscribe</a>'
    return [_error("no_unsubscribe_link", message, "html")]


def _parts(compiled: CompiledContent, html: str) -> list[Finding]:
    findings: list[Finding] = []
    size = len(html.encode("utf-8", "replace"))
    if size > GMAIL_CLIP:
        message = f"the HTML has {size / 1024:.0f} KB; Gmail cuts off what is beyond {GMAIL_CLIP // 1024} KB"
        findings.append(_error("gmail_clip", message, "html"))
    if not compiled.text.strip():
        message = "there is no plain text: the mail holds images only; write a text part"
        findings.append(_warning("no_plain_text", message, "text"))
    return findings


def _targets(compiled: CompiledContent) -> list[Finding]:
    findings: list[Finding] = []
    for target in dict.fromkeys(compiled.links):
        host = (urlsplit(target).hostname or "") if target else ""
        if _LOCAL.search(host):
            findings.append(_error("local_link", f"{target[:80]} is an address inside your network", "html"))
    return findings


def _products(compiled: CompiledContent, picked: Picked, *, is_of_contact: bool) -> list[Finding]:
    """Blocks that show nothing. Those about a person are empty for nobody in particular, which says nothing."""
    findings: list[Finding] = []
    for block in compiled.products:
        is_personal = bool(block.path) or block.source in _PERSONAL
        if picked.get(block.key) or (is_personal and block.fallback is None and not is_of_contact):
            continue
        whom = " for this contact" if is_of_contact else ""
        message = (
            f"products of {block.source.value} show nothing{whom}: check the catalogue (`syncom product list`), or add "
            'fallback="bestsellers" or {% else %} to the loop'
        )
        findings.append(_warning("no_products", message, "html"))
    return findings


def _elements(html: str) -> list[Finding]:
    findings: dict[tuple[str, str], Finding] = {}

    def add(finding: Finding) -> None:
        findings.setdefault((finding.kind, finding.message), finding)

    for token in markup.read(html):
        if token.kind is not Kind.START:
            continue
        if token.name in ("a", "area"):
            _check_link(html, token, add)
        elif token.name == "img":
            _check_image(html, token, add)
        elif token.name in ("script", "form", "iframe"):
            add(_warning("not_supported", f"<{token.name}> is removed by mail clients", "html"))
    return list(findings.values())


def _check_link(html: str, token: Token, add: Callable[[Finding], None]) -> None:
    address = _attribute(html, token, "href")
    if address is None:
        return
    if address in ("", "#") or address.lower().startswith("javascript:"):
        add(_error("empty_link", "a link leads nowhere: its href is empty", "html"))
    elif not markup.has_tags(address) and not re.match(r"(?:[a-z][a-z0-9+.-]*:|#)", address, re.IGNORECASE):
        add(_error("relative_link", f'the link "{address[:80]}" needs its whole address, with https://', "html"))


def _check_image(html: str, token: Token, add: Callable[[Finding], None]) -> None:
    source = _attribute(html, token, "src") or ""
    if token.attribute("alt") is None:
        add(_warning("image_without_alt", f'the image "{source[:80]}" has no alt text', "html"))
    if source.lower().startswith("http://"):
        add(_warning("http_image", f'the image "{source[:80]}" is loaded without TLS; use https', "html"))


def _attribute(html: str, token: Token, name: str) -> str | None:
    attribute = token.attribute(name)
    return None if attribute is None else markup.unescape(html[attribute.start : attribute.end]).strip()


def _error(kind: str, message: str, where: str) -> Finding:
    return Finding(kind=kind, severity=Severity.ERROR, message=message, where=where)


def _warning(kind: str, message: str, where: str) -> Finding:
    return Finding(kind=kind, severity=Severity.WARNING, message=message, where=where)
