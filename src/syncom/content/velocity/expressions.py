"""What stands inside of a tag: references, literals, operators. Read by precedence, made into closures."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn, cast

from syncom.content.velocity import java, methods, product_calls
from syncom.content.velocity.math_tool import number as as_number
from syncom.content.velocity.model import ContactText, Rules, Truth, VelocityError, joined
from syncom.content.velocity.printing import equal, text_of
from syncom.content.velocity.run import Run, Value
from syncom.content.velocity.signatures import MEMBER

#: ``%NAME|fallback%`` reaches us as a slot: the name of the field, a bar, the fallback.
SLOT_START, SLOT_END = "\ue007", "\ue008"
SLOT = re.compile(f"{SLOT_START}([^{SLOT_START}{SLOT_END}|]*)\\|([^{SLOT_START}{SLOT_END}]*){SLOT_END}")
IDENTIFIER = r"[A-Za-z_][A-Za-z0-9_-]*"
_NAME = re.compile(IDENTIFIER)
_REFERENCE = re.compile(rf"\$(!?)(\{{?)({IDENTIFIER})")
_MEMBER = re.compile(r"\.([A-Za-z][A-Za-z0-9_-]*)(\(?)")
_EMPTY_INDEX = re.compile(r"\[\s*\]")
_BLANK = re.compile(r"\s*")
_NUMBER = re.compile(r"-?(?:\d+\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\d+\.(?!\.)|\.\d+|\d+)")
_STRING = re.compile(r"'((?:[^']|'')*)'|\"((?:[^\"]|\"\")*)\"")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_OPERATOR = re.compile(r"&&|\|\||==|!=|<=|>=|[<>+*/%]|-(?![\d.])|(?:and|or|eq|ne|lt|le|gt|ge)(?![A-Za-z0-9_])")
_NOT = re.compile(r"!(?!=)|not(?![A-Za-z0-9_])")
_SIGNS = {"and": "&&", "or": "||", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
#: Operators from the loosest to the tightest.
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))
_MAX_DEPTH = 40
_MAX_RANGE = 100_000
_MAX_DIGITS = 60


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a tag: what it computes, and how it is written."""

    value: Value
    source: str
    #: Root name when it is a reference.
    root: str = ""
    quiet: bool = False
    formal: bool = False
    #: Of a text that is always the same.
    constant: str | None = None
    #: Whether it can be a condition: in 1.7 a literal or a sum is false as one, whatever its value.
    decides: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One member of a reference, behind its name."""

    take: Callable[[Run, Any], Any]
    #: What it takes from a map, when that is known.
    key: str | None = None


#: Sets a variable.
Setter = Callable[[Run, Any], None]
#: Makes a value of the text between double quotes.
Interpolate = Callable[[str, int], Value]


class Expressions:
    """Reads expressions of one source from a place on: ``at`` moves."""

    def __init__(self, source: str, rules: Rules, line_of: Callable[[int], int], interpolate: Interpolate) -> None:
        self.source = source
        self.at: int = 0
        self._rules = rules
        self._line_of = line_of
        self._interpolate = interpolate
        self._depth = 0
        #: Of the last reference: its last member, when that is one by name or by index, and the way to it.
        self._last: tuple[list[Step], Value] | None = None

    # --- references

    def reference(self) -> Part | None:
        """The reference at this place, or None when the dollar sign is only a sign."""
        begin = self.at
        found = _REFERENCE.match(self.source, begin)
        if found is None:
            return None
        self.at = found.end()
        products = self._products() if found[3] == product_calls.ROOT else None
        steps = self._steps()
        alternative = None
        if found[2]:
            if self._sees("|"):
                self.at += 1
                alternative = self.expression().value
                self.blanks()
            self.expect("}", "${ is never closed; add }")
        source = self.source[begin : self.at]
        if products is None:
            value = _chained(found[3], steps, self._line_of(begin))
        else:
            value = product_calls.follow(products, [step.take for step in steps])
        if alternative is not None:
            value = _either(value, alternative)
        return Part(value, SLOT.sub(r"%\1|\2%", source), found[3], bool(found[1]), bool(found[2]))

    def target(self) -> Setter:
        """What `#set` sets: a variable, or a member of a map."""
        self.blanks()
        part = self.reference()
        if part is None:
            self.fail("#set begins with a variable: #set($name = …)")
        last = self._last
        if part.formal:
            # So it is in 1.7: ${name} is read, and nothing is set.
            return lambda run, value: None
        if part.source.lstrip("$!") == part.root:
            return _variable(part.root)
        if last is None:
            self.fail("#set cannot set what a call returns")
        steps, key = last
        return _member(_chained(part.root, steps, self._line_of(self.at)), key)

    def argument(self) -> Part:
        """An argument of a macro: a reference, a literal, or a word."""
        word = _WORD.match(self.source, self.at)
        if word and word.group() not in ("true", "false"):
            self.at = word.end()
            return Part(_constant(word.group()), word.group())
        begin = self.at
        part = self._primary()
        return Part(part.value, self.source[begin : self.at], part.root)

    def _products(self) -> Value | None:
        """What a template selects from the catalogue; None: the name stands for something else."""
        try:
            selected = product_calls.select_at(self.source, self.at)
        except ValueError as error:
            self.fail(str(error))
        if selected is None:
            return None
        block, self.at = selected
        return product_calls.products_of(block)

    def _steps(self) -> list[Step]:
        steps: list[Step] = []
        last: Value | None = None
        while True:
            member = _MEMBER.match(self.source, self.at)
            if member and member[2]:
                self.at = member.end()
                last = None
                steps.append(_method(member[1], self._arguments()))
            elif member:
                self.at = member.end()
                last = _constant(member[1])
                steps.append(_property(member[1]))
            elif self._sees("[") and not _EMPTY_INDEX.match(self.source, self.at):
                self.at += 1
                last = self.expression().value
                self.blanks()
                self.expect("]", "[ is never closed; add ]")
                steps.append(_index(last))
            else:
                self._last = (steps[:-1], last) if last else None
                return steps

    def _arguments(self) -> tuple[Part, ...]:
        arguments: list[Part] = []
        self.blanks()
        if not self._sees(")"):
            arguments.append(self.expression())
            while self._next(","):
                arguments.append(self.expression())
        self.blanks()
        self.expect(")", "the parenthesis of a call is never closed; add )")
        return tuple(arguments)

    # --- operators

    def expression(self) -> Part:
        """An expression and the blanks before it."""
        begin = self.at
        self._deeper()
        part = self._level(0)
        self._depth -= 1
        return replace(part, source=self.source[begin : self.at].strip())

    def condition(self) -> Value:
        """An expression as `#if` takes it."""
        return self._truth(self.expression())

    def _level(self, level: int) -> Part:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        length = 0
        while sign := self._operator(_LEVELS[level]):
            length += 1
            if length > 200:
                self.fail("this expression is too long; split it by #set")
            right = self._level(level + 1)
            left = Part(self._combined(sign, left, right), "", decides=sign not in "+-*/%")
        return left

    def _operator(self, signs: tuple[str, ...]) -> str:
        begin = self.at
        self.blanks()
        found = _OPERATOR.match(self.source, self.at)
        sign = _SIGNS.get(found.group(), found.group()) if found else ""
        if sign not in signs or found is None:
            self.at = begin
            return ""
        self.at = found.end()
        return sign

    def _combined(self, sign: str, left: Part, right: Part) -> Value:
        match sign:
            case "&&":
                return _both(self._truth(left), self._truth(right))
            case "||":
                return _any(self._truth(left), self._truth(right))
            case "==" | "!=":
                return _equality(left.value, right.value, sign == "==")
            case "<" | ">" | "<=" | ">=":
                return _order(sign, left.value, right.value)
            case "+":
                return _sum(left, right)
            case _:
                return _arithmetic(sign, left.value, right.value)

    def _truth(self, part: Part) -> Value:
        value = part.value
        if self._rules.truth is Truth.VELOCITY_2:
            return lambda run: bool(value(run))
        if not part.decides:
            return _constant(False)

        def truth(run: Run) -> bool:
            found = value(run)
            return found is not None and found is not False

        return truth

    def _unary(self) -> Part:
        self.blanks()
        found = _NOT.match(self.source, self.at)
        if found is None:
            return self._primary()
        self.at = found.end()
        self._deeper()
        truth = self._truth(self._unary())
        self._depth -= 1
        return Part(lambda run: not truth(run), "")

    def _primary(self) -> Part:
        self.blanks()
        begin = self.at
        sign = self.source[begin : begin + 1]
        match sign:
            case "$":
                part = self.reference()
                if part is None:
                    self.fail("a name is expected after $")
                return part
            case "'" | '"':
                return self._string()
            case "(":
                self.at += 1
                inside = self.expression()
                self.blanks()
                self.expect(")", "a parenthesis is never closed; add )")
                return Part(inside.value, "", decides=inside.decides)
            case "[":
                return Part(self._list(), "", decides=False)
            case "{":
                return Part(self._map(), "", decides=False)
            case _ if sign == SLOT_START:
                return self._slot()
            case _:
                return self._constant()

    # --- literals

    def _constant(self) -> Part:
        number = _NUMBER.match(self.source, self.at)
        if number:
            return Part(_constant(self._number(number)), number.group(), decides=False)
        word = _WORD.match(self.source, self.at)
        if word and word.group() in ("true", "false"):
            self.at = word.end()
            return Part(_constant(word.group() == "true"), word.group())
        if self.at == len(self.source):
            self.fail("a value is expected, and the text ends here")
        return self.fail(f"a value is expected before {(word.group() if word else self.source[self.at])!r}")

    def _number(self, found: re.Match[str]) -> int | float:
        self.at = found.end()
        text = found.group()
        if len(text) > _MAX_DIGITS:
            self.fail("a number has too many digits")
        try:
            return int(text)
        except ValueError:
            return float(text)

    def _string(self) -> Part:
        found = _STRING.match(self.source, self.at)
        if found is None:
            self.fail("a quotation mark is never closed")
        line = self._line_of(self.at)
        self.at = found.end()
        if found[1] is not None:
            text = _unescaped(found[1].replace("''", "'"))
            return _text(text, found.group())
        text = _unescaped(found[2].replace('""', '"'))
        if "$" not in text and "#" not in text:
            return _text(text, found.group())
        self._deeper()
        value = self._interpolate(text, line)
        self._depth -= 1
        return Part(value, found.group(), decides=False)

    def _slot(self) -> Part:
        found = SLOT.match(self.source, self.at)
        if found is None:
            self.fail("a merge field cannot stand here")
        self.at = found.end()
        read = slot(found)

        def value(run: Run) -> Any:
            text = read(run)
            found = as_number(text)
            return text if found is None else found

        return Part(value, found.group())

    def _list(self) -> Value:
        self.at += 1
        self.blanks()
        if self._next("]"):
            return _list([])
        members = [self.expression().value]
        self.blanks()
        if self.source.startswith("..", self.at):
            self.at += 2
            end = self.expression().value
            self.blanks()
            self.expect("]", "a range is never closed; add ]")
            return _range(members[0], end)
        while self._next(","):
            members.append(self.expression().value)
        self.expect("]", "a list is never closed; add ]")
        return _list(members)

    def _map(self) -> Value:
        self.at += 1
        members: list[tuple[Value, Value]] = []
        self.blanks()
        if self._next("}"):
            return _map(members)
        while True:
            key = self.expression().value
            self.blanks()
            self.expect(":", "a map is written {'key': 'value'}")
            members.append((key, self.expression().value))
            if not self._next(","):
                break
        self.expect("}", "a map is never closed; add }")
        return _map(members)

    # --- signs

    def blanks(self) -> None:
        found = _BLANK.match(self.source, self.at)
        self.at = found.end() if found else self.at

    def word(self) -> str:
        """The word at this place, or nothing."""
        self.blanks()
        found = _WORD.match(self.source, self.at)
        self.at = found.end() if found else self.at
        return found.group() if found else ""

    def expect(self, sign: str, reason: str) -> None:
        if not self._sees(sign):
            self.fail(reason)
        self.at += len(sign)

    def fail(self, reason: str) -> NoReturn:
        raise VelocityError(reason, self._line_of(min(self.at, len(self.source))))

    def _sees(self, sign: str) -> bool:
        return self.source.startswith(sign, self.at)

    def _next(self, sign: str) -> bool:
        self.blanks()
        if not self._sees(sign):
            return False
        self.at += len(sign)
        return True

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self.fail(f"values are nested deeper than {_MAX_DEPTH}; use #set")


# --- closures


def slot(found: re.Match[str]) -> Callable[[Run], str]:
    """The recipient's value of a merge field, or its fallback, which the author wrote."""
    name, fallback = found[1], found[2]

    def value(run: Run) -> str:
        field = run.fields.get(name)
        if field is None or field == "":
            return fallback
        text = text_of(run, field)
        return ContactText(str(text))

    return value


