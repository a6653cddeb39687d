"""Findings before sending."""

from __future__ import annotations

import pytest

from syncom.content.check import check_content
from syncom.content.compile import compile_content
from syncom.content.model import Severity, TemplateInput
from syncom.content.render import render_preview

FOOT = '<a href="{{ unsubscribe_url }}">Unsubscribe</a>'


def kinds(source: str, *, subject: str = "Hello", params: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    content = compile_content(TemplateInput(name="T", subject=subject, source=source), ("birthday",))
    return [(finding.kind, finding.where) for finding in check_content(content, ("birthday",), params=params)]


def test_a_good_mail_has_no_findings() -> None:
    source = f'<p>Hello {{{{ first_name }}}} {{{{ birthday }}}}</p><img src="https://x.example/a.png" alt="">{FOOT}'
    assert kinds(source) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ frist_name }}" + FOOT, [("unknown_field", "html"), ("unknown_field", "text")]),
        ("<p>x</p>", [("no_unsubscribe_link", "html")]),
        ("%AB% %DEADLINE% *|FNAME|* $!data.get('x')" + FOOT,
         [("dead_merge_tag", "html")] * 3 + [("dead_merge_tag", "text")] * 3),
        ('<a href="">x</a>' + FOOT, [("empty_link", "html")]),
        ('<a href="page.html">x</a>' + FOOT, [("relative_link", "html")]),
        ('<a href="http://localhost:8000/">x</a>' + FOOT, [("local_link", "html")]),
        ('<a href="https://10.0.0.5/">x</a>' + FOOT, [("local_link", "html")]),
        ('<img src="https://x.example/a.png">' + FOOT, [("image_without_alt", "html")]),
        ('<img src="http://x.example/a.png" alt="a">' + FOOT, [("http_image", "html")]),
        ("<script>x</script>" + FOOT, [("not_supported", "html")]),
        ('<img src="https://x.example/a.png" alt=""><a href="{{ unsubscribe_url }}" style="display:none">x</a>',
         [("no_plain_text", "text")]),
    ],
)  # fmt: skip
def test_each_weakness_is_found(source: str, expected: list[tuple[str, str]]) -> None:
    assert kinds(source) == expected


def test_subjects_are_checked() -> None:
    assert kinds(f"<p>x</p>{FOOT}", subject="") == [("empty_subject", "subject")]
    assert kinds(f"<p>x</p>{FOOT}", subject="x" * 80) == [("long_subject", "subject")]
    assert (
        kinds(f"<p>x</p>{FOOT}", subject="Hi {{ first_name|default('x' ~ 'y' ~ 'a long long long default text') }}")
        == []
    )


def test_near_names_are_suggested_and_parameters_are_known() -> None:
    content = compile_content(
        TemplateInput(name="T", subject="{{ brithday }}", source=f"<p>x</p>{FOOT}"), ("birthday",)
    )
    (finding,) = check_content(content, ("birthday",))
    assert finding.severity is Severity.ERROR
    assert finding.message.endswith("did you mean birthday?")
    assert check_content(content, ("birthday",), params=("brithday",)) == []


def test_an_unknown_name_with_a_default_is_a_warning_only() -> None:
    content = compile_content(TemplateInput(name="T", subject="{{ coupon|default('x') }}", source=FOOT), ())
    assert [finding.severity for finding in check_content(content, ())] == [Severity.WARNING]


def test_the_size_is_that_of_the_rendered_mail() -> None:
    source = f"{{% for i in items %}}<p>{'x' * 1000}</p>{{% endfor %}}{FOOT}"
    content = compile_content(TemplateInput(name="T", subject="S", source=source), ())
    small = render_preview(content, {}, {"items": [1] * 90})
    large = render_preview(content, {}, {"items": [1] * 110})
    assert check_content(content, (), rendered=small, params=("items",)) == []
    assert [found.kind for found in check_content(content, (), rendered=large, params=("items",))] == ["gmail_clip"]
