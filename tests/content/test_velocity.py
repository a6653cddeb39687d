"""Velocity: what the real engine prints, what a template cannot reach, and what it may cost."""

from __future__ import annotations

import contextlib
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncom.content.velocity.model import ContactText, Lines, MathTool, Rules, Truth, VelocityError
from syncom.content.velocity.run import Place
from syncom.content.velocity.template import Template

#: Templates with what Apache Velocity 1.7 makes of them.
CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("velocity_cases.json").read_text("utf-8"))
#: Where we differ, and what is printed instead (None: it is an error there and is computed here).
DIFFERENT = {
    # The substitute of Velocity 2, which today's templates use; 1.7 cannot read it.
    "alternate-value": "friend",
    "vendor-fallback": "10%",
    # Java's classes are out of reach.
    "str-class-forname": "$s.class.name",
    "map-key-class": "vip",
}
#: With what `$mathTool` stands for; one case is about its absence.
MATH = {"mathTool": MathTool()}


def rendered(template: str, values: dict[str, Any] | None = None, rules: Rules | None = None, **more: Any) -> str:
    return Template.of(template, rules).render({**copy.deepcopy(values or {}), **more})


def refused(template: str, values: dict[str, Any] | None = None) -> str:
    with pytest.raises(VelocityError) as caught:
        rendered(template, values)
    return str(caught.value)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_prints_what_velocity_prints(case: dict[str, Any]) -> None:
    tools = MATH if "also holds mathTool" in case["note"] else {}
    expected = DIFFERENT.get(case["name"], case["expected"])
    if expected == {"error": True}:
        with pytest.raises(VelocityError):
            rendered(case["template"], case["data"], **tools)
    else:
        assert rendered(case["template"], case["data"], **tools) == expected


def test_every_known_difference_is_one() -> None:
    expected = {case["name"]: case["expected"] for case in CASES}
    assert all(expected[name] != ours for name, ours in DIFFERENT.items())


# --- beyond the cases


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${x|'friend'}", "friend"),
        ("$!{x|$y}", "Y"),
        ("${y|'friend'}", "Y"),
        ("${l.get(0).name|'none'}", "none"),
        ("#foreach($i in $l)$foreach.count/$velocityCount #end", "1/1 2/2 "),
        ("$l.get($foreach.index)", "$l.get($foreach.index)"),
        ("$y.replaceAll('(Y)','<$1$1>')", "<YY>"),
        ("$y.replaceAll('Y','\\$')", "$"),
        ("$l[-1]", "b"),
        ("$y.format('%s|%5s|%-3s|%03d|%,.2f|%x|%%', 'a', 'b', 'c', 7, 1234.567, 255)", "a|    b|c  |007|1,234.57|ff|%"),
        ("$y.format('%.2f', 0.125)", "0.13"),
        ("#set($m={'a':1})#set($m['b']=2)$m", "{a=1, b=2}"),
        ("#if($y.isEmpty() == false)full#end", "full"),
        ("#macro(m $a)$a#end#m($nope)", "$nope"),
        ("#macro(m)a#break b#end#m()c", "ac"),
        ("\\\\#set($x=1)[$x]", "\\\\[1]"),
        ("$![a] $!(", "$![a] $("),
        ("$y._x $y.x_", "Y._x $y.x_"),
        ("#if('x')T#{else}F#end#if(1)T#{else}F#end#if(!'x')T#end", "FFT"),
        ("#if('x' == 'x' && true)T#end", "T"),
        ("#literal()$y #set($a=1) \\$y#end!", "$y #set($a=1) \\$y!"),
        ("#[[$y]]#$y", "$yY"),
        ("Order #sale (до 50%) and #5", "Order #sale (до 50%) and #5"),
        ("#set($a='\\u0041')$a", "A"),
        ('#set($a="5$")$a', "5$"),
        ("#set($a=-7 / 2)$a #set($b=-7 % 3)$b", "-3-1"),
        ("$y.split('').size()", "1"),
        ("#foreach($e in $m.entrySet())$e #end", ""),
        ("$y.equals($nope)", "false"),
    ],
)
def test_prints(template: str, expected: str) -> None:
    assert rendered(template, {"y": "Y", "l": ["a", "b"]}) == expected


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("a\n#if($x)", "line 2: #if is never closed; add #end"),
        ("a\n\n$l.get(9)", "line 3: there is no item 9 in a list of 1"),
        ("#if($l.get(9) == 1)x#end", "line 1: there is no item 9 in a list of 1"),
        ("a\n#include('x')", "line 2: #include is not supported; paste the text"),
        ("#parse('x')", "line 1: #parse is not supported; paste the text"),
        ("$y.contains($nope)", "line 1: contains needs a text, and its argument is missing"),
        ("#set($l[0] = 'x')", "line 1: #set changes variables and maps, nothing else"),
        ("$y.matches('(?=a)')", "line 1: the regular expression (?=a) cannot be used: invalid perl operator: (?="),
        ("x\n$mathTool.toInteger($y).parseInt('x')", 'line 2: "x" is not a whole number'),
    ],
)
def test_an_error_names_the_line_and_the_reason(template: str, reason: str) -> None:
    assert refused(template, {"y": "1", "l": ["a"], **MATH}) == reason


