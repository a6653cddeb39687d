"""The template language: a small, checked part of Jinja, translated to minijinja.

Templates are written by customers, so nothing is reachable that is not written down here. Every tag is parsed by
this module, and minijinja only ever sees source that this module wrote: its own filters, tests and functions are
not used; each operator and filter is a call of a guarded function (``sandbox.py``), which counts the work.

    {{ first_name|default("friend") }}   {{ order.items[0].name|upper }}   {{ price * 2 }}   {{ a ~ " " ~ b }}
    {% if city == "Lviv" and not vip %} … {% elif … %} … {% else %} … {% endif %}
    {% for item in order.items if item.price > 0 %} {{ loop.index }} … {% else %} … {% endfor %}
    {% for product in products("viewed", limit=3) %} {{ product.name }} … {% endfor %}
    {% set total = price * 2 %}   {% set block %} … {% endset %}   {# a comment: a blank after the sign #}

Besides, the compiler writes marks, which an author cannot: ``{{@click 3}}`` the address of tracked link 3,
``{{@link 4}} … {{@endlink}}`` around a personal target, ``{{@open}}`` the pixel, ``{{@trap}}`` the honeypot link. In
templates of other dialects ``{{@ref 5}}`` and ``{{@dir 6}}`` stand for tags of those (``dialects.py``), and
``{{@address}} … {{@endlink}}`` is around an address that is not tracked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from syncom.content.expression import STRING, Expression, Scope, Simple, identifier, quoted
from syncom.errors import Invalid
from syncom.products.model import ProductBlock

#: Delimiters of what we hand to minijinja. Private-use characters: text between tags can never be taken for a tag.
EXPRESSION_START, EXPRESSION_END = "\ue001", "\ue002"
BLOCK_START, BLOCK_END = "\ue003", "\ue004"
COMMENT_START, COMMENT_END = "\ue005", "\ue006"
#: The two after them stand around merge fields of eSputnik in Velocity (``velocity/expressions.py``).
_RESERVED = re.compile("[\ue000-\ue008]")

#: A whole tag. `{#` opens a comment only before a blank: minified CSS writes `{#id`.
_TAG = re.compile(
    r"\{\{(?P<mark>@[a-z]+(?: \d+)?)\}\}"
    rf"|\{{\{{(?P<output>(?:{STRING}|[^\"'}}]|\}}(?!\}}))*+)\}}\}}"
    rf"|\{{%(?P<block>(?:{STRING}|[^\"'%]|%(?!\}}))*+)%\}}"
    r"|\{\#[-\s](?:[^#]|\#(?!\}))*+\#\}",
    re.DOTALL,
)
_OPENING = re.compile(r"\{\{|\{%|\{#(?=[-\s])")
_MAX_DEPTH = 40
_MAX_TAG = 10_000
_MAX_TAGS = 5_000
_MARKS = frozenset({"click", "link", "address", "endlink", "open", "trap", "ref", "dir"})
#: Number of the link that no person can see: whoever follows it is a machine.
TRAP_LINK = 65535
TRACK = "{track}"


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Output:
    """``{{ … }}``. ``label`` names it in errors; ``simple`` is set when it is a bare merge field."""

    code: str
    label: str
    simple: Simple | None


@dataclass(frozen=True, slots=True)
class Statement:
    """``{% … %}``, translated. ``variable`` is what a `set` assigns."""

    kind: str
    code: str = ""
    variable: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place the compiler prepared."""

    kind: str
    number: int


Node = Text | Output | Statement | Mark


@dataclass(frozen=True, slots=True)
class Program:
    """A parsed template."""

    nodes: tuple[Node, ...]
    #: Names looked up in the merge fields.
    names: frozenset[str]
    #: Those that are printed or computed with: without a value rendering fails.
    needed: frozenset[str]
    #: Products that it asks for.
    products: tuple[ProductBlock, ...]


class Escape(Enum):
    """What printing does to a value."""

    NONE = "none"
    HTML = "html"


def without_reserved(source: str) -> str:
    """The source without the characters that this module uses as delimiters."""
    return _RESERVED.sub("", source)


def tags(source: str) -> Iterator[re.Match[str]]:
    """Every tag of a source, in order, up to one that is never closed (which :func:`parse` refuses)."""
    at = 0
    while opening := _OPENING.search(source, at):
        tag = _TAG.match(source, opening.start())
        if tag is None:
            return
        yield tag
        at = tag.end()


def parse(source: str, part: str, *, marks: bool = False) -> Program:
    """Check a template and translate its tags.

    ``part`` ('subject', 'html', …) is named in errors; ``marks`` allows what only the compiler writes. Raises
    Invalid with the line of the first error.
    """
    return _Parser(source, part, marks).program()