def _text(text: str, source: str) -> Part:
    """A text between quotes without tags in it."""
    if SLOT_START not in text:
        return Part(_constant(text), source, constant=text, decides=False)
    return Part(_with_slots(text), source, decides=False)


def _with_slots(text: str) -> Value:
    pieces: list[str | Callable[[Run], str]] = []
    at = 0
    for found in SLOT.finditer(text):
        pieces += (text[at : found.start()], slot(found))
        at = found.end()
    pieces.append(text[at:])

    def value(run: Run) -> str:
        return joined([piece if isinstance(piece, str) else piece(run) for piece in pieces if piece != ""])

    return value


def _constant(value: Any) -> Value:
    return lambda run: value


def _unescaped(text: str) -> str:
    return _UNICODE.sub(lambda found: chr(int(found[1], 16)), text) if "\\u" in text else text


def _chained(name: str, steps: list[Step], line: int) -> Value:
    if not steps:
        return lambda run: run.scope.get(name)
    if len(steps) == 1 and steps[0].key is not None:
        return _direct(name, steps[0], steps[0].key, line)

    def value(run: Run) -> Any:
        found = run.scope.get(name)
        try:
            for step in steps:
                if found is None:
                    return None
                found = step.take(run, found)
        except VelocityError as error:
            raise error.at(line) from None
        return found

    return value


