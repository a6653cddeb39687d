"""A readable plain-text part from the HTML: headings, lists, tables, links with their addresses."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from syncom.content.language import literal, tags
from syncom.content.markup import Kind, Token, read, unescape

_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "dl", "hr", "figure"}
)
_LINES = frozenset({
    "div", "tr", "li", "section", "article", "header", "footer", "main", "nav", "aside", "address", "center", "form",
    "dt", "dd", "caption", "tbody", "thead", "tfoot", "figcaption", "body",
})  # fmt: skip
_SILENT = frozenset({"style", "script", "title", "head", "textarea", "noframes", "noembed", "xmp"})
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n\f\u00a0]+")
#: Fillers of preheaders.
_INVISIBLE = re.compile("[\u00ad\u034f\u200b\u200c\u200d\u2060\ufeff]+(?=\\s|$)")
_CLICK = re.compile(r"^\{\{@click (\d+)\}\}$")
_MARK = re.compile(r"^\{\{@(?:click|link|address)")
#: A directive of another dialect.
_DIRECTIVE = re.compile(r"\{\{@dir \d+\}\}")


def plain_text(source: str, links: Sequence[str]) -> str:
    """The text part of this HTML. Its template tags stay where they were; ``links`` are the tracked targets."""
    writer = _Writer(links)
    hidden = _Hidden()
    for token in read(source):
        piece = source[token.start : token.end]
        if hidden.covers(source, token) or token.kind is Kind.COMMENT or token.name in _SILENT:
            writer.statements(piece)
        elif token.kind is Kind.TEXT:
            writer.text(piece)
        elif token.kind is Kind.START:
            writer.statements(_without_address(source, token))
            writer.start(source, token)
        elif token.kind is Kind.END:
            writer.end(token.name)
    return writer.result()


def _without_address(source: str, token: Token) -> str:
    """A start tag without the address that is shown behind the words of the link, and without the words of an image."""
    attribute = token.attribute("href" if token.name == "a" else "alt")
    if attribute is None:
        return source[token.start : token.end]
    return source[token.start : attribute.start] + source[attribute.end : token.end]


class _Hidden:
    """Skips what no reader sees: elements with `display:none`, and what only Outlook shows."""

    def __init__(self) -> None:
        self._name = ""
        self._depth = 0
        self._outlook = False

    def covers(self, source: str, token: Token) -> bool:
        if token.kind is Kind.CONDITION:
            opening = source[token.start : token.end]
            self._outlook = opening.startswith("<!--[if") and not opening.endswith("-->")
            return True
        if self._outlook:
            return True
        if self._name:
            if token.name == self._name and token.kind is not Kind.TEXT:
                self._depth += 1 if token.kind is Kind.START else -1
                if self._depth == 0:
                    self._name = ""
            return True
        style = token.attribute("style")
        if style and token.name != "img" and _HIDDEN.search(source[style.start : style.end]):
            self._name, self._depth = token.name, 1
            return True
        return False


class _Writer:
    """Collects words and lines. Blank space is kept back until something visible follows."""

    def __init__(self, links: Sequence[str]) -> None:
        self._links = links
        self._pieces: list[str] = []
        #: Line ends that stand at the end of the pieces, and those still wanted.
        self._written = 2
        self._wanted = 0
        self._space = False
        self._lists: list[int | None] = []
        #: Address of the link we are in, and where its words begin among the pieces.
        self._link: tuple[str, int] | None = None
        self._preformatted = 0

    def text(self, source: str) -> None:
        at = 0
        for tag in tags(source):
            self._words(literal(html.unescape(source[at : tag.start()])))
            self._tag(tag.group())
            at = tag.end()
        self._words(literal(html.unescape(source[at:])))

    def statements(self, source: str) -> None:
        """Directives of what is not shown: they open blocks and set variables of what is."""
        for statement in _DIRECTIVE.findall(source):
            self._tag(statement)

    def start(self, source: str, token: Token) -> None:
        match token.name:
            case "br":
                self._wanted = max(self._wanted, 0) + 1
                self._space = False
            case "hr":
                self._break(2)
                self._visible("-" * 20)
                self._break(2)
            case "td" | "th":
                self._cell()
            case "img":
                self._image(source, token)
            case "a":
                self._begin_link(source, token)
            case "ul" | "ol":
                self._break(1 if self._lists else 2)
                self._lists.append(1 if token.name == "ol" else None)
            case "li":
                self._item()
            case _:
                self._block(token.name)
        if token.name == "pre":
            self._preformatted += 1

    def end(self, name: str) -> None:
        if name == "a":
            self._end_link()
        elif name in ("ul", "ol"):
            if self._lists:
                self._lists.pop()
            self._break(1 if self._lists else 2)
        elif name == "pre":
            self._preformatted = max(0, self._preformatted - 1)
            self._break(2)
        else:
            self._block(name)

    def result(self) -> str:
        lines = "".join(self._pieces).strip()
        return re.sub(r"[ \t]+\n", "\n", lines) + "\n" if lines else ""

    def _words(self, text: str) -> None:
        if self._preformatted:
            self._visible(text)
            return
        text = _SPACE.sub(" ", _INVISIBLE.sub("", text))
        if text[:1] == " ":
            self._space = True
        if text.strip():
            self._visible(text.strip())
            self._space = text.endswith(" ")

    def _tag(self, tag: str) -> None:
        if tag.startswith("{{") and not _DIRECTIVE.match(tag):
            self._visible(tag)
            return
        # A statement stands between lines, not in them: the blank lines before it are written first.
        self._flush()
        self._pieces.append(tag)

    def _visible(self, text: str) -> None:
        self._flush()
        self._pieces.append(text)
        self._written = 0

    def _flush(self) -> None:
        missing = self._wanted - self._written
        if missing > 0:
            self._pieces.append("\n" * missing)
            self._written = self._wanted
        elif self._space and not self._wanted and not self._written:
            self._pieces.append(" ")
        self._wanted, self._space = 0, False

    def _break(self, lines: int) -> None:
        self._wanted = max(self._wanted, lines)
        self._space = False

    def _block(self, name: str) -> None:
        if name in _PARAGRAPHS:
            self._break(2)
        elif name in _LINES:
            self._break(1)

    def _cell(self) -> None:
        self._space = not self._wanted

    def _item(self) -> None:
        self._break(1)
        sign = "-"
        if self._lists and self._lists[-1] is not None:
            sign = f"{self._lists[-1]}."
            self._lists[-1] += 1
        self._visible(f"{'  ' * (len(self._lists) - 1)}{sign}")
        self._space = True

    def _image(self, source: str, token: Token) -> None:
        alternative = token.attribute("alt")
        if alternative:
            self.text(source[alternative.start : alternative.end])

    def _begin_link(self, source: str, token: Token) -> None:
        self._end_link()
        address = token.attribute("href")
        if address and address.end > address.start:
            self._link = (unescape(source[address.start : address.end]).strip(), len(self._pieces))

    def _end_link(self) -> None:
        if self._link is None:
            return
        (address, begin), self._link = self._link, None
        label = "".join(self._pieces[begin:]).strip()
        if address.startswith("#") or address.lower() in (f"mailto:{label}".lower(), f"tel:{label}".lower()):
            return
        click = _CLICK.match(address)
        target = self._links[int(click[1])] if click else address
        if label and _bare(label) == _bare(target):
            self._replace_label(begin, label, address)
        elif label:
            self._space = True
            self._visible(f"({address})" if not address.lower().startswith("mailto:") else f"({address[7:]})")
        elif _MARK.match(address) or "://" in address:
            self._visible(address)

    def _replace_label(self, begin: int, label: str, address: str) -> None:
        before = "".join(self._pieces[begin:])
        self._pieces[begin:] = [before.replace(label, address)]


def _bare(address: str) -> str:
    """An address as people write it."""
    return re.sub(r"^https?://", "", address.strip().lower()).rstrip("/")