@pytest.mark.parametrize(
    "call",
    [
        "$y.class", "$y.getClass()", "$y.class.forName('java.lang.Runtime')",
        "$l.remove(0)", "$l.clear()", "$l.sort()", "$m.clear()", "$m.remove('a')", "$m.pop('a')",
        "$l.append('x')", "$m.update($m)", "$y.encode()", "$y.getBytes()", "$l.class",
        "$mathTool.class", "$mathTool.random", "$y.intern()", "$l.stream()",
    ],
)  # fmt: skip
def test_what_is_not_written_down_does_not_exist(call: str) -> None:
    values = {"y": "Y", "l": ["a"], "m": {"a": 1}, **MATH}
    assert rendered(call, values) == call
    assert rendered(f"#foreach($i in $l){call}#end", values) == call


@pytest.mark.parametrize("name", ["__class__", "__init__", "__dict__", "_parts"])
def test_names_of_python_are_out_of_reach(name: str) -> None:
    values = {"y": "Y", "l": ["a"], "m": {"a": 1}, **MATH}
    # A name that begins with a line ends the reference.
    assert rendered(f"$y.{name}()", values) == f"Y.{name}()"
    for variable in ("$y", "$l", "$m", "$mathTool"):
        for reference in (f"{variable}['{name}']", f"{variable}.get('{name}')"):
            assert rendered(reference, values) == reference


def test_data_grow_by_put_and_add_only() -> None:
    values: dict[str, Any] = {"m": {"a": 1}, "l": [1]}
    shown = Template.of("$!m.put('b', 2)$m $l.add(2)$l $m.remove('a')").render(values)
    assert shown == "{a=1, b=2} true[1, 2] $m.remove('a')"


# --- the two rules that the account chooses


@pytest.mark.parametrize(("value", "one", "two"), [("", "T", "F"), (0, "T", "F"), (0.0, "T", "F"), ([], "T", "F"),
                                                   ({}, "T", "F"), ("x", "T", "T"), (False, "F", "F"), (None, "F", "F"),
                                                   (1, "T", "T")])  # fmt: skip
def test_the_truth_rule_of_velocity_2_takes_empty_values_for_false(value: Any, one: str, two: str) -> None:
    template = "#if($v)T#{else}F#end"
    assert rendered(template, {"v": value}) == one
    assert rendered(template, {"v": value}, Rules(truth=Truth.VELOCITY_2)) == two


def test_a_literal_decides_under_the_truth_rule_of_velocity_2_only() -> None:
    template = "#if('x')T#{else}F#end#if('')T#{else}F#end#if(1 + 1)T#{else}F#end"
    assert rendered(template) == "FFF"
    assert rendered(template, rules=Rules(truth=Truth.VELOCITY_2)) == "TFT"


def test_the_vendors_test_for_not_empty_is_the_same_under_both_rules() -> None:
    template = "#if($!v && $!v != '')T#{else}F#end"
    for value in ("", None, "x"):
        assert rendered(template, {"v": value}) == rendered(template, {"v": value}, Rules(truth=Truth.VELOCITY_2))


@pytest.mark.parametrize(
    ("template", "one", "two"),
    [
        ("A\n  #if(true)\n  B\n  #end\nC\n", "A\n    B\n  C\n", "A\n  B\nC\n"),
        ("A #set($x = 1)\nB", "A B", "A \nB"),
        ("A#if(true)B#end\nC", "ABC", "AB\nC"),
        ("A\n\t#set($x = 1) \r\nB", "A\n\tB", "A\nB"),
        ("#foreach($i in [1..2])\n  $i\n#end", "  1\n  2\n", "  1\n  2\n"),
        ("$x #set($x=1)Z", "$xZ", "$x Z"),
        ("  #end-less", None, None),
    ],
)
def test_the_line_rule_of_velocity_2_takes_whole_lines_or_nothing(template: str, one: str | None, two: str) -> None:
    if one is None:
        assert "#end stands outside" in refused(template)
        return
    assert rendered(template) == one
    assert rendered(template, rules=Rules(lines=Lines.VELOCITY_2)) == two


