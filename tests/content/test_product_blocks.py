"""``products(…)`` in templates: what may be asked, and what a mail makes of the answer."""

from __future__ import annotations

import pytest

from syncom.content.compile import compile_content
from syncom.content.model import Dialect, Format, RenderError, TemplateInput
from syncom.content.render import render_preview
from syncom.errors import Invalid
from syncom.products.model import BlockSource, ProductBlock


def template(call: str, **members: object) -> TemplateInput:
    source = f"<p>{{% for one in {call} %}}{{{{ one.name }}}} {{% else %}}none{{% endfor %}}</p>"
    return TemplateInput(name="Letter", subject="S", source=source, **members)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("call", "block"),
    [
        ('products("viewed")', ProductBlock(source=BlockSource.VIEWED)),
        ("products(source='new', limit=24)", ProductBlock(source=BlockSource.NEW, limit=24)),
        ('products("category: Shoes ")', ProductBlock(source=BlockSource.NEW, category="Shoes")),
        (
            'products("recommended", category="A > B", days=30, fallback="bestsellers")',
            ProductBlock(source=BlockSource.RECOMMENDED, category="A > B", days=30, fallback=BlockSource.BESTSELLERS),
        ),
        ('products(ids=["a", 17])', ProductBlock(source=BlockSource.IDS, ids=("a", "17"))),
        ("products(ids=cart.items)", ProductBlock(source=BlockSource.IDS, path=("cart", "items"))),
    ],
)
def test_a_block_is_read(call: str, block: ProductBlock) -> None:
    compiled = compile_content(template(call), ())
    assert compiled.products == (block,)
    assert compiled.params == (("cart",) if block.path else ())


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("products()", "a source, or ids"),
        ('products("viewed", ids=["a"])', "a source, or ids"),
        ('products("sold")', "must be one of viewed"),
        ('products("viewed", fallback="ids")', "the fallback of products"),
        ('products("viewed", limit=0)', "from 1 to 24"),
        ('products("viewed", limit=25)', "from 1 to 24"),
        ('products("viewed", limit=n)', "from 1 to 24"),
        ('products("viewed", 3)', "by its name"),
        ('products("viewed", size=3)', "by its name"),
        ('products("viewed", limit=1, limit=2)', "each once"),
        ("products(first_name)", "in quotes"),
        ('products(ids="a")', "a list of texts"),
        ('products(ids=["a" ~ "b"])', "is not expected"),
        ("products(ids=one.ids)", None),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_line(call: str, reason: str | None) -> None:
    if reason is None:
        source = template(call).source.replace("<p>", "<p>{% set one = 1 %}")
        given = TemplateInput(name="Letter", subject="S", source=source)
        reason = "which the template makes itself"
    else:
        given = template(call)
    with pytest.raises(Invalid, match="line 1: ") as caught:
        compile_content(given, ())
    assert reason in caught.value.fields[0].reason


def test_the_same_question_in_two_parts_is_asked_once() -> None:
    both = template('products("viewed", limit=3)', text='{{ products(limit=3, source="viewed")|length }} products')
    assert len(compile_content(both, ()).products) == 1
    many = "".join(f'{{{{ products("new", limit={number})|length }}}}' for number in range(1, 15))
    with pytest.raises(Invalid, match="more than 12 ways"):
        compile_content(TemplateInput(name="L", subject="S", source=f"<p>{many}</p>"), ())


def test_values_of_products_are_escaped_and_a_word_products_stays_a_word() -> None:
    compiled = compile_content(template('products("viewed")'), ())
    (block,) = compiled.products
    shown = render_preview(compiled, {}, {}, {block.key: [{"name": "<b>&"}]})
    assert "&lt;b&gt;&amp;" in shown.html
    assert "none" in render_preview(compiled, {}).html
    source = "<p>{{ products[0].name }} {% for p in products %}{{ p.name }}{% endfor %}</p>"
    plain = TemplateInput(name="L", subject="S", source=source)
    assert "Tea Tea" in render_preview(compile_content(plain, ()), {}, {"products": [{"name": "Tea"}]}).html


