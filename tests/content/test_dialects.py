"""Templates in the language of eSputnik, and in none: compiled once, links tracked, a text made, as with our own."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncom.contacts.model import Channel
from syncom.content.check import check_content
from syncom.content.compile import compile_content
from syncom.content.model import CompiledContent, Dialect, Format, RenderError, TemplateInput
from syncom.content.render import Renderer, TextRenderer, render_preview
from syncom.content.velocity.model import Lines, Rules, Truth
from syncom.errors import Invalid
from syncom.security import Keyring
from syncom.tokens import MessageTokens

TOKENS = MessageTokens(Keyring(b"k" * 32))
MESSAGE = UUID(int=77)
WHO = (1, 2, 3, MESSAGE)
BASE = "https://mail.example"
KNOWN = ("vip", "shop_town", "birthday")


def compiled(source: str, **more: Any) -> CompiledContent:
    rules = more.pop("rules", None)
    track_links = more.pop("track_links", True)
    given = {"name": "Letter", "subject": "Hello", "dialect": Dialect.VELOCITY} | more
    return compile_content(TemplateInput(source=source, **given), KNOWN, rules=rules, track_links=track_links)


def body(html: str) -> str:
    return html.partition("<body>\n")[2].partition("\n</body>")[0]


def shown(source: str, params: dict[str, Any] | None = None, **fields: Any) -> str:
    return body(render_preview(compiled(source), fields, params or {}).html)


def text_of(source: str, params: dict[str, Any] | None = None, **fields: Any) -> str:
    return render_preview(compiled(source), fields, params or {}).text


def sent(content: CompiledContent, params: dict[str, Any] | None = None, **fields: Any) -> Any:
    return Renderer(content, base_url=BASE, tokens=TOKENS).render(*WHO, fields, params or {})


def targets(html: str) -> list[tuple[int, str]]:
    """Number and target of each personal link in a mail."""
    found: list[tuple[int, str]] = []
    for token in re.findall(r"/t/r/[^/]+/([\w-]+)", html):
        opened = TOKENS.read_redirect(token, MESSAGE)
        assert opened is not None
        found.append(opened)
    return found


def kinds(content: CompiledContent) -> set[str]:
    return {finding.kind for finding in check_content(content, KNOWN)}


# --- values


def test_what_came_with_the_message_is_in_data_and_at_the_top() -> None:
    params = {"discount": "5%", "items": [{"name": "Lamp"}], "data": "own"}
    source = "$data.get('discount') $discount $items[0].name $!data.get('items').get(0).get('name') $data.get('data')"
    assert shown(source, params) == "5% 5% Lamp Lamp own"


def test_a_variable_of_the_template_wins_over_what_came() -> None:
    assert shown("#set($discount='7%')$discount $data.discount", {"discount": "5%"}) == "7% 5%"


def test_merge_tags_work_in_text_and_inside_of_tags() -> None:
    source = (
        "%FIRSTNAME|friend% %LASTNAME% %SHOP.TOWN|none% %EVENT.CODE|no code% %MESSAGENAME% %GROUP.NAME|all%"
        "#set($var='%FIRSTNAME|% %LASTNAME|%') $var #if('%FIRSTNAME%' == '')nobody#{else}somebody#end"
    )
    assert shown(source, {"CODE": "X-1"}, first_name="Olena", last_name="B", shop_town="Lviv") == (
        "Olena B Lviv X-1 Letter all Olena B somebody"
    )
    assert shown(source) == "friend  none no code Letter all   nobody"


def test_the_fallback_of_a_merge_tag_is_read_like_the_rest() -> None:
    source = "%FIRSTNAME|$!data.get('name')% %LASTNAME|#if($vip)VIP#{else}friend#end%"
    assert shown(source, {"name": "Ann", "vip": True}) == "Ann VIP"
    assert shown(source, {"name": "Ann"}, first_name="$name", last_name="#end") == "$name #end"


def test_the_contacts_fields_are_members_of_data_by_the_vendors_names() -> None:
    source = "$!data.get('FIRSTNAME')/$data.TOWN/$!data.get('VIP')/$!data.get('LASTNAME')#if($data.get('SMS'))sms#end"
    content = compiled(source)
    assert content.fields == ("city", "first_name", "last_name", "phone", "vip")
    html = render_preview(content, {"first_name": "O<", "city": "Lviv", "vip": True, "phone": ""}, {}).html
    assert body(html) == "O&lt;/Lviv/true/"
    assert shown("$data.get('FIRSTNAME')", {"FIRSTNAME": "from the caller"}, first_name="Olena") == "from the caller"


def test_values_of_the_caller_are_printed_raw_and_those_of_the_contact_escaped() -> None:
    source = "$data.html %FIRSTNAME% #set($x=\"<i>%FIRSTNAME%</i>$data.html\")$x <a title='%FIRSTNAME%'>a</a>"
    html = shown(source, {"html": "<b>Lamp</b>"}, first_name="'><script>")
    safe = "&#x27;&gt;&lt;script&gt;"
    assert html == f"<b>Lamp</b> {safe} <i>{safe}</i><b>Lamp</b> <a title='{safe}'>a</a>"


def test_a_value_of_the_contact_is_never_read_as_a_tag() -> None:
    assert shown("%FIRSTNAME% $data.get('FIRSTNAME')", first_name="#end $data {{ x }}") == (
        "#end $data {{ x }} #end $data {{ x }}"
    )


def test_tags_of_our_own_language_are_text_here() -> None:
    assert shown("{{ first_name }} {% if x %} {# y #} {{@click 3}} {{", first_name="Olena") == (
        "{{ first_name }} {% if x %} {# y #} {{@click 3}} {{"
    )


def test_a_part_does_not_see_what_another_one_set_or_changed() -> None:
    content = compiled(
        "#set($n='set')$!data.put('k', 'put')$!l.add('x')$l.size() $n",
        subject="$!n$!data.put('k','v')$l.size()",
        text="$!n $!data.k $l.size()",
    )
    params: dict[str, Any] = {"l": ["a"]}
    made = render_preview(content, {}, params)
    assert (made.subject, body(made.html), made.text.strip()) == ("1", "true2 set", "1")
    assert params == {"l": ["a"]}


def test_colours_prices_and_style_sheets_are_no_tags() -> None:
    html = shown("<style>#main{color:#ff0000}</style><p id=main>5$ #5 #sale 100%</p>")
    assert html.endswith('<p style="color: #ff0000;" id=main>5$ #5 #sale 100%</p>')


# --- links


def test_a_link_that_is_the_same_for_all_is_tracked_by_its_number() -> None:
    content = compiled('<a href="https://shop.example/?a=1&amp;b=2">x</a>#if($v)<a href="https://b.example/">y</a>#end')
    assert content.links == ("https://shop.example/?a=1&b=2", "https://b.example/")
    html = sent(content).html
    assert "/0" in html
    assert "https://shop.example" not in html
    assert "/t/o/" in html
    assert "/65535" in html


def test_a_link_with_references_leads_to_each_ones_own_target() -> None:
    source = (
        "#foreach($i in $items)<a href=\"https://shop.example/$i.id?u=$!data.get('u')&amp;n=%FIRSTNAME%\">$i.id</a>#end"
        '<a href="$link">mine</a><a href="#if($vip)https://vip.example/#{else}https://b.example/?x=%TOWN%#end">c</a>'
    )
    params = {"items": [{"id": 1}, {"id": "ї 2"}], "u": "a b", "link": "https://l.example/?copy=1&copy=2"}
    mail = sent(compiled(source), params, first_name="A&b=c #", city="Lviv/2")
    assert targets(mail.html) == [
        (0, "https://shop.example/1?u=a%20b&n=A%26b%3Dc%20%23"),
        (0, "https://shop.example/%D1%97%202?u=a%20b&n=A%26b%3Dc%20%23"),
        (1, "https://l.example/?copy=1&copy=2"),
        (2, "https://b.example/?x=Lviv%2F2"),
    ]
    assert targets(mail.text) == targets(mail.html)


def test_markup_of_the_caller_in_an_address_is_read_as_a_browser_reads_it() -> None:
    mail = sent(compiled('<a href="$u">x</a>'), {"u": "https://x.example/?a=1&amp;b=2&copy=3"})
    assert targets(mail.html) == [(0, "https://x.example/?a=1&b=2&copy=3")]


def test_an_address_from_a_variable_keeps_the_contacts_words_apart() -> None:
    source = '#set($u="https://x.example/?n=%FIRSTNAME%&amp;b=2")<a href="$u">x</a>'
    assert targets(sent(compiled(source), first_name="a&b").html) == [(0, "https://x.example/?n=a%26b&b=2")]


@pytest.mark.parametrize("value", ["", "mailto:a@b.example", "tel:+380", "#top", "/relative"])
def test_what_is_no_web_address_is_not_tracked_and_stops_no_mail(value: str) -> None:
    mail = sent(compiled('<a href="$!data.link">x</a>'), {"link": value})
    assert f'<a href="{value}">x</a>' in mail.html
    assert targets(mail.html) == []


@pytest.mark.parametrize("value", ["javascript:alert(1)", " JavaScript:x", "data:text/html,x", "vbscript:x"])
def test_a_script_for_an_address_is_refused(value: str) -> None:
    with pytest.raises(RenderError, match="does not lead to a web address"):
        sent(compiled('<a href="$link">x</a>'), {"link": value})


def test_an_untracked_address_is_written_out_with_the_contacts_words_encoded() -> None:
    source = (
        '<img src="https://i.example/?n=%FIRSTNAME%&amp;v=$v" alt="a"><a href="https://x.example/?n=%FIRSTNAME%">x</a>'
    )
    mail = sent(compiled(source, track_links=False), {"v": "1"}, first_name="a b&c")
    assert 'src="https://i.example/?n=a%20b%26c&amp;v=1"' in mail.html
    assert 'href="https://x.example/?n=a%20b%26c"' in mail.html


def test_a_link_whose_blocks_do_not_close_in_it_is_left_alone() -> None:
    source = '<a href=#if($v)"https://a.example/"#else"https://b.example/"#end>x</a>'
    assert 'href="https://b.example/"' in sent(compiled(source)).html


@pytest.mark.parametrize("host", ["esputnik.com", "yespo.io", "www.esputnik.com"])
@pytest.mark.parametrize("dialect", Dialect)
def test_the_vendors_special_links_lead_to_the_messages_own_pages(host: str, dialect: Dialect) -> None:
    source = (
        f'<a id="unsubscribe" href="https://{host}/unsubscribe">bye</a> <a href="http://{host}/viewInBrowser">view</a>'
    )
    content = compiled(source, dialect=dialect)
    mail = sent(content)
    assert content.is_viewable
    assert content.links == ()
    assert f'href="{mail.unsubscribe_url}"' in mail.html
    assert f'href="{BASE}/t/v/' in mail.html
    assert mail.unsubscribe_url in mail.text
    assert "no_unsubscribe_link" not in kinds(content)


def test_the_special_addresses_work_in_a_written_text_part() -> None:
    content = compiled(
        "<p>x</p>", text="Bye: https://esputnik.com/unsubscribe. https://esputnik.com/unsubscribe-policy"
    )
    mail = sent(content)
    assert mail.text.startswith(f"Bye: {mail.unsubscribe_url}. {BASE}/t/c/")
    assert content.links == ("https://esputnik.com/unsubscribe-policy",)


# --- the text part


def test_the_text_part_follows_the_conditions_of_the_html() -> None:
    source = (
        '<div style="display:none">#set($who="you")</div><!--#foreach($i in $items)--><p>$i.name '
        "#if($i.old)<s>$i.old</s>#else<b>new</b>#end</p>"
        "<!--#end--><!-- a note #if($x) with a tag -->Inside<!-- #end -->"
        "<p #if($y)class=a#end>For $who</p><style>#[[p{}]]#</style>"
    )
    text = text_of(source, {"items": [{"name": "Lamp", "old": 5}, {"name": "<b>Desk</b>"}], "x": True})
    assert re.sub(r"\s+", " ", text).strip() == "Lamp 5 Desk new Inside For you"


def test_markup_in_values_is_left_out_of_a_text_made_from_the_html_only() -> None:
    params = {"html": "<p>One</p><p>Two &amp; three</p>"}
    assert text_of("$html", params) == "One\nTwo & three\n\n"
    content = compiled("<p>x</p>", text="$html")
    assert render_preview(content, {}, params).text == params["html"]


def test_what_only_outlook_shows_keeps_its_conditions() -> None:
    source = (
        "<!--[if mso]><table><tr><td><![endif]--><!--#foreach($i in $items)--><div>$i</div>"
        "<!--#if($foreach.hasNext)--><!--[if mso]></td><td>$i<![endif]--><!--#end--><!--#end-->"
        '<!--[if mso]></td></tr></table><![endif]--><a href="$!link">more</a>'
    )
    assert text_of(source, {"items": ["A", "B"]}) == "A\nB\nmore\n"
    html = shown(source, {"items": ["A", "B"]})
    assert "<div>A</div><!----><!--[if mso]></td><td>A<![endif]--><!----><!----><div>B</div>" in html


def test_directives_work_in_comments_and_leave_empty_ones_behind() -> None:
    source = "<!--#if($x)-->A<!--#else-->B<!--#end--><!-- kept -->"
    assert shown(source) == "<!---->B<!----><!-- kept -->"
    assert text_of(source) == "B\n"


def test_directives_between_table_rows_stay_where_they_are() -> None:
    source = "<table>#foreach($i in $items)<tr><td>$i</td></tr>#end</table>"
    assert shown(source, {"items": [1, 2]}) == "<table><tr><td>1</td></tr><tr><td>2</td></tr></table>"


def test_a_macro_serves_the_html_and_the_text() -> None:
    source = "#macro(row $n)<p>* $n</p>#end#foreach($i in [1..2])#row($i)#end#unknown(1)"
    assert shown(source) == "<p>* 1</p><p>* 2</p>#unknown(1)"
    assert text_of(source).split() == ["*", "1", "*", "2", "#unknown(1)"]


def test_a_preheader_and_a_subject_are_templates_too() -> None:
    content = compiled("<p>x</p>", subject="№$!data.get('n') %FIRSTNAME|&% $html", preheader="<For> %FIRSTNAME%")
    made = render_preview(content, {"first_name": "O'N"}, {"n": 5, "html": "<b>"})
    assert made.subject == "№5 O'N <b>"
    assert "&lt;For&gt; O&#x27;N" in made.html


def test_mjml_holds_velocity_in_its_texts_and_links() -> None:
    source = (
        '<mjml><mj-body><mj-section><mj-column><mj-text>Hello %FIRSTNAME% #if($v == "1")one#end</mj-text>'
        '<mj-button href="https://x.example/$v">Go</mj-button></mj-column></mj-section></mj-body></mjml>'
    )
    mail = sent(compiled(source, format=Format.MJML), {"v": "1"}, first_name="Olena")
    assert "Hello Olena one" in mail.html
    assert (0, "https://x.example/1") in targets(mail.html)


# --- errors


@pytest.mark.parametrize(
    ("part", "text", "reason"),
    [
        ("source", "<p>\n#if($x)</p>", "html: line 2: #if is never closed; add #end"),
        ("source", "x\n\n#parse('y')", "html: line 3: #parse is not supported; paste the text"),
        ("subject", "$data.get('x", "subject: line 1: a quotation mark is never closed"),
        ("text", "a #end", "text: line 1: #end stands outside of a block"),
        ("preheader", "${x", "preheader: line 1: ${ is never closed; add }"),
    ],
)
def test_a_mistake_is_told_when_the_template_is_saved(part: str, text: str, reason: str) -> None:
    with pytest.raises(Invalid) as caught:
        compiled(**({"source": "<p>x</p>"} | {part: text}))
    assert str(caught.value) == reason


@pytest.mark.timeout(20)
@pytest.mark.parametrize("dialect", [Dialect.VELOCITY, Dialect.PLAIN])
def test_braces_without_end_are_refused_at_once(dialect: Dialect) -> None:
    with pytest.raises(Invalid, match="two braces"):
        compiled("{{" * 400_000, dialect=dialect)


def test_a_template_that_fails_for_a_recipient_says_where() -> None:
    content = compiled("<p>\n$items[5].name</p>")
    with pytest.raises(RenderError, match=r"html: line 2: there is no item 5 in a list of 1"):
        sent(content, {"items": [1]})


def test_a_bomb_is_an_error_and_no_half_mail() -> None:
    with pytest.raises(RenderError, match="does too much"):
        sent(compiled("#foreach($i in [1..9999])#foreach($j in [1..9999])x#end#end"))


def test_a_subject_of_two_lines_is_refused() -> None:
    with pytest.raises(RenderError, match="line break"):
        sent(compiled("<p>x</p>", subject="$v"), {"v": "a\r\nBcc: b@c.example"})


# --- rules


def test_the_rules_of_the_account_are_compiled_in() -> None:
    source = "<i>x</i>\n  #if($v)\nfull\n  #end\nend"
    one, two = compiled(source), compiled(source, rules=Rules(truth=Truth.VELOCITY_2, lines=Lines.VELOCITY_2))
    assert body(render_preview(one, {}, {"v": ""}).html) == "<i>x</i>\n  full\n  end"
    assert body(render_preview(two, {}, {"v": ""}).html) == "<i>x</i>\nend"


# --- no personalisation


def test_a_plain_template_goes_as_it_is() -> None:
    source = "%FIRSTNAME|x% $data.get('x') #if($x) {{ y }} ##"
    content = compiled(source, dialect=Dialect.PLAIN, subject="%FIRSTNAME% $x #end {{ y }}")
    mail = sent(content, {"x": 1, "y": 2}, first_name="Olena")
    assert mail.subject == "%FIRSTNAME% $x #end {{ y }}"
    assert source in mail.html
    assert mail.text == source + "\n"
    assert content.fields == ()
    assert content.params == ()


def test_links_of_a_plain_template_are_tracked() -> None:
    content = compiled('<a href="https://x.example/?n=%FIRSTNAME%">x</a>', dialect=Dialect.PLAIN)
    assert content.links == ("https://x.example/?n=%FIRSTNAME%",)
    assert "/t/c/" in sent(content).html


# --- texts for phones


def test_a_text_for_phones_speaks_velocity_too() -> None:
    source = "Order ${orderId}: $!{sum} UAH, %FIRSTNAME|friend%. https://shop.example/o/${orderId}"
    text = TemplateInput(
        name="T", subject="", source=source, channel=Channel.SMS, format=Format.TEXT, dialect=Dialect.VELOCITY
    )
    content = compile_content(text, ())
    made = TextRenderer(content, base_url=BASE, tokens=TOKENS).render(*WHO, {}, {"orderId": 5, "sum": "10.50"})
    assert re.fullmatch(rf"Order 5: 10\.50 UAH, friend\. {BASE}/t/s/[\w-]+", made.text)
    assert made.targets == {0: "https://shop.example/o/5"}


# --- anything

_PIECES = st.sampled_from([
    "<p>", "</p>", '<a href="https://x.example/', '<a href="', '">', "</a>", "<table>", "<tr><td>", "<!--", "-->", "$a",
    "$!b.c", "${d}", "#if($a)", "#else", "#end", "#foreach($i in $l)", "#set($x='%FIRSTNAME%')", "%FIRSTNAME|x%",
    "%LASTNAME%", "#macro(m)", "#m()", "{{ x }}", "{% if %}", "{{", "$", "#", "##", "#*", "*#", "#[[", "]]#", "\\",
    "&amp;", "&#36;", "<style>", "</style>", "a{color:red}", "text ", "\n", '"', "'", "https://y.example/?q=$a ",
    "https://esputnik.com/unsubscribe", "<img src='https://i.example/$a'>", "<body>", "</body>", "mailto:$a", "🎁",
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, min_size=1, max_size=25), st.sampled_from([Dialect.VELOCITY, Dialect.PLAIN]), st.booleans())
@pytest.mark.timeout(300)
def test_any_source_compiles_and_renders_or_says_why_not(pieces: list[str], dialect: Dialect, written: bool) -> None:
    source = "".join(pieces)
    params = {"a": "<&>", "b": {"c": 1.5}, "l": [1, "x"], "d": None}
    try:
        content = compiled(source, dialect=dialect, text=source if written else "")
    except Invalid:
        return
    try:
        mail = sent(content, params, first_name="O'N", last_name="#end")
    except RenderError:
        return
    assert mail.unsubscribe_url.startswith(BASE)


@given(st.text(alphabet="abcї !?.,;:()[]{}%|&=+-*/\\'\"<>\n", min_size=1).filter(str.strip))
def test_a_text_without_tags_goes_through_a_plain_template_as_it_is(text: str) -> None:
    source = re.sub(r"[<>&]", "", text).strip() or "x"
    assert body(render_preview(compiled(source, dialect=Dialect.PLAIN), {}, {}).html) == source