# --- merge fields


def slot(name: str, fallback: str = "") -> str:
    return f"\ue007{name}|{fallback}\ue008"


def with_contact(template: str, place: Place, **fields: str) -> str:
    return Template.of(template).render({}, place=place, fields=fields)


@pytest.mark.parametrize("value", ["#end", "$data", "'", '"', "##", "#*", "\\", "#[[", "#set($a=1)", "|%"])
def test_a_recipients_value_is_never_read_as_a_tag(value: str) -> None:
    first = slot("first_name", "friend")
    template = f"#set($a='{first} x')#if($a == '{first} x')$a#end {first} #set($b=\"<$a>\")$b"
    assert with_contact(template, Place.TEXT, first_name=value) == f"{value} x {value} <{value} x>"


def test_a_recipients_value_is_escaped_where_it_is_printed_and_compared_as_it_is() -> None:
    first = slot("first_name")
    template = (
        f"#set($a='<b>{first}</b>')$a {first} #if($a == '<b>O\\u0027<i></b>')same#end"
        " $a.toUpperCase() $a.split(' ').get(0) #set($l=[$a])$l"
    )
    html = with_contact(template, Place.HTML, first_name="O'<i>")
    assert html == (
        "<b>O&#x27;&lt;i&gt;</b> O&#x27;&lt;i&gt; same"
        " &lt;B&gt;O&#x27;&lt;I&gt;&lt;/B&gt; &lt;b&gt;O&#x27;&lt;i&gt;&lt;/b&gt;[<b>O&#x27;&lt;i&gt;</b>]"
    )
    assert with_contact(first, Place.TEXT, first_name="O'<i>") == "O'<i>"


def test_an_empty_field_prints_its_fallback() -> None:
    template = f"{slot('first_name', 'friend')} #set($a='{slot('last_name', 'x')}')$a"
    assert with_contact(template, Place.TEXT, first_name="", last_name="Bondar") == "friend Bondar"


def test_a_field_stands_for_a_number_where_there_are_no_quotes() -> None:
    assert with_contact(f"#if({slot('age', '0')} > 17)adult#end", Place.TEXT, age="42") == "adult"


def test_what_was_made_of_a_recipients_words_stays_theirs() -> None:
    contact = ContactText("<i>")
    values: dict[str, Any] = {"c": contact, "m": {"k": contact}}
    for template in (
        "$c.trim()", "$c.concat('')", "${c}", '#set($d="$c")$d', "#set($d=$c + '')$d", "$m.k", "$c.substring(0)",
        "#set($d='')$d.concat($c)", "#set($d='x')$d.replace('x', $c)", "#set($d='')$d.format('%s', $c)",
        "#macro(p $a)$a#end#p($c)", "#define($d)$c#end$d", "#foreach($i in [$c])$i#end", "$c.replaceAll('x', 'y')",
    ):  # fmt: skip
        assert Template.of(template).render(copy.copy(values), place=Place.HTML) == "&lt;i&gt;", template


# --- what it may cost