def test_blocks_work_in_mjml() -> None:
    source = (
        "<mjml><mj-body><mj-section><mj-column><mj-text>"
        '{% for one in products("new", limit=2) %}<a href="{{ one.url }}">{{ one.name }}</a>{% endfor %}'
        "</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    compiled = compile_content(TemplateInput(name="L", subject="S", source=source, format=Format.MJML), ())
    (block,) = compiled.products
    shown = render_preview(compiled, {}, {}, {block.key: [{"name": "Tea", "url": "https://shop.example/tea"}]})
    assert "https://shop.example/tea" in shown.html


def test_products_count_towards_the_limits_of_a_mail() -> None:
    source = template('products("new", limit=24)').source
    nested = source.replace("{{ one.name }}", "{% for x in range(10000) %}{{ one.name }}{% endfor %}")
    compiled = compile_content(TemplateInput(name="L", subject="S", source=nested), ())
    (block,) = compiled.products
    with pytest.raises(RenderError, match="too much"):
        render_preview(compiled, {}, {}, {block.key: [{"name": "x" * 100}] * 24})


def velocity(source: str, **members: object) -> TemplateInput:
    return TemplateInput(name="L", subject="S", source=source, dialect=Dialect.VELOCITY, **members)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("call", "block"),
    [
        ('select("viewed")', ProductBlock(source=BlockSource.VIEWED)),
        ("select( 'new' , 24 )", ProductBlock(source=BlockSource.NEW, limit=24)),
        ('select("category: Shoes ")', ProductBlock(source=BlockSource.NEW, category="Shoes")),
        (
            'select({"source": "recommended", "category": "A > B", "days": 30, "fallback": "bestsellers"})',
            ProductBlock(source=BlockSource.RECOMMENDED, category="A > B", days=30, fallback=BlockSource.BESTSELLERS),
        ),
        ('select({"ids": ["a", 17]})', ProductBlock(source=BlockSource.IDS, ids=("a", "17"))),
        ('select({"ids": $data.cart.items})', ProductBlock(source=BlockSource.IDS, path=("cart", "items"))),
        ('select({"ids": $products})', ProductBlock(source=BlockSource.IDS, path=("products",))),
    ],
)
def test_a_block_of_velocity_is_read_and_prints_its_products(call: str, block: ProductBlock) -> None:
    compiled = compile_content(
        velocity(f'<p>#foreach($one in $products.{call})<a href="$one.url">$one.name</a> $one.price;#end</p>'), ()
    )
    assert compiled.products == (block,)
    assert "language" in compiled.fields
    two = [
        {"name": "Tea & <b>", "url": "https://shop.example/tea?a=1&b=2", "price": 12.5},
        {"name": "Mug", "url": "https://shop.example/mug", "price": 7},
    ]
    shown = render_preview(compiled, {}, {"products": [{"productId": "x"}]}, {block.key: two})
    assert "Tea &amp; &lt;b&gt;</a> 12.5;" in shown.html
    assert "Mug</a> 7;" in shown.html
    assert "https://shop.example/tea?a=1&amp;b=2" in shown.html or "https://shop.example/tea?a=1&b=2" in shown.html
    assert "Tea" not in render_preview(compiled, {}).html


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("select()", ") is not expected"),
        ('select("sold")', "must be one of viewed"),
        ('select("viewed", 25)', "from 1 to 24"),
        ('select("viewed", $n)', "from 1 to 24"),
        ('select("viewed", 3, 4)', "lacks a )"),
        ('select("$source")', "write texts and numbers outright"),
        ('select({"size": 3})', "each once and in quotes"),
        ('select({"source": "viewed", "source": "new"})', "each once and in quotes"),
        ('select({"source": "viewed", "ids": ["a"]})', "a source, or ids"),
    ],
)
def test_what_velocity_cannot_ask_is_refused_with_its_line(call: str, reason: str) -> None:
    with pytest.raises(Invalid, match="line 2: ") as caught:
        compile_content(velocity(f"<p>\n#foreach($one in $products.{call})$one.name#end</p>"), ())
    assert reason in caught.value.fields[0].reason


def test_velocity_may_change_its_products_and_nobody_elses() -> None:
    source = '#set($found = $products.select("new"))#set($found[0].name = "Own")$found.get(0).name $found.size()'
    compiled = compile_content(velocity(f"<p>{source}</p>", text="$!{products.select('new').get(0).name}"), ())
    (block,) = compiled.products
    found = [{"name": "Tea"}]
    shown = render_preview(compiled, {}, {}, {block.key: found})
    assert ("Own 1" in shown.html, shown.text.strip()) == (True, "Tea")
    assert found == [{"name": "Tea"}]


def test_products_that_came_with_the_message_are_themselves() -> None:
    compiled = compile_content(velocity("<p>#foreach($p in $products)$p.name,#end $products.size()</p>"), ())
    assert compiled.products == ()
    assert "Tea, 1" in render_preview(compiled, {}, {"products": [{"name": "Tea"}]}).html


def test_products_of_velocity_count_towards_the_limits_of_a_mail() -> None:
    source = '#foreach($x in [1..20000])#foreach($one in $products.select("new"))$one.name#end#end'
    compiled = compile_content(velocity(f"<p>{source}</p>"), ())
    (block,) = compiled.products
    with pytest.raises(RenderError, match="too much"):
        render_preview(compiled, {}, {}, {block.key: [{"name": "x"}] * 24})
