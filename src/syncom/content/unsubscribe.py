"""The way out of a mailing: whether a content has one, and one for those whose author forgot it."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from syncom.content import language
from syncom.content.fields import UNSUBSCRIBE_URL
from syncom.content.foreign import slot_names
from syncom.content.model import CompiledContent, Dialect, Format, TemplateInput

#: How the link is written in each dialect. In a plain text nothing is personal, so it cannot have one.
LINKS: Final = {Dialect.SYNCOM: "{{ unsubscribe_url }}", Dialect.VELOCITY: "https://esputnik.com/unsubscribe"}
_WORDS: Final = {
    "de": "Abmelden",
    "en": "Unsubscribe",
    "es": "Darse de baja",
    "fr": "Se désabonner",
    "pl": "Wypisz się",
    "ru": "Отписаться",
    "uk": "Відписатися",
}
_BLOCKS: Final = {
    Format.HTML: '\n<p style="text-align:center;font-size:12px"><a href="{link}">{word}</a></p>\n',
    Format.MJML: (
        '\n<mj-section><mj-column><mj-text align="center" font-size="12px"><a href="{link}">{word}</a></mj-text>'
        "</mj-column></mj-section>\n"
    ),
}
_ENDS: Final = {
    Format.HTML: re.compile("</body>", re.IGNORECASE),
    Format.MJML: re.compile("</mj-body>", re.IGNORECASE),
}


def has_unsubscribe_link(compiled: CompiledContent) -> bool:
    """Whether the HTML names the personal address that unsubscribes."""
    if compiled.dialect is Dialect.SYNCOM:
        return UNSUBSCRIBE_URL in language.parse(compiled.html, "html", marks=True).names
    return UNSUBSCRIBE_URL in slot_names(compiled)


def lacks_unsubscribe_link(compiled: CompiledContent) -> bool:
    """Whether it has no such link and could have one."""
    return compiled.dialect in LINKS and not has_unsubscribe_link(compiled)


def with_unsubscribe_link(template: TemplateInput) -> TemplateInput:
    """The template with a link at its end, in the template's language."""
    link = LINKS[template.dialect]
    word = _WORDS.get(template.language.partition("-")[0].lower(), _WORDS["en"])
    block = _BLOCKS[template.format].replace("{link}", link).replace("{word}", word)
    ends = list(_ENDS[template.format].finditer(template.source))
    place = ends[-1].start() if ends else len(template.source)
    source = template.source[:place] + block + template.source[place:]
    text = f"{template.text.rstrip()}\n\n{word}: {link}\n" if template.text.strip() else template.text
    return msgspec.structs.replace(template, source=source, text=text)
