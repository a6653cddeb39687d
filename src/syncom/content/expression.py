"""Expressions of the template language: read by precedence, written out as calls of guarded functions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from syncom.content.product_blocks import ARGUMENTS, Argument, DataPath, block_of
from syncom.errors import Invalid
from syncom.products.model import ProductBlock

STRING = r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'"
_TOKEN = re.compile(
    rf"(?P<number>\d+(?:\.\d+)?)|(?P<string>{STRING})|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>==|!=|<=|>=|//|[-+*/%~<>|.,()\[\]=])",
    re.DOTALL,
)
_BLANK = re.compile(r"\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_MAX_DEPTH = 40
_MAX_DIGITS = 15

#: What may stand after `|`, with the names of its arguments in order.
FILTERS: dict[str, tuple[str, ...]] = {
    "abs": (),
    "capitalize": (),
    "count": (),
    "d": ("value", "boolean"),
    "default": ("value", "boolean"),
    "e": (),
    "escape": (),
    "first": (),
    "float": (),
    "int": (),
    "items": (),
    "join": ("separator", "attribute"),
    "last": (),
    "length": (),
    "lower": (),
    "map": ("attribute",),
    "max": (),
    "min": (),
    "replace": ("old", "new"),
    "reverse": (),
    "round": ("precision",),
    "safe": (),
    "sort": ("attribute",),
    "sum": ("attribute",),
    "title": (),
    "trim": (),
    "truncate": ("length",),
    "upper": (),
    "urlencode": (),
}
_ALIASES = {"d": "default", "e": "escape", "count": "length"}
#: What may stand after `is`.
TESTS = frozenset({"defined", "undefined", "none", "odd", "even", "number", "string"})
#: Members of `loop`.
LOOP = frozenset({"index", "index0", "first", "last", "length"})
_WORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})
_CONSTANTS = {
    "true": "true",
    "True": "true",
    "false": "false",
    "False": "false",
    "none": "none",
    "None": "none",
}


@dataclass(frozen=True, slots=True)
class Simple:
    """A merge field that needs no engine: a name, and what is printed in place of an empty value."""

    name: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Value:
    """A translated expression. ``path`` is set when it is a field or a member of one: 'order.items'."""

    code: str
    path: str = ""
    simple: Simple | None = None
    #: Set when it is a text in quotes.
    literal: str | None = None


@dataclass(slots=True)
class Scope:
    """Names a template uses: those from outside, those it cannot do without, and its own variables."""

    names: set[str]
    needed: set[str]
    local: list[set[str]]
    #: Products that it asks for, by the key of the block.
    products: dict[str, ProductBlock]

    def holds(self, name: str) -> bool:
        return any(name in names for names in self.local)


def identifier(name: str) -> str:
    """How a name is called inside minijinja: its own words and our functions are out of an author's reach."""
    return f"f_{name}" if name.isascii() else f"x_{name.encode().hex()}"


