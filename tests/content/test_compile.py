"""What the compiler makes of sources: golden cases, and refusals that name the place."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from syncom.content.compile import compile_content
from syncom.content.model import CompiledContent, Format, TemplateInput
from syncom.errors import Invalid


def compiled(source: str, *, known: tuple[str, ...] = (), **more: Any) -> CompiledContent:
    values: dict[str, Any] = {"name": "Autumn", "subject": "Hello", "source": source, **more}
    return compile_content(TemplateInput(**values), known)


def body(content: CompiledContent) -> str:
    inside = content.html.partition("<body>\n")[2]
    return inside.partition("\n{{@trap}}{{@open}}")[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>%FIRSTNAME|friend%</p>", '<p>{{ first_name|default("friend") }}</p>'),
        ("<p>%FIRSTNAME%, %TOWN|%, %COUNTY%</p>", '<p>{{ first_name }}, {{ city|default("") }}, {{ region }}</p>'),
        ("<p>%PERSONAL.BIRTHDAY|soon%</p>", '<p>{{ birthday|default("soon") }}</p>'),
        ("<p>%EVENT.NY_SALE%</p>", "<p>{{ ny_sale }}</p>"),
        ("<p>%MESSAGENAME%</p>", '<p>{{ "Autumn" }}</p>'),
        ("<p>%FIRSTNAME|друже «№1»%</p>", '<p>{{ first_name|default("друже «№1»") }}</p>'),
        ('<td width="100%" height="50%">50%OFF and 20%</td>', '<td width="100%" height="50%">50%OFF and 20%</td>'),
        ('<p style="width:100%;max-width:50%">x</p>', '<p style="width:100%;max-width:50%">x</p>'),
        ('<a data-track="off" href="https://x.example/%D0%BF%D1%80">x</a>',) * 2,
        ('<a href="https://esputnik.com/unsubscribe">x</a>', '<a href="{{ unsubscribe_url }}">x</a>'),
        ('<a href="https://esputnik.com/viewInBrowser">x</a>', '<a href="{{ view_url }}">x</a>'),
        ("%VIEW_URL%", "{{ view_url }}"),
    ],
)
def test_merge_tags_of_esputnik_are_translated_and_other_per_cent_signs_stay(source: str, expected: str) -> None:
    assert body(compiled(source, known=("birthday", "ny_sale"))) == expected


def test_percent_encoded_addresses_are_not_merge_tags() -> None:
    target = "https://x.example/?q=%D0%BFABC%20%D1%80"
    assert compiled(f'<a href="{target}">x</a>').links == (target,)


def test_loops_between_table_rows_and_twofold_attributes_stay_where_they_are() -> None:
    source = (
        '<table class="t">{% for item in items %}<tr {% if loop.first %}class="a"{% else %}class="b"{% endif %}>'
        "<td>{{ item.name }}</td></tr>{% endfor %}</table>"
    )
    content = compiled("<style>.t{color:red}</style>" + source)
    assert source.replace('class="t"', 'style="color: red;" class="t"') in content.html


def test_conditional_comments_stay_and_their_buttons_are_tracked() -> None:
    source = (
        '<!--[if mso]><v:roundrect href="https://x.example/b" arcsize="8%"><![endif]-->'
        '<!--[if !mso]><!--><a href="https://x.example/b">Buy</a><!--<![endif]-->'
        '<![if !mso]><p>x</p><![endif]><!-- a note, <a href="https://x.example/no"> -->'
    )
    content = compiled("<style>p{margin:0}</style>" + source)
    expected = (
        source.replace("https://x.example/b", "{{@click 0}}", 1)
        .replace("https://x.example/b", "{{@click 1}}", 1)
        .replace("<p>", '<p style="margin: 0;">')
    )
    assert expected in content.html
    assert content.links == ("https://x.example/b", "https://x.example/b")


def test_rules_are_inlined_and_what_cannot_be_stays_in_the_style_element() -> None:
    content = compiled(
        "<style>.b{color:red}.b:hover{color:blue}@media(max-width:600px){#id{width:100%}.b{color:green}}</style>"
        '<p class="b" style="margin:0;{{ extra|default(\'\') }}">x</p>'
    )
    assert """style="color: red;margin:0;{{ extra|default('') }}\"""" in content.html
    assert ".b:hover { color: blue; }" in content.html
    assert "@media(max-width:600px){#id{width:100%}.b{color:green}}" in content.html