def _direct(name: str, step: Step, key: str, line: int) -> Value:
    """The same for what mails are full of: ``$item.name``, ``$data.get('name')``."""

    def value(run: Run) -> Any:
        owner = run.scope.get(name)
        if type(owner) is dict:
            found = cast("dict[str, Any]", owner).get(key)
            if found is not None:
                return found
        if owner is None:
            return None
        try:
            return step.take(run, owner)
        except VelocityError as error:
            raise error.at(line) from None

    return value


def _property(name: str) -> Step:
    return Step(lambda run, receiver: methods.read(run, receiver, name), name)


def _method(name: str, arguments: tuple[Part, ...]) -> Step:
    values = tuple(argument.value for argument in arguments)

    def called(run: Run, receiver: Any) -> Any:
        return methods.call(run, receiver, name, [value(run) for value in values])

    return Step(called, arguments[0].constant if name == "get" and len(arguments) == 1 else None)


def _index(key: Value) -> Step:
    return Step(lambda run, receiver: methods.index(run, receiver, key(run)))


def _variable(name: str) -> Setter:
    def put(run: Run, value: Any) -> None:
        run.scope[name] = value

    return put


def _member(owner: Value, key: Value) -> Setter:
    def put(run: Run, value: Any) -> None:
        found = owner(run)
        if found is not None:
            methods.put(run, found, key(run), value)

    return put


