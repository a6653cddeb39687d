"""A mailing always has a way out."""

from __future__ import annotations

import pytest

from syncom.content.compile import compile_content
from syncom.content.model import Dialect, Format, TemplateInput
from syncom.content.unsubscribe import has_unsubscribe_link, with_unsubscribe_link

_MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section></mj-body></mjml>"


@pytest.mark.parametrize(
    ("source", "format_", "dialect"),
    [
        ("<p>Hi</p>", Format.HTML, Dialect.SYNCOM),
        ("<html><body><p>Hi</p></BODY></html>", Format.HTML, Dialect.SYNCOM),
        (_MJML, Format.MJML, Dialect.SYNCOM),
        ("<html><body><p>Hi %FIRSTNAME|%</p></body></html>", Format.HTML, Dialect.VELOCITY),
        (_MJML, Format.MJML, Dialect.VELOCITY),
    ],
)
def test_a_mail_without_an_unsubscribe_link_gets_one_at_its_end(source: str, format_: Format, dialect: Dialect) -> None:
    template = TemplateInput(
        name="x", subject="x", source=source, format=format_, dialect=dialect, language="uk-UA", text="Hi"
    )
    assert not has_unsubscribe_link(compile_content(template, ()))
    mended = with_unsubscribe_link(template)
    compiled = compile_content(mended, ())
    assert has_unsubscribe_link(compiled)
    assert "Відписатися" in compiled.html
    assert compiled.html.index("Hi") < compiled.html.index("Відписатися")
    assert "Відписатися" in compiled.text


@pytest.mark.parametrize(
    ("source", "dialect"),
    [
        ('<a href="{{ unsubscribe_url }}">Bye</a>', Dialect.SYNCOM),
        ('<a href="https://esputnik.com/unsubscribe">Bye</a>', Dialect.VELOCITY),
        ('<a href="https://yespo.io/unsubscribe">Bye</a>', Dialect.VELOCITY),
    ],
)
def test_a_link_of_the_authors_own_is_found(source: str, dialect: Dialect) -> None:
    template = TemplateInput(name="x", subject="x", source=source, dialect=dialect)
    assert has_unsubscribe_link(compile_content(template, ()))