def test_a_style_element_with_merge_fields_is_left_alone() -> None:
    style = "<style>p{color:{{ color|default('red') }}}</style>"
    assert style in compiled(f"{style}<p>x</p>").html


def test_no_style_sheet_is_loaded_from_a_file_or_the_network() -> None:
    source = '<link rel="stylesheet" href="file:///etc/passwd"><link rel="stylesheet" href="http://127.0.0.1:9/x.css">'
    content = compiled(f"{source}<style>@import url(/etc/passwd);p{{margin:0}}</style><p>x</p>")
    assert "root:" not in content.html


def test_each_link_has_its_number_and_its_target() -> None:
    content = compiled(
        "<a href=\"https://x.example/?a=1&amp;b=2\">1</a><a href='HTTP://x.example/й'>2</a><a href=https://x.example>3</a>"
        '<a href="mailto:a@x.example">4</a><a href="tel:1">5</a><a href="#top">6</a>'
        '<a href="{{ unsubscribe_url }}">7</a><a href="https://x.example/off" data-track="off">8</a>'
        '<a href="https://x.example/?n={{ first_name }}">9</a><a href="https://x.example/?a=1&amp;b=2">10</a>'
    )
    same = "https://x.example/?a=1&b=2"
    assert content.links == (same, "http://x.example/%D0%B9", "https://x.example", "", same)
    assert 'href="{{@link 3}}https://x.example/?n={{ first_name }}{{@endlink}}"' in content.html
    for untouched in ("mailto:a@x.example", "tel:1", "#top", "{{ unsubscribe_url }}", "https://x.example/off"):
        assert f'href="{untouched}"' in content.html


def test_a_bare_attribute_value_with_a_merge_field_gets_quotes() -> None:
    assert '<p title="{{ city }}">' in compiled("<p title={{ city }}>x</p>").html


def test_the_preheader_is_hidden_text_at_the_beginning_of_the_body() -> None:
    content = compiled("<html><body bgcolor=red><p>x</p></body></html>", preheader="News & {{ city }}")
    assert content.html.partition("<body bgcolor=red>")[2].startswith('<div style="display:none')
    assert "News &amp; {{ city }}" in content.html
    assert "News" not in content.text


def test_pixel_and_honeypot_stand_before_the_end_of_the_body() -> None:
    assert compiled("<html><body>x</BODY></html>").html.endswith("x{{@trap}}{{@open}}</BODY></html>")


def test_plain_text_is_made_from_the_html() -> None:
    content = compiled(
        "<html><head><title>T</title><style>p{margin:0}</style></head><body><h1>Знижки 🎉</h1>"
        '<p>Hello,   {{ first_name }}!<br>See&nbsp;<a href="https://x.example/a"><b>the</b> shop</a>.</p>'
        "<ul><li>one</li><li>two<ol><li>deep</li></ol></li></ul>"
        "<table><tr><th>Item</th><th>Price</th></tr>{% for i in items %}<tr><td>{{ i.name }}</td><td>5 &lt; 6</td></tr>"
        '{% endfor %}</table><div style="display: none">hidden</div><!--[if mso]><p>Outlook</p><![endif]-->'
        '<p><a href="https://x.example/a">x.example/a</a> <a href="mailto:a@x.example">a@x.example</a></p>'
        '<a href="https://x.example/i"><img src="i.png" alt="Banner"></a></body></html>'
    )
    assert content.text == (
        "Знижки 🎉\n\nHello, {{ first_name }}!\nSee the shop ({{@click 0}}).\n\n- one\n- two\n  1. deep\n\n"
        "Item Price\n{% for i in items %}{{ i.name }} 5 < 6\n{% endfor %}\n{{@click 1}} a@x.example\n\n"
        "Banner ({{@click 2}})\n"
    )


def test_addresses_in_a_written_text_part_are_tracked_too() -> None:
    content = compiled(
        '<a href="https://x.example/a">x</a>',
        text="See https://x.example/a, https://x.example/b. "
        "Or https://x.example/?n={{ first_name }} {{ unsubscribe_url }}",
    )
    assert content.text == (
        "See {{@click 0}}, {{@click 1}}. Or {{@link 2}}https://x.example/?n={{ first_name }}{{@endlink}} "
        "{{ unsubscribe_url }}"
    )