class _Parser:
    """One template: splits text from tags, and keeps blocks in balance."""

    def __init__(self, source: str, part: str, marks: bool) -> None:
        self._source = source
        self._part = part
        self._marks = marks
        self._nodes: list[Node] = []
        self._scope = Scope(names=set(), needed=set(), local=[set()], products={})
        self._open: list[tuple[str, int]] = []
        self._strip_next = False

    def program(self) -> Program:
        at = 0
        for number, tag in enumerate(tags(self._source)):
            if number == _MAX_TAGS:
                self._fail(tag.start(), f"there are more than {_MAX_TAGS:,} tags")
            trims = tag["mark"] is None
            self._text(at, tag.start(), strip_end=trims and tag.group()[2] == "-")
            self._strip_next = trims and tag.group()[-3] == "-"
            self._tag(tag)
            at = tag.end()
        self._text(at, len(self._source), strip_end=False)
        if self._open:
            kind, place = self._open[-1]
            self._fail(place, f"{{% {kind} %}} is never closed; add {{% end{kind} %}}")
        scope = self._scope
        return Program(
            tuple(self._nodes), frozenset(scope.names), frozenset(scope.needed), tuple(scope.products.values())
        )

    def _text(self, start: int, end: int, *, strip_end: bool) -> None:
        stray = _OPENING.search(self._source, start, end)
        if stray:
            self._fail(stray.start(), f'{stray.group()} is never closed; to print it, write {{{{ "{{{{" }}}}')
        value = self._source[start:end]
        if self._strip_next:
            value = value.lstrip()
        if strip_end:
            value = value.rstrip()
        if value:
            self._nodes.append(Text(value))

    def _tag(self, tag: re.Match[str]) -> None:
        if len(tag.group()) > _MAX_TAG:
            self._fail(tag.start(), f"this tag is longer than {_MAX_TAG:,} characters")
        if tag["mark"]:
            self._mark(tag)
        elif tag["output"] is not None:
            expression = self._expression(tag, tag["output"])
            value = expression.whole()
            label = value.path or tag["output"].strip("- \t\r\n")[:60]
            self._nodes.append(Output(expression.need(value), label, value.simple))
        elif tag["block"] is not None:
            self._block(tag.start(), self._expression(tag, tag["block"]))

    def _expression(self, tag: re.Match[str], inside: str) -> Expression:
        def fail(reason: str) -> Invalid:
            return self._error(tag.start(), reason)

        # A minus at either end is Jinja's mark for trimming.
        return Expression(inside.removeprefix("-").removesuffix("-"), fail, self._scope)

    def _mark(self, tag: re.Match[str]) -> None:
        kind, _, number = tag["mark"].removeprefix("@").partition(" ")
        if not self._marks or kind not in _MARKS:
            self._fail(tag.start(), f"{tag.group()} is not a merge field")
        if kind in ("link", "address"):
            self._open.append(("link", tag.start()))
        elif kind == "endlink":
            self._close("link", tag.start())
        self._nodes.append(Mark(kind, int(number or 0)))

    def _block(self, at: int, expression: Expression) -> None:
        if len(self._open) > _MAX_DEPTH:
            self._fail(at, f"blocks are nested deeper than {_MAX_DEPTH}")
        word = expression.word()
        match word:
            case "if":
                self._open.append(("if", at))
                self._nodes.append(Statement("if", expression.whole().code))
            case "elif":
                self._inside(at, word, "if")
                self._nodes.append(Statement("elif", expression.whole().code))
            case "else":
                self._inside(at, word, "if", "for")
                expression.end()
                self._nodes.append(Statement("else"))
            case "for":
                self._for(at, expression)
            case "set":
                self._set(at, expression)
            case "endif" | "endfor" | "endset":
                expression.end()
                self._close(word.removeprefix("end"), at)
                if word == "endfor":
                    self._scope.local.pop()
                self._nodes.append(Statement(word))
            case _:
                self._fail(at, f"{{% {word} %}} is not known; known are if, elif, else, for and set")

    def _for(self, at: int, expression: Expression) -> None:
        self._open.append(("for", at))
        variables, listed, condition = expression.loop()
        names = ", ".join(identifier(name) for name in variables)
        code = f"{names} in _iterate({expression.need(listed)}){condition}"
        self._nodes.append(Statement("for", code))

    def _set(self, at: int, expression: Expression) -> None:
        name = expression.variable()
        if expression.at_end():
            self._open.append(("set", at))
            self._nodes.append(Statement("setblock", identifier(name), identifier(name)))
        else:
            expression.sign("=")
            self._nodes.append(Statement("set", f"{identifier(name)} = {expression.whole().code}"))
        self._scope.local[-1].add(name)

    def _inside(self, at: int, word: str, *kinds: str) -> None:
        if not self._open or self._open[-1][0] not in kinds:
            self._fail(at, f"{{% {word} %}} stands outside of {{% {kinds[0]} %}}")

    def _close(self, kind: str, at: int) -> None:
        if not self._open or self._open[-1][0] != kind:
            still = f"; {{% {self._open[-1][0]} %}} is still open" if self._open else ""
            self._fail(at, f"{{% end{kind} %}} has no {{% {kind} %}} before it{still}")
        self._open.pop()

    def _fail(self, at: int, reason: str) -> NoReturn:
        raise self._error(at, reason)

    def _error(self, at: int, reason: str) -> Invalid:
        line = self._source.count("\n", 0, at) + 1
        return Invalid(self._part, f"line {line}: {reason}")


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the marks become: text in which TRACK stands for the message's token."""

    #: By link number.
    click: Callable[[int], str]
    open: str
    trap: str


