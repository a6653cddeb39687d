"""One recipient's mail: values, links, limits, and nothing that a template should not reach."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncom.content.compile import compile_content
from syncom.content.model import CompiledContent, RenderError, TemplateInput
from syncom.content.render import Renderer, render_preview
from syncom.content.sandbox import _bare_environment  # pyright: ignore[reportPrivateUsage]
from syncom.errors import Invalid
from syncom.security import Keyring
from syncom.tokens import MessageTokens

TOKENS = MessageTokens(Keyring(b"k" * 32))
MESSAGE = UUID(int=77)
WHO = (1, 2, 3, MESSAGE)
BASE = "https://mail.example"


def compiled(source: str = "<p>x</p>", *, subject: str = "Hello", text: str = "") -> CompiledContent:
    template = TemplateInput(name="T", subject=subject, source=source, text=text)
    return compile_content(template, ("vip", "shop"))


def renderer(content: CompiledContent) -> Renderer:
    return Renderer(content, base_url=BASE + "/", tokens=TOKENS)


def shown(source: str, params: dict[str, Any] | None = None, **fields: Any) -> str:
    html = render_preview(compiled(source), fields, params or {}).html
    return html.partition("<body>\n")[2].partition("\n</body>")[0]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ first_name }}", "O&#x27;N &lt;b&gt;"),
        ("{{ first_name|safe }}", "O'N <b>"),
        ("{{ city }}|{{ city|default('here') }}|{{ city|default(region|upper) }}", "|here|ЛЬВІВ"),
        ("{{ nobody|default('x') }}{% if nobody %}1{% else %}2{% endif %}", "x2"),
        ("{% if vip == 'yes' and not city %}a{% elif vip %}b{% endif %}", "a"),
        ("{% for i in items %}{{ loop.index }}{{ i.name }} {% else %}none{% endfor %}", "1A 2B "),
        ("{% for i in items if i.price > 1 %}{{ i.name }}{% endfor %}", "B"),
        ("{% for k, v in items[0]|items %}{{ k }}={{ v }};{% endfor %}", "name=A;price=1;tag=&lt;;"),
        ("{{ items[1].price * 2 + 1 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 0.1 + 0.2 }} {{ -items[0].price }}", "6 3 3 0.3 -1"),
        ("{{ items|map('name')|join(', ') }} {{ items|sum('price') }} {{ items|length }}", "A, B 3.5 2"),
        ("{{ items|sort(attribute='price')|reverse|first|default('') is string }}", "false"),
        ("{{ params.vip }} {{ vip }}", "yes yes"),
        ("{{ a_list }} {{ flag }} {{ half }} {{ whole }}", "a, b true 2.5 12"),
        (
            "{% set n = 2 %}{{ n * 3 }}{% set b %}<i>{{ first_name }}</i>{% endset %}{{ b }}",
            "6<i>O&#x27;N &lt;b&gt;</i>",
        ),
        ("a {{- ' b ' -}} c{# {{ no }} #}", "a b c"),
        ("{{ '{{' }} {{ \"}}\" }}", "{{ }}"),
        ("{{ 'x' in 'xyz' }} {{ 1 in [1, 2] }} {{ 2 not in [1] }}", "true true true"),
        ("{{ region|lower|truncate(3) }} {{ ' x '|trim }} {{ 'a-b'|replace('-', '+') }}", "ль… x a+b"),
        ("{{ '3,5'|float|round }} {{ '7'|int + 1 }} {{ 2.345|round(2) }}", "4 8 2.35"),
        ("{{ 'б/&'|urlencode }}", "%D0%B1%2F%26"),
        ("{{ first_name if city else 'nobody' }}", "nobody"),
        ("{{ vip|e|e }}", "yes"),
        ("{{ відома|default('так') }}", "так"),
    ],
)
def test_values_are_printed(source: str, expected: str) -> None:
    params = {
        "items": [{"name": "A", "price": 1, "tag": "<"}, {"name": "B", "price": 2.5}],
        "vip": "yes", "a_list": ["a", "b"], "flag": True, "half": 2.5, "whole": 12.0,
    }  # fmt: skip
    assert shown(source, params, first_name="O'N <b>", city="", region="Львів", vip="no") == expected


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("{{ nobody }}", "nobody"),
        ("{{ order.items.name }}", "order.items.name"),
        ("{{ nobody|upper }}", "nobody"),
        ("{{ 'a' ~ nobody }}", "nobody"),
        ("{% for i in nobody %}{% endfor %}", "nobody"),
        ("{% for i in [1] %}{{ i.x }}{% endfor %}", "i.x"),
        ('<a href="https://x.example/{{ nobody }}">x</a>', "nobody"),
        ("{{ params.nobody }}", "params.nobody"),
        ("{{ order }}", "order"),
        ("{{ nobody or other }}", "nobody or other"),
    ],
)
def test_a_missing_value_is_an_error_that_names_it(source: str, field: str) -> None:
    with pytest.raises(RenderError) as caught:
        renderer(compiled(source)).render(*WHO, {}, {"order": {"id": 5}})
    assert caught.value.fields[0].field == field


def test_known_fields_without_a_value_print_as_nothing() -> None:
    rendered = renderer(compiled("<p>[{{ city }}{{ vip }}]</p>")).render(*WHO, {}, {"city": None})
    assert "<p>[]</p>" in rendered.html


def test_subject_and_text_are_not_escaped() -> None:
    content = compiled("<p>{{ first_name }}</p>", subject="For {{ first_name }} 🎉")
    rendered = renderer(content).render(*WHO, {"first_name": "A & B <c>"})
    assert rendered.subject == "For A & B <c> 🎉"
    assert rendered.text == "A & B <c>\n"
    assert "<p>A &amp; B &lt;c&gt;</p>" in rendered.html


@pytest.mark.parametrize("value", ["a\r\nBcc: all@x.example", "a\nb", "a\rb", "a\0b", "a\u2028b", "a\x0bb"])
def test_a_value_that_breaks_the_subject_is_refused(value: str) -> None:
    content = compiled(subject="Hi {{ first_name }}")
    for render in (renderer(content).render, renderer(content).render_with_engine):
        with pytest.raises(RenderError) as caught:
            render(*WHO, {"first_name": value})
        assert caught.value.fields[0].field == "subject"


def test_links_pixel_honeypot_and_unsubscribe_carry_tokens_of_this_message() -> None:
    content = compiled(
        '<a href="https://x.example/a">1</a> <a href="https://x.example/?n={{ first_name }}&amp;c={{ city }}">2</a> '
        '<a href="{{ shop }}">3</a> <a href="{{ unsubscribe_url }}">4</a>'
    )
    fields = {"first_name": "Ї & Co", "city": "a#b", "shop": "https://shop.example/?a=1&copy=2"}
    rendered = renderer(content).render(*WHO, fields)
    track = TOKENS.track(*WHO)
    assert f'href="{BASE}/t/c/{track}/0"' in rendered.html
    assert f'src="{BASE}/t/o/{track}.gif"' in rendered.html
    assert f'href="{BASE}/t/c/{track}/65535" style="display:none' in rendered.html
    assert 'aria-hidden="true" tabindex="-1"' in rendered.html
    assert rendered.unsubscribe_url == f"{BASE}/t/u/{TOKENS.unsubscribe(*WHO)}"
    assert f'href="{rendered.unsubscribe_url}"' in rendered.html
    targets = [
        TOKENS.read_redirect(token, MESSAGE)
        for token in re.findall(rf'"{re.escape(BASE)}/t/r/{track}/([^"]+)"', rendered.html)
    ]
    assert targets == [
        (1, "https://x.example/?n=%D0%87%20%26%20Co&c=a%23b"),
        (2, "https://shop.example/?a=1&copy=2"),
    ]
    for address in re.findall(r'href="([^"]+)"', rendered.html)[:4]:
        assert f"({address})" in rendered.text
    assert "65535" not in rendered.text


def test_personal_links_follow_conditions_and_loops() -> None:
    content = compiled(
        '{% for i in items %}<a href="{% if i.url %}{{ i.url }}{% else %}https://x.example/{{ i.id }}{% endif %}">x</a>'
        "{% endfor %}"
    )
    params = {"items": [{"url": "https://y.example/?a=1&b=2", "id": 1}, {"url": "", "id": "a/b"}]}
    rendered = renderer(content).render(*WHO, {}, params)
    tokens = re.findall(r"/t/r/[^/]+/([^\"]+)\"", rendered.html)
    assert [TOKENS.read_redirect(token, MESSAGE) for token in tokens] == [
        (0, "https://y.example/?a=1&b=2"),
        (0, "https://x.example/a%2Fb"),
    ]


@pytest.mark.parametrize(
    "value", ["", "javascript:alert(1)", "data:text/html,x", "//x.example", "http://", "ftp://x.example", "x.example",
              "https://" + "x" * 3000, "http://[::1", "https://x.example:99999999", "https://a b.example"],
)  # fmt: skip
def test_a_personal_link_that_is_no_web_address_is_refused(value: str) -> None:
    content = compiled('<a href="{{ shop }}">x</a>')
    for render in (renderer(content).render, renderer(content).render_with_engine):
        with pytest.raises(RenderError, match="web address"):
            render(*WHO, {"shop": value})


def test_line_breaks_in_a_personal_link_cannot_reach_a_header() -> None:
    rendered = renderer(compiled('<a href="{{ shop }}">x</a>')).render(
        *WHO, {"shop": "https://x.example/\r\nSet-Cookie: a"}
    )
    token = re.findall(r"/t/r/[^/]+/([^\"]+)\"", rendered.html)[0]
    assert TOKENS.read_redirect(token, MESSAGE) == (0, "https://x.example/Set-Cookie:%20a")


def test_a_preview_has_the_links_own_targets_and_counts_nothing() -> None:
    content = compiled('<a href="https://x.example/?a=1&amp;b=2">1</a><a href="https://x.example/{{ city }}">2</a>')
    preview = render_preview(content, {"city": "a b"})
    assert 'href="https://x.example/?a=1&amp;b=2"' in preview.html
    assert 'href="https://x.example/a%20b"' in preview.html
    assert "https://x.example/?a=1&b=2" in preview.text
    assert "/t/" not in preview.html


_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_NAMES = ("first_name", "city", "vip", "shop", "region")
_VALUES = st.one_of(
    _TEXTS,
    st.integers(-(10**20), 10**20),
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.lists(_TEXTS, max_size=2),
)
_PIECES = st.one_of(
    _TEXTS.map(lambda text: re.sub(r"[{}%<>\"'\x00-\x1f\x7f\ue000-\ue006]", "", text)),
    st.sampled_from(_NAMES).map(lambda name: f"{{{{ {name} }}}}"),
    st.tuples(st.sampled_from(_NAMES), st.sampled_from(["", "friend", "a<b>&'", "50%"])).map(
        lambda pair: f'{{{{ {pair[0]}|default("{pair[1]}") }}}}'
    ),
    st.sampled_from(
        ['<a href="https://x.example/{{ city }}?q={{ vip }}">a</a>',
     '<a href="{{ shop }}">b</a>', "100% {{unsubscribe_url}}",
         '<a href="https://x.example/?a=1&amp;b={{ region|default(\'&amp;\') }}">c</a>',
     "%s %d %%", "{{ other|default('-') }}"]
    ),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(_PIECES, min_size=1, max_size=8),
    fields=st.dictionaries(st.sampled_from([*_NAMES, "other"]), _VALUES),
    params=st.dictionaries(st.sampled_from(_NAMES), _VALUES, max_size=2),
)
def test_the_quick_way_and_the_engine_make_the_same_mail(
    pieces: list[str], fields: dict[str, Any], params: dict[str, Any]
) -> None:
    made = renderer(compiled("<p>" + "".join(pieces) + "</p>", subject="S {{ first_name }}"))
    assert made.is_quick

    def outcome(render: Any) -> object:
        try:
            return render(*WHO, fields, params)
        except RenderError as error:
            return "refused", type(error)

    assert outcome(made.render) == outcome(made.render_with_engine)


BOMBS = [
    "{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{% for i in range(10000) %}" + "s" * 50_000 + "{% endfor %}",
    "{% for i in range(10000) %}{{ big }}{% endfor %}",
    "{% set a=big %}" + "{% set a = a ~ a %}" * 40 + "{{ a|length }}",
    "{% set a='x' %}" + "{% set a = a ~ a ~ a ~ a ~ a ~ a ~ a ~ a %}" * 40,
    "{% set a %}xxxxxxxx{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40,
    "{{ 'a' * 1000000000 }}",
    "{% set a = 99999999 %}" + "{% set a = a * a %}" * 40,
    "{% for i in range(10000) %}{{ range(10000)|join('xxxxxxxxxx') }}{% endfor %}",
    "{{ big|replace('x', big) }}",
    "{{ range(10000)|join(big) }}",
    "{% for i in range(10000) %}{{ big|upper|lower|title|length }}{% endfor %}",
    "{% for i in range(10000) %}{{ big == other }}{{ 'z' in big }}{% endfor %}",
    "{% for i in deep %}{% for j in i.b %}{{ j }}{{ i.a }}{% endfor %}{% endfor %}",
    "{% for i in range(10000) %}{{ deep|map('a')|sort|reverse|join|length }}{% endfor %}",
    "{% for a in range(100) %}" * 30 + "{% endfor %}" * 30,
    "{% for a in range(9000) %}<a href='https://x.example/{{ big }}'>x</a>{% endfor %}",
    "{% for a in range(9999) %}{% set z=[1,2,3,4,5,6,7,8,9,10] %}{% endfor %}" * 3,
    "{{ big|escape }}" * 100,
]


@pytest.mark.parametrize("source", BOMBS)
def test_template_bombs_stop_with_an_error_and_the_next_mail_goes_on(source: str) -> None:
    made = renderer(compiled(source, text="x"))
    big = "x" * 100_000
    values = {"big": big, "other": big + "y", "deep": [{"a": "y" * 50, "b": list(range(100))}] * 5000}
    for _ in range(2):
        with pytest.raises(RenderError):
            made.render(*WHO, {}, values)


def test_a_mail_beyond_a_million_characters_is_refused() -> None:
    with pytest.raises(RenderError, match="larger than"):
        renderer(compiled("{{ big }}{{ big }}", text="x")).render(*WHO, {}, {"big": "x" * 600_000})


CANARY = "canary-3f9a1c"
_EXPRESSIONS = Path(__file__).with_name("hostile_expressions.txt").read_text("utf-8").splitlines()
HOSTILE = [
    *(f"{{{{ {expression} }}}}" for expression in _EXPRESSIONS),
    *(f"{{% if {expression} %}}{{{{ {expression} }}}}{{% endif %}}" for expression in _EXPRESSIONS),
    *(f"{{% for a in {expression} %}}{{{{ a }}}}{{% endfor %}}" for expression in _EXPRESSIONS),
    *(f"{{% {statement} %}}" for statement in (
        "include '/etc/passwd'", "import 'os' as os", "from 'os' import path", "extends 'x'", "block x", "macro m()",
        "call m()", "filter upper", "autoescape false", "raw",
     "do params.clear()", "debug", "load x", "php", "with a=1",
        "set ns.x = 1", "set loop = 1", "set range = 1", "set _track = 1", "trans", "cycle 'a'", "ssi '/etc/passwd'",
    )),
    "${SYNCOM_CANARY}", "${7*7}", "#{7*7}", "<%= ENV['SYNCOM_CANARY'] %>", "<% import os %>", "{{= 7*7 }}", "{{{ x }}}",
    "{{#with x}}{{/with}}", "{{> partial}}", "{{!-- x --}}", "#set($x = $env)", "$class.inspect('x')",
     "{php}echo 1{/php}",
    "*|SYNCOM_CANARY|*", "%SYNCOM_CANARY%", "%SETTINGS.SECRET%",
     "[[${T(java.lang.Runtime)}]]", "@(1+1)", "{{constructor.constructor('x')()}}",
    "\ue001 debug() \ue002", "\ue003 include 'x' \ue004",
     "{{ '\ue002\ue001 debug() \ue002' }}", "{{ \"\\\" ~ debug() ~ \\\"\" }}",
]  # fmt: skip


@pytest.mark.parametrize("part", ["source", "subject", "text", "preheader"])
def test_hostile_templates_reach_nothing(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(HOSTILE) > 300
    monkeypatch.setenv("SYNCOM_CANARY", CANARY)
    for hostile in HOSTILE:
        template = TemplateInput(**{"name": "T", "subject": "S", "source": "<p>x</p>", part: hostile})
        try:
            content = compile_content(template, ())
            rendered = renderer(content).render(*WHO, {"first_name": "Anna"}, {"x": 1})
        except Invalid:
            continue
        text = rendered.subject + rendered.html + rendered.text
        for secret in (CANARY, "root:", "built-in", "<class", "object at 0x", "Environment", "1787569", "State {"):
            assert secret not in text, hostile


def test_hostile_values_are_never_read_as_templates() -> None:
    content = compiled("<p>{{ first_name }}</p>", subject="{{ first_name }}")
    for hostile in HOSTILE:
        rendered = renderer(content).render_with_engine(*WHO, {"first_name": hostile})
        assert rendered.text.strip() == hostile.strip()


def test_the_engine_knows_no_function_of_its_own() -> None:
    environment = _bare_environment()
    assert environment.undeclared_variables_in_str("\ue001 range \ue002") == {"range"}
    assert not [name for name in ("range", "dict", "namespace", "debug") if name in environment.globals]


@pytest.mark.parametrize("quick", [True, False])
def test_the_mail_leads_to_its_own_page_by_a_token_that_serves_for_nothing_else(quick: bool) -> None:
    tail = "" if quick else "{% if vip %}!{% endif %}"
    content = compiled(f'<a href="{{{{ view_url }}}}">View</a>{tail}', text="Read: {{ view_url }}")
    made = renderer(content)
    assert made.is_quick is quick
    rendered = made.render(*WHO, {"vip": ""}, {"view_url": "https://evil.example/"})
    address = f"{BASE}/t/v/{TOKENS.view(*WHO)}"
    assert f'href="{address}"' in rendered.html
    assert f"Read: {address}" in rendered.text
    assert content.is_viewable
    assert content.links == ()
    assert not compiled("<p>x</p>").is_viewable
    assert 'href="#"' in render_preview(content, {}).html