GROWING = "#set($s='aaaaaaaaaa')#foreach($i in [1..100]){}#end"
BOMBS = {
    "a text doubled in quotes": GROWING.format('#set($s="$s$s")'),
    "a text added to itself": GROWING.format("#set($s=$s + $s)"),
    "concat": GROWING.format("#set($s=$s.concat($s))"),
    "replace": GROWING.format("#set($s=$s.replace('a',$s))"),
    "replaceAll": GROWING.format("#set($s=$s.replaceAll('a',$s))"),
    "repeat": "#set($s='a')$s.repeat(2000000000)",
    "a wide format": "#set($s='')$s.format('%999999999d',1)",
    "loops in loops": "#foreach($a in [1..1000])" * 3 + "x" + "#end" * 3,
    "empty loops in loops": "#foreach($a in [1..1000])" * 3 + "#end" * 3,
    "a long range": "#foreach($a in [1..1000000000])x#end",
    "squares": "#set($a=10)#foreach($i in [1..200])#set($a=$a * $a)#end$a",
    "a map in itself": "#set($m={})$!m.put('m',$m)$m",
    "a web of lists": "#set($l=['a'])#foreach($i in [1..28])#set($l=[$l,$l])#end$l",
    "two webs compared": "#set($l=['a'])#set($k=['a'])#foreach($i in [1..25])#set($l=[$l,$l])#set($k=[$k,$k])#end"
    "#if($l==$k)x#end",
    "a macro that calls itself": "#macro(m)#m()#m()#end#m()",
    "an argument that doubles": "#macro(m $a)#m(\"$a$a$a$a\")#end#m('xx')",
    "evaluate that evaluates itself": "#set($t='#evaluate($t)#evaluate($t)')#evaluate($t)",
    "define that prints itself": "#define($d)$d$d#end$d",
    "a list added to itself": "#set($l=[1,2,3])#foreach($i in [1..100])#set($x=$l.addAll($l))#end",
    "one text printed often": "#set($s='a')#foreach($i in [1..20])#set($s=$s+$s)#end" + "$s" * 4_000,
    "many tags": "$s" * 100_000,
    "deep blocks": "#if(true)" * 100 + "#end" * 100,
    "deep parentheses": "#if(" + "(" * 10_000 + "1" + ")" * 10_000 + ")x#end",
    "many nots": "#if(" + "!" * 10_000 + "true)x#end",
    "deep lists": "#set($a=" + "[" * 10_000 + "]" * 10_000 + ")",
    "a long sum": "#set($a=1" + " + 1" * 100_000 + ")",
    "a long chain": "$a" + ".b" * 100_000,
    "calls in calls": "$a.get(" * 10_000,
    "open brackets": "$a[" * 10_000,
    "strange calls": '#a("' * 100_000,
    "slow expressions": "#set($s='a')#foreach($i in [1..15])#set($s=$s+$s)#end"
    "#foreach($i in [1..1000])$s.matches('(.*)(.*)(.*)(.*)(.*)x{900}')#end",
}
CHEAP = {
    "a pattern that explodes elsewhere": "#set($s='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')$s.matches('(a+)+b')",
    "dollar signs": "$" * 999_999 + " ",
    "number signs": "# " * 500_000,
    "backslashes": "\\" * 1_000_000,
    "braces": "${" * 300_000,
    "blanks": "#a" + " " * 1_000_000,
    "comments in comments": "#*" * 4_000,
    "reserved signs": "\ue007" * 100_000,
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(name: str) -> None:
    assert refused(BOMBS[name])


@pytest.mark.timeout(10)
@pytest.mark.parametrize("name", CHEAP)
def test_what_looks_like_a_bomb_is_rendered(name: str) -> None:
    assert rendered(CHEAP[name]) is not None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
PIECES = st.sampled_from([
    "$a", "$!b", "${c}", "$!{d}", "$a.b", "$a.get('b')", "$a.get(0)", "$b[0]", "$c.size()", "${a|$b}", "$d.length()",
    "#if($a)", "#if($a == $b)", "#if($a > 1 && !$c)", "#elseif($b)", "#else", "#{else}", "#end", "#{end}",
    "#foreach($a in $b)", "#foreach($c in [1..3])", "#foreach($e in $d.entrySet())", "$foreach.count", "$e.key",
    "#set($a = $b)", "#set($b = 'x')", "#set($c = \"$a $b\")", "#set($d = $a + $b * 2)", "#set($a = [$b, {'b': $c}])",
    "#set($b.x = $a)", "#macro(m $a)", "#m($b)", "#m('x' 5)", "#@m()", "$!bodyContent", "#define($d)", "#break",
    "#stop", "#evaluate($a)", "#evaluate(\"$b #if(true)\")", "#literal()", "#[[", "]]#", "##", "#*", "*#", "\\", "\n",
    " ", "text", "$", "#", "$!", "(", ")", "'", '"', "%", "{", "}", "|", "\ue007x|y\ue008", "$a.split('b')", "100%",
    "$!a.put('a',$a)", "$!b.add($b)", "$a.replaceAll('$b','$1')", "$a.format($b, $c)", "$mathTool.div($a,$b)",
    "$a.substring(1,2)", "$a.equals($b)", "$a.indexOf($b)", "$a.subList(0,1)", "🎁", "ї",
])  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.lists(PIECES | st.text(alphabet="$#!{}()[]'\"|\\ab.=<>&+-*/%1 \n", max_size=6), max_size=25),
    st.fixed_dictionaries({}, optional=dict.fromkeys("abcd", VALUES)),
    st.sampled_from(Truth),
    st.sampled_from(Lines),
)
@pytest.mark.timeout(300)
def test_any_template_with_any_data_renders_or_says_why_not(
    pieces: list[str], values: dict[str, Any], truth: Truth, lines: Lines
) -> None:
    with contextlib.suppress(VelocityError):
        assert isinstance(rendered("".join(pieces), values, Rules(truth=truth, lines=lines), **MATH), str)


@given(st.text())
def test_a_text_without_signs_is_printed_as_it_is(text: str) -> None:
    plain = text.translate({ord(sign): None for sign in "$#\ue007"})
    assert rendered(plain) == plain