def emit(program: Program, escape: Escape, addresses: Addresses) -> str:
    """The program as minijinja source."""
    writer = _Writer(escape, addresses)
    for node in program.nodes:
        writer.add(node)
    return "".join(writer.pieces)


class _Writer:
    """Writes minijinja source; inside loops every pass pays for the text it prints."""

    def __init__(self, escape: Escape, addresses: Addresses) -> None:
        self.pieces: list[str] = []
        self._print = "_print_html" if escape is Escape.HTML else "_print"
        self._link = "_link_html" if escape is Escape.HTML else "_link"
        self._addresses = addresses
        #: Place of the loop's charge among the pieces, and the length of its own text so far.
        self._loops: list[tuple[int, int]] = []
        self._blocks: list[str] = []
        #: Number of the personal link we are in, and whether anything of its target was written: now, and at the
        #: beginning of each open `if`, because every branch begins from there.
        self._target: tuple[int, bool] | None = None
        self._branches: list[tuple[int, bool] | None] = []

    def add(self, node: Node) -> None:
        if isinstance(node, Text):
            self._text(node.value)
        elif isinstance(node, Output):
            self._output(node)
        elif isinstance(node, Mark):
            self._mark(node)
        else:
            self._statement(node)

    def _text(self, value: str) -> None:
        if self._target is not None and value.strip():
            self._target = (self._target[0], True)
        if self._loops:
            place, length = self._loops[-1]
            self._loops[-1] = (place, length + len(value))
        self.pieces.append(value)

    def _output(self, node: Output) -> None:
        function = self._print
        if self._target is not None:
            number, begun = self._target
            function = "_part" if begun else f"_begin{self._print.removeprefix('_print')}"
            self._target = (number, True)
        self._expression(f"{function}({node.code}, {quoted(node.label)})")

    def _mark(self, mark: Mark) -> None:
        if mark.kind in ("click", "open", "trap"):
            self._address(address_of(mark, self._addresses))
        elif mark.kind == "link":
            self._block("set _target")
            self._target = (mark.number, False)
        elif self._target is not None:
            self._block("endset")
            self._expression(f"{self._link}({self._target[0]}, _target)")
            self._target = None

    def _address(self, address: str) -> None:
        before, track, after = address.partition(TRACK)
        self._text(before)
        if track:
            self._expression("_track")
            self._text(after)

    def _statement(self, node: Statement) -> None:
        match node.kind:
            case "if":
                self._branches.append(self._target)
                self._block(f"if {node.code}")
            case "elif" | "else":
                if self._branches:
                    self._target = self._branches[-1]
                self._block(f"{node.kind} {node.code}".rstrip())
            case "endif":
                self._branches.pop()
                self._block("endif")
            case "for":
                self._branches.append(self._target)
                self._block(f"for {node.code}")
                self._loops.append((len(self.pieces), 0))
                self.pieces.append("")
            case "endfor":
                self._branches.pop()
                place, length = self._loops.pop()
                self.pieces[place] = f"{EXPRESSION_START}_spend({length}){EXPRESSION_END}" if length else ""
                self._block("endfor")
            case "setblock":
                self._block(f"set {node.code}")
                self._blocks.append(node.variable)
            case "endset":
                name = self._blocks.pop()
                self._block("endset")
                if self._print == "_print_html":
                    # What was printed is escaped already.
                    self._block(f"set {name} = _safe({name})")
            case _:
                self._block(f"set {node.code}")

    def _expression(self, code: str) -> None:
        self.pieces.append(f"{EXPRESSION_START} {code} {EXPRESSION_END}")

    def _block(self, code: str) -> None:
        self.pieces.append(f"{BLOCK_START} {code} {BLOCK_END}")


def address_of(mark: Mark, addresses: Addresses) -> str:
    """What a mark becomes, with TRACK in the token's place."""
    if mark.kind == "click":
        return addresses.click(mark.number)
    return addresses.open if mark.kind == "open" else addresses.trap


def literal(text: str) -> str:
    """A text in which nothing is a tag."""
    return _OPENING.sub(lambda match: quoted_tag(match.group()), text)


def is_literal(output: Output) -> bool:
    """Whether this tag came from :func:`quoted_tag`."""
    return output.label.startswith('"')


def literal_text(output: Output) -> str:
    """What such a tag prints."""
    return str(json.loads(output.label))


def quoted_tag(text: str) -> str:
    """A tag that prints this text."""
    return f"{{{{ {quoted(text)} }}}}"