class Expression:
    """Reads the inside of one tag. ``fail`` turns a reason into an error with the tag's line."""

    def __init__(self, inside: str, fail: Callable[[str], Invalid], scope: Scope) -> None:
        self._fail = fail
        self._scope = scope
        self._depth = 0
        self._at = 0
        self._tokens = self._split(inside)

    def whole(self) -> Value:
        """One expression that fills the rest of the tag."""
        value = self._ternary()
        self.end()
        return value

    def end(self) -> None:
        """Nothing more may follow."""
        if not self.at_end():
            self._refuse()

    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def word(self) -> str:
        """A bare word, as at the beginning of a statement."""
        kind, text = self._next()
        if kind != "name":
            raise self._fail(f"{text or 'the end of the tag'} is not expected here")
        return text

    def variable(self) -> str:
        """A new variable's name."""
        name = self.word()
        if name in _WORDS or name in _CONSTANTS or name in ("loop", "range"):
            raise self._fail(f"{name} cannot be the name of a variable")
        return name

    def sign(self, sign: str) -> None:
        if not self._take(sign):
            self._refuse()

    def loop(self) -> tuple[list[str], Value, str]:
        """``item in order.items if item.price``: the variables (bound in a new scope), the list, the condition."""
        variables = [self.variable()]
        if self._take(","):
            variables.append(self.variable())
        if not self._take_word("in"):
            self._refuse()
        listed = self._or()
        self._scope.local.append({*variables, "loop"})
        condition = ""
        if self._take_word("if"):
            condition = f" if {self._ternary().code}"
        self.end()
        return variables, listed, condition

    def need(self, value: Value) -> str:
        """The code of a value that must be there: a missing one is an error that names it."""
        if not value.path:
            return value.code
        root = value.path.partition(".")[0].partition("[")[0]
        if not self._scope.holds(root):
            self._scope.needed.add(root)
        return f"_need({value.code}, {quoted(value.path)})"

    # Precedence, loosest first.

    def _ternary(self) -> Value:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._fail(f"expressions are nested deeper than {_MAX_DEPTH}")
        value = self._or()
        if self._take_word("if"):
            condition = self._or()
            otherwise = self._ternary().code if self._take_word("else") else '""'
            value = Value(f"({value.code} if {condition.code} else {otherwise})")
        self._depth -= 1
        return value

    def _or(self) -> Value:
        value = self._and()
        while self._take_word("or"):
            value = Value(f"({value.code} or {self._and().code})")
        return value

    def _and(self) -> Value:
        value = self._not()
        while self._take_word("and"):
            value = Value(f"({value.code} and {self._not().code})")
        return value

    def _not(self) -> Value:
        negations = 0
        while self._take_word("not"):
            negations += 1
        value = self._comparison()
        return Value(f"(not {value.code})") if negations % 2 else value

    def _comparison(self) -> Value:
        value = self._joined()
        while True:
            kind, text = self._peek()
            if kind == "sign" and text in ("==", "!=", "<", ">", "<=", ">="):
                self._at += 1
                other = self._joined()
                value = Value(f"_compare({quoted(text)}, {value.code}, {other.code})")
            elif self._take_word("in"):
                value = Value(f'_compare("in", {value.code}, {self._joined().code})')
            elif self._take_word("not"):
                if not self._take_word("in"):
                    self._refuse()
                value = Value(f'(not _compare("in", {value.code}, {self._joined().code}))')
            elif self._take_word("is"):
                value = self._test(value)
            else:
                return value

    def _test(self, value: Value) -> Value:
        negated = self._take_word("not")
        name = self.word()
        if name not in TESTS:
            raise self._fail(f"the test {name} is not known; known are {', '.join(sorted(TESTS))}")
        code = f"_test({quoted(name)}, {value.code})"
        return Value(f"(not {code})" if negated else code)

    def _joined(self) -> Value:
        return self._binary(("~",), lambda: self._binary(("+", "-"), self._product))

    def _product(self) -> Value:
        return self._binary(("*", "/", "//", "%"), self._unary)

    def _binary(self, signs: tuple[str, ...], tighter: Callable[[], Value]) -> Value:
        value = tighter()
        while True:
            kind, text = self._peek()
            if kind != "sign" or text not in signs:
                return value
            self._at += 1
            other = tighter()
            value = Value(f"_operate({quoted(text)}, {self.need(value)}, {self.need(other)})")
            self._measure(value)

    def _unary(self) -> Value:
        negative = False
        while self._take("-"):
            negative = not negative
        value = self._postfix(self._primary())
        return Value(f'_operate("-", 0, {self.need(value)})') if negative else value

    def _postfix(self, value: Value) -> Value:
        while True:
            if self._take("."):
                value = self._member(value)
            elif self._take("["):
                value = self._item(value)
            elif self._take("|"):
                value = self._filter(value)
            elif self._peek() == ("sign", "("):
                raise self._fail(f"{value.path or 'this'} cannot be called; use a filter, such as |upper")
            else:
                return value
            self._measure(value)

    def _member(self, value: Value) -> Value:
        kind, name = self._next()
        if kind not in ("name", "number"):
            self._at -= 1
            self._refuse()
        if value.path == "loop" and self._scope.holds("loop"):
            if name not in LOOP:
                raise self._fail(f"loop.{name} is not known; known are {', '.join(sorted(LOOP))}")
            return Value(f"loop.{name}")
        key = name if kind == "number" and name.isdigit() else quoted(name)
        return Value(f"_get({value.code}, {key})", path=f"{value.path}.{name}" if value.path else "")

    def _item(self, value: Value) -> Value:
        key = self._ternary()
        self.sign("]")
        shown = key.literal if key.literal is not None else key.code
        path = f"{value.path}[{shown}]" if value.path and len(shown) < 40 else value.path
        return Value(f"_get({value.code}, {key.code})", path=path)

    def _filter(self, value: Value) -> Value:
        name = self.word()
        if name not in FILTERS:
            raise self._fail(f"the filter {name} is not known; known are {', '.join(sorted(FILTERS))}")
        arguments = self._arguments(name) if self._take("(") else []
        known = _ALIASES.get(name, name)
        if known == "default":
            return self._default(value, arguments)
        codes = [self.need(value), *(argument.code for argument in arguments)]
        return Value(f"_{known}({', '.join(codes)})")

    def _default(self, value: Value, arguments: list[Value]) -> Value:
        fallback = arguments[0] if arguments else Value('""', literal="")
        codes = [value.code, fallback.code, *(argument.code for argument in arguments[1:])]
        simple = None
        if value.simple and value.simple.default is None and fallback.literal is not None:
            simple = Simple(value.simple.name, fallback.literal)
        return Value(f"_default({', '.join(codes)})", simple=simple)

    def _arguments(self, name: str) -> list[Value]:
        known = FILTERS[name]
        given: dict[str, Value] = {}
        while not self._take(")"):
            if given:
                self.sign(",")
            named = self._peek()[0] == "name" and self._tokens[self._at + 1 : self._at + 2] == [("sign", "=")]
            place = self.word() if named else (known[len(given)] if len(given) < len(known) else "")
            if named:
                self._at += 1
            if place not in known or place in given:
                raise self._fail(f"the filter {name} takes {', '.join(known) or 'no arguments'}")
            given[place] = self._ternary()
        last = max((known.index(place) for place in given), default=-1)
        return [given.get(place, Value("none")) for place in known[: last + 1]]

    def _primary(self) -> Value:
        kind, text = self._next()
        if kind == "number":
            if len(text) > _MAX_DIGITS:
                raise self._fail(f"the number {text[:20]}… is too long")
            return Value(text)
        if kind == "string":
            literal = _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])
            return Value(quoted(literal), literal=literal)
        if kind == "name":
            return self._name(text)
        if text == "(":
            value = self._ternary()
            self.sign(")")
            return Value(value.code)
        if text == "[":
            return self._list()
        raise self._fail(f"{text} is not expected here" if text else "the tag ends too early")

    def _name(self, name: str) -> Value:
        if name in _CONSTANTS:
            return Value(_CONSTANTS[name])
        if name in _WORDS:
            self._at -= 1
            self._refuse()
        if name == "range" and self._take("("):
            codes = [self._ternary().code]
            while not self._take(")"):
                self.sign(",")
                codes.append(self._ternary().code)
            if len(codes) > 3:
                raise self._fail("range takes a start, an end and a step")
            return Value(f"_range({', '.join(codes)})")
        if name == "products" and self._take("("):
            return self._products()
        if self._scope.holds(name):
            return Value("loop" if name == "loop" else identifier(name), path=name)
        self._scope.names.add(name)
        return Value(identifier(name), path=name, simple=Simple(name, None))

    def _products(self) -> Value:
        """``products("viewed", limit=3)``: said outright, because it is looked up before anybody's mail is made."""
        given: dict[str, Argument] = {}
        while not self._take(")"):
            if given:
                self.sign(",")
            is_named = self._peek()[0] == "name" and self._tokens[self._at + 1 : self._at + 2] == [("sign", "=")]
            place = self.word() if is_named else "" if given else ARGUMENTS[0]
            if is_named:
                self._at += 1
            if place not in ARGUMENTS or place in given:
                raise self._fail(f"products takes {', '.join(ARGUMENTS)}, each once and by its name")
            given[place] = self._argument()
        try:
            block = block_of(given)
        except ValueError as error:
            raise self._fail(str(error)) from None
        self._scope.products[block.key] = block
        return Value(f"_products({quoted(block.key)})")

    def _argument(self) -> Argument:
        """A text, a whole number, a list of them, or the name of something in the data of the message."""
        if self._take("["):
            found: list[str] = []
            while not self._take("]"):
                if found:
                    self.sign(",")
                found.append(str(self._constant()))
            return tuple(found)
        if self._peek()[0] != "name":
            return self._constant()
        names = [self.word()]
        while self._take("."):
            names.append(self.word())
        if self._scope.holds(names[0]):
            raise self._fail(f"products cannot be asked for by {names[0]}, which the template makes itself")
        self._scope.names.add(names[0])
        return DataPath(tuple(names))

    def _constant(self) -> str | int:
        value = self._primary()
        if value.literal is not None:
            return value.literal
        if not value.code.isdigit():
            raise self._fail(f"{value.code[:40]} is not expected in products; write a text in quotes or a whole number")
        return int(value.code)

    def _list(self) -> Value:
        codes: list[str] = []
        while not self._take("]"):
            if codes:
                self.sign(",")
            codes.append(self._ternary().code)
        return Value(f"[{', '.join(codes)}]")

    # Tokens.

    def _split(self, inside: str) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        at = self._blank(inside, 0)
        while at < len(inside):
            match = _TOKEN.match(inside, at)
            if match is None or match.lastgroup is None:
                raise self._fail(f"{inside[at]!r} is not expected in a tag")
            tokens.append((match.lastgroup, match.group()))
            at = self._blank(inside, match.end())
        return tokens

    def _blank(self, inside: str, at: int) -> int:
        match = _BLANK.match(inside, at)
        return match.end() if match else at

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, sign: str) -> bool:
        if self._peek() != ("sign", sign):
            return False
        self._at += 1
        return True

    def _take_word(self, word: str) -> bool:
        if self._peek() != ("name", word):
            return False
        self._at += 1
        return True

    def _measure(self, value: Value) -> None:
        # Each step wraps the code before it in one more call; minijinja's own parser would refuse a tower.
        if value.code.count("(") > _MAX_DEPTH * 2:
            raise self._fail("this expression is too long; break it up with {% set %}")

    def _refuse(self) -> NoReturn:
        text = self._peek()[1]
        raise self._fail(f"{text} is not expected here" if text else "the tag ends too early")


def quoted(text: str) -> str:
    """A text as a literal of minijinja."""
    return json.dumps(text, ensure_ascii=False)