def _either(value: Value, alternative: Value) -> Value:
    def either(run: Run) -> Any:
        found = value(run)
        return alternative(run) if found is None else found

    return either


def _both(left: Value, right: Value) -> Value:
    return lambda run: left(run) and right(run)


def _any(left: Value, right: Value) -> Value:
    return lambda run: left(run) or right(run)


def _equality(left: Value, right: Value, wanted: bool) -> Value:
    def equality(run: Run) -> bool:
        one, two = left(run), right(run)
        if type(one) is str and type(two) is str:
            return (one == two) is wanted
        return equal(run, one, two) is wanted

    return equality


def _order(sign: str, left: Value, right: Value) -> Value:
    def order(run: Run) -> bool:
        one, two = _numbers(left(run), right(run))
        if one is None or two is None:
            return False
        match sign:
            case "<":
                return one < two
            case ">":
                return one > two
            case "<=":
                return one <= two
            case _:
                return one >= two

    return order


def _sum(left: Part, right: Part) -> Value:
    def value(run: Run) -> Any:
        one, two = left.value(run), right.value(run)
        if isinstance(one, str) or isinstance(two, str):
            first = left.source if one is None else text_of(run, one)
            second = right.source if two is None else text_of(run, two)
            run.pay(len(first) + len(second))
            return joined((first, second))
        return _computed(run, "+", one, two)

    return value


