"""CSS inlined into `style` attributes, because several mail clients drop `<style>`.

css-inline works on a marked copy without template tags; only the style attributes and the style sheets are taken
back. What cannot be inlined (media queries, :hover) stays in `<style>`. Nothing is loaded from anywhere.
"""

from __future__ import annotations

import html
import re

from css_inline import CSSInliner, InlineError
from selectolax.lexbor import LexborHTMLParser

from syncom.content.language import tags
from syncom.content.markup import Edit, Kind, Token, apply, has_tags, mask, read
from syncom.errors import Invalid

_MARK = "data-syncom-mark"
#: Rules times elements: matching is of that order, and this many take about a tenth of a second.
_MAX_WORK = 2_000_000
_RULE = re.compile(r"[{,]")


def inline_styles(source: str) -> str:
    """The HTML with its style sheets inlined. Raises Invalid('html', …) when that would take too long."""
    tokens = list(read(source))
    sheets = [token for token in tokens if token.kind is Kind.TEXT and token.name == "style"]
    if not sheets:
        return source
    starts = [token for token in tokens if token.kind is Kind.START]
    rules = sum(len(_RULE.findall(source[sheet.start : sheet.end])) for sheet in sheets)
    if rules * len(starts) > _MAX_WORK:
        raise Invalid("html", "has too many style rules for so many elements; remove rules that are not used")
    inliner = CSSInliner(
        inline_style_tags=True,
        keep_style_tags=True,
        remove_inlined_selectors=True,
        keep_link_tags=True,
        load_remote_stylesheets=False,
    )
    try:
        inlined = inliner.inline(_marked(source, starts, sheets))
    except InlineError as error:
        raise Invalid("html", f"its CSS cannot be read: {error}") from None
    return apply(source, _edits(source, starts, sheets, LexborHTMLParser(inlined)))


def _marked(source: str, starts: list[Token], sheets: list[Token]) -> str:
    edits: list[Edit] = []
    ends = {sheet.start: sheet for sheet in sheets}
    for number, token in enumerate(starts):
        place = token.start + 1 + len(token.name)
        sheet = ends.get(token.end)
        dynamic = sheet is not None and has_tags(source[sheet.start : sheet.end])
        ignore = ' data-css-inline="ignore"' if dynamic else ""
        edits.append(Edit(place, place, f' {_MARK}="{number}"{ignore}'))
        style = token.attribute("style")
        if style and has_tags(source[style.start : style.end]):
            # What it says is put back behind the rules: it wins, as it does in a browser.
            edits.append(Edit(style.start, style.end, "" if style.quote else '""'))
    marked = apply(source, edits)
    return apply(marked, [Edit(tag.start(), tag.end(), "") for tag in tags(marked)])


def _edits(source: str, starts: list[Token], sheets: list[Token], tree: LexborHTMLParser) -> list[Edit]:
    edits: list[Edit] = []
    ends = {sheet.start: sheet for sheet in sheets}
    for node in tree.css(f"[{_MARK}]"):
        token = starts[int(node.attributes[_MARK] or 0)]
        sheet = ends.get(token.end)
        if sheet is not None:
            if not has_tags(source[sheet.start : sheet.end]):
                edits.append(Edit(sheet.start, sheet.end, node.text() or ""))
            continue
        css = node.attributes.get("style")
        if css:
            edits.append(_style(source, token, css))
    return edits


def _style(source: str, token: Token, css: str) -> Edit:
    written = html.escape(css, quote=False).replace('"', "&quot;")
    style = token.attribute("style")
    if style is None:
        place = token.start + 1 + len(token.name)
        return Edit(place, place, f' style="{written}"')
    own = source[style.start : style.end]
    if has_tags(own):
        # Inside quotes of the other kind a double quote is a character; a tag's own quotes do not count.
        written = f"{written.rstrip(';')};{_in_double_quotes(own)}"
    return Edit(style.start - len(style.quote), style.end + len(style.quote), f'"{written}"')


def _in_double_quotes(own: str) -> str:
    edits = [Edit(place, place + 1, "&quot;") for place, sign in enumerate(mask(own)) if sign == '"']
    return apply(own, edits)