def test_mjml_becomes_html_with_its_merge_fields() -> None:
    content = compiled(
        "<mjml><mj-body><mj-section><mj-column>"
        '{% if vip == "yes" %}<mj-text>Hi {{ first_name|default("you") }}</mj-text>'
        "{% endif %}<mj-button href=\"https://x.example/?c={{ city|default('a') }}\">Go</mj-button>"
        "</mj-column></mj-section></mj-body></mjml>",
        format=Format.MJML,
        known=("vip",),
    )
    assert 'Hi {{ first_name|default("you") }}</div>' in content.html
    assert "{{@link 0}}https://x.example/?c={{ city|default('a') }}{{@endlink}}" in content.html
    assert "fonts.googleapis" not in content.html
    assert content.fields == ("city", "first_name", "vip")


@pytest.mark.parametrize("path", ["http://127.0.0.1:9/x.mjml", "/etc/passwd", "file:///etc/passwd"])
def test_mjml_includes_nothing(path: str) -> None:
    with pytest.raises(Invalid, match="mj-include"):
        compiled(f'<mjml><mj-body><mj-include path="{path}" /></mj-body></mjml>', format=Format.MJML)


def test_names_are_sorted_into_fields_and_parameters() -> None:
    content = compiled("{{ city }}{{ vip }}{{ order.total }}{{ params.x }}{{ unsubscribe_url }}", known=("vip",))
    assert (content.fields, content.params) == (("city", "vip"), ("order",))


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"subject": "Hi {{ first_name"}, "subject", "line 1: {{ is never closed"),
        ({"source": "<p>\n\n{% if x %}</p>"}, "html", "line 3: {% if %} is never closed"),
        ({"text": "a\n{{ x|nope }}"}, "text", "line 2: the filter nope is not known"),
        ({"preheader": "{{ }}"}, "preheader", "the tag ends too early"),
        ({"source": "{{ a.b() }}"}, "html", "a.b cannot be called"),
        ({"source": "{% endfor %}"}, "html", "no {% for %} before it"),
        ({"source": "{% for a in b %}{% endif %}"}, "html", "{% for %} is still open"),
        ({"source": "{% include 'x' %}"}, "html", "{% include %} is not known"),
        ({"source": "{{@open}}"}, "html", "is not a merge field"),
        ({"source": " "}, "source", "is empty"),
        ({"source": "x" * 1_000_001}, "source", "is larger than 1,000,000"),
        ({"text": "x" * 1_000_001}, "text", "is larger than 1,000,000"),
        ({"source": "a\0b"}, "source", "control characters"),
        ({"subject": "a\r\nBcc: all@x.example"}, "subject", "one line"),
        ({"subject": "x" * 1_001}, "subject", "is longer"),
        ({"name": ""}, "name", "1 to 200"),
        ({"source": "<html>x</html>"}, "html", "no <body>"),
        ({"source": "<div>" * 300}, "html", "nested deeper"),
        ({"source": "not mjml", "format": Format.MJML}, "html", "MJML"),
    ],
)
def test_what_is_wrong_is_named_with_its_part_and_line(change: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        compiled(**{"source": "<p>x</p>", **change})
    assert caught.value.fields[0].field == field
    assert reason in caught.value.fields[0].reason


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize(
    "inside",
    [
        "<" * 200_000, "<!--[if" * 20_000, "<a b='" * 20_000, "<a " + "b " * 100_000 + ">", '<a href="' * 20_000,
        "<p>" * 30_000, "<b>" * 1_000, "<style>" * 20_000, "</p>" * 50_000, "<table>" * 1_000, "{{" * 100_000,
        "{{ '" * 50_000, "{% " * 100_000, "%A" * 100_000, "{{ " + "(" * 4_000 + " }}", "{{ " + "-" * 9_000 + "1 }}",
        "{{ a" + ".b" * 4_000 + " }}", "{% if a %}" * 1_000, "{{ a }}" * 6_000, "&" * 200_000,
        "<style>" + ".a .b{color:red}" * 5_000 + "</style>" + "<p class=a>" * 2_000, "<![if" * 20_000, "<a>" * 30_000,
    ],
)  # fmt: skip
def test_endless_sources_are_read_or_refused_and_never_end_the_process(inside: str, form: Format) -> None:
    source = inside
    if form is Format.MJML:
        column = f"<mj-column><mj-text>{inside}</mj-text></mj-column>"
        source = f"<mjml><mj-body><mj-section>{column}</mj-section></mj-body></mjml>"
    # Too much may be refused; anything else that is raised fails.
    with suppress(Invalid):
        compiled(source, format=form)
