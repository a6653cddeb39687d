"""Long lines are broken where nobody sees it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncom.content.compile import compile_content
from syncom.content.lines import short_html_lines, short_text_lines
from syncom.content.model import TemplateInput

_pieces = st.sampled_from(
    [
        "word ",
        "слово ",
        "{{ first_name }} ",
        '<a href="https://shop.example/a b?x=1&y=2" title="a  >  b">',
        "</a>",
        "<td>",
        "</td>",
        "<br/>",
        "<img src='x y.png' alt='a b'/>",
        "<!-- a comment that stays -->",
        "<!--[if mso]><table><tr><td><![endif]-->",
        "<pre>kept  as\n it is ",
        "</pre>",
        "<style>a { color: red } b { margin: 0 }</style>",
        "\n",
        "x" * 90,
    ]
)


def _seen(html: str) -> str:
    """What a line break may not change: all but the kind of white space outside of pre, before `>`, after a rule."""
    return re.sub(r"\s+", " ", re.sub(r"\n(/?>)", r"\1", re.sub(r"\}\s+", "}", html)))


@settings(max_examples=200)
@given(st.lists(_pieces, max_size=200))
def test_html_looks_the_same_with_short_lines(pieces: list[str]) -> None:
    html = "".join(pieces)
    short = short_html_lines(html)
    assert _seen(short) == _seen(html)
    for kept in re.findall(r"<pre>.*?</pre>", html, flags=re.DOTALL):
        if "<" not in kept[5:-6]:
            assert kept in short


def test_a_mail_in_one_line_needs_no_quoted_printable() -> None:
    words = "Some words of a letter that an editor wrote in one line. " * 60
    mail = TemplateInput(name="n", subject="s", source=f"<html><body><p>{words}</p><p>{words}</p></body></html>")
    compiled = compile_content(mail, ())
    for text in (compiled.html, compiled.text):
        assert max(len(line.encode()) for line in text.split("\n")) <= 500
        assert re.sub(r"\s+", " ", text).count("wrote in one line. Some words") >= 59


@pytest.mark.parametrize("tag", ["pre", "textarea"])
def test_what_is_shown_as_written_stays_as_written(tag: str) -> None:
    kept = "a b " * 300
    assert kept in short_html_lines(f"<div><{tag}>{kept}</{tag}></div>")


def test_a_template_tag_is_never_broken() -> None:
    tag = '{{ first_name|default("a friend of the house, who is always welcome here", true) }}'
    assert short_html_lines(f"<p>{tag * 20}</p>").count(tag) == 20
    assert short_text_lines(f"{tag} " * 20).count(tag) == 20