def _arithmetic(sign: str, left: Value, right: Value) -> Value:
    return lambda run: _computed(run, sign, left(run), right(run))


def _computed(run: Run, sign: str, one: Any, two: Any) -> Any:
    """None when an operand is no number, and for a division by zero."""
    run.pay(0)
    one, two = _numbers(one, two)
    if one is None or two is None:
        return None
    try:
        match sign:
            case "+":
                result = one + two
            case "-":
                result = one - two
            case "*":
                result = one * two
            case "/":
                result = _divided(one, two)
            case _:
                result = _rest(one, two)
    except ZeroDivisionError:
        return None
    except OverflowError:
        raise VelocityError("a number becomes too large") from None
    return java.checked(result) if isinstance(result, int) else result


def _divided(one: float, two: float) -> float:
    if isinstance(one, int) and isinstance(two, int):
        # Towards zero, as Java divides.
        quotient = abs(one) // abs(two)
        return quotient if (one < 0) == (two < 0) else -quotient
    return one / two


def _rest(one: float, two: float) -> float:
    if isinstance(one, int) and isinstance(two, int):
        rest = abs(one) % abs(two)
        return -rest if one < 0 else rest
    rest = abs(one) % abs(two)
    return -rest if one < 0 else rest


def _numbers(one: Any, two: Any) -> tuple[Any, Any]:
    fits = type(one) in (int, float) and type(two) in (int, float)
    return (one, two) if fits else (None, None)


def _list(members: list[Value]) -> Value:
    def value(run: Run) -> list[Any]:
        run.pay(MEMBER * len(members))
        return [member(run) for member in members]

    return value


def _map(members: list[tuple[Value, Value]]) -> Value:
    def value(run: Run) -> dict[Any, Any]:
        run.pay(MEMBER * len(members))
        made: dict[Any, Any] = {}
        for key, member in members:
            found = key(run)
            if found is not None:
                made[found if isinstance(found, str) else text_of(run, found)] = member(run)
        return made

    return value


def _range(start: Value, end: Value) -> Value:
    def value(run: Run) -> list[int] | None:
        first, last = start(run), end(run)
        if type(first) is not int or type(last) is not int:
            return None
        if abs(last - first) >= _MAX_RANGE:
            raise VelocityError(f"a range goes over {_MAX_RANGE:,} numbers at most")
        run.pay(MEMBER * (abs(last - first) + 1))
        return list(range(first, last + 1) if first <= last else range(first, last - 1, -1))

    return value
