"""Tags put together: a tree of closures that prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from syncom.content.velocity.expressions import SLOT, SLOT_END, SLOT_START, Part, Setter
from syncom.content.velocity.expressions import slot as slot_value
from syncom.content.velocity.model import Loop, Rules, VelocityError
from syncom.content.velocity.printing import text_of
from syncom.content.velocity.reader import Kind, Reader, Token
from syncom.content.velocity.run import STEP, Break, Fragment, Op, Place, Run, Scope, Stop, Value

_MAX_DEPTH = 40
_LARGE = 1 << 63
#: Characters of a text that #evaluate or a quoted text may hold.
_MAX_INNER = 100_000
_NO_FIELDS: Mapping[str, Any] = {}


class Template:
    """A template, ready to be rendered; it keeps no state between renderings."""

    def __init__(self, body: Op) -> None:
        self._body = body

    @classmethod
    def of(cls, source: str, rules: Rules | None = None) -> Template:
        """Raises VelocityError with the line."""
        return cls(compiled(read(source, rules or Rules()), rules or Rules()))

    def render(
        self, values: dict[str, Any], *, place: Place = Place.TEXT, fields: Mapping[str, Any] = _NO_FIELDS
    ) -> str:
        """The text for these values of JSON, which #set and put may change. Raises VelocityError."""
        run = Run(values, place, fields=fields)
        self.print(run)
        return "".join(run.out)

    def print(self, run: Run) -> None:
        """Render into a run. Raises VelocityError."""
        try:
            self._body(run)
        except (Break, Stop):
            pass
        except RecursionError:
            raise VelocityError("values or blocks are nested too deeply") from None


def read(source: str, rules: Rules, *, line: int = 1, inside: bool = False) -> list[Token]:
    """The tokens of a source. Raises VelocityError."""

    def interpolated(text: str, at: int) -> Value:
        body = _inner(text, rules, at)
        return lambda run: run.captured(body)

    return Reader(source, rules, interpolated, line=line, inside=inside).tokens()


def compiled(tokens: Sequence[Token], rules: Rules) -> Op:
    """Tokens as a tree. Raises VelocityError for blocks that do not close."""
    return _Builder(tokens, rules).build()


def _inner(text: str, rules: Rules, line: int) -> Op:
    if len(text) > _MAX_INNER:
        raise VelocityError(f"a text with tags in it is longer than {_MAX_INNER:,} characters", line)
    return compiled(read(text, rules, line=line, inside=True), rules)


@dataclass(frozen=True, slots=True)
class _Macro:
    names: tuple[str, ...]
    body: Op
    cost: int


class MacroScope:
    """Variables inside a macro: its own, its arguments (computed where they are read), those around it."""

    __slots__ = ("_arguments", "_literals", "_own", "_parent", "_run")

    def __init__(self, run: Run, names: tuple[str, ...], parts: tuple[Part, ...], content: Fragment | None) -> None:
        self._run = run
        self._parent: Scope = run.scope
        self._own: dict[str, Any] = {"bodyContent": content}
        pairs = list(zip(names, parts, strict=False))
        self._arguments = {name: part.value for name, part in pairs}
        self._literals = {f"${name}": part.source for name, part in pairs}

    def get(self, name: str, /) -> Any:
        found = self._own.get(name)
        if found is not None:
            return found
        argument = self._arguments.get(name)
        if argument is None:
            return self._parent.get(name)
        run = self._run
        run.deeper()
        scope, run.scope = run.scope, self._parent
        try:
            run.pay(0)
            return argument(run)
        finally:
            run.scope = scope
            run.depth -= 1

    def __setitem__(self, name: str, value: Any, /) -> None:
        # A variable that a macro sets is seen outside; an argument of the caller stays.
        self._own[name] = value
        self._parent[name] = value

    def literal(self, source: str) -> str:
        """What a missing argument prints: the way the caller wrote it."""
        return self._literals.get(source, source)


class _Builder:
    """Builds the tree of one list of tokens."""

    def __init__(self, tokens: Sequence[Token], rules: Rules) -> None:
        self._tokens = tokens
        self._rules = rules
        self._at = 0
        self._depth = 0
        self._macros: dict[str, _Macro] = {}
        self._cost = 0

    def build(self) -> Op:
        body = self._block(None)
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            raise VelocityError(f"#{token.kind.value} stands outside of a block", token.line)
        return body

    def _block(self, opening: Token | None) -> Op:
        """Up to an #end, #else or #elseif that is not of an inner block; it is not taken."""
        self._depth += 1
        if opening and self._depth > _MAX_DEPTH:
            raise VelocityError(f"blocks are nested deeper than {_MAX_DEPTH}", opening.line)
        ops: list[Op] = []
        text = ""
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind in (Kind.END, Kind.ELSE, Kind.ELSEIF):
                break
            self._at += 1
            self._cost += STEP + len(token.source)
            if token.kind is Kind.TEXT:
                text += token.text
                continue
            op = _print(token, text) if token.kind is Kind.PRINT else self._op(token)
            if text and token.kind is not Kind.PRINT:
                ops.append(_text(text))
            text = ""
            if op is not None:
                ops.append(op)
        else:
            if opening is not None:
                self._unclosed(opening)
        self._depth -= 1
        if text:
            ops.append(_text(text))
        return _sequence(ops)

    def _body(self, opening: Token) -> Op:
        """A block and its #end."""
        body = self._block(opening)
        token = self._tokens[self._at]
        if token.kind is not Kind.END:
            raise VelocityError(f"#{token.kind.value} stands outside of an #if", token.line)
        self._at += 1
        return body

    def _unclosed(self, opening: Token) -> NoReturn:
        raise VelocityError(f"#{opening.kind.value} is never closed; add #end", opening.line)

    def _op(self, token: Token) -> Op | None:
        match token.kind:
            case Kind.SLOT:
                return _slot(token, self._rules)
            case Kind.IF:
                return self._if(token)
            case Kind.SET:
                return _set(cast("Setter", token.setter), token)
            case Kind.FOREACH:
                return self._foreach(token)
            case Kind.MACRO:
                self._macro(token)
            case Kind.CALL:
                return self._call(token)
            case Kind.BLOCK:
                return self._call(token, Fragment(self._body(token)))
            case Kind.DEFINE:
                return _define(token.name, self._body(token))
            case Kind.EVALUATE:
                return _evaluate(token, self._rules)
            case Kind.LITERAL:
                return self._literal(token)
            case Kind.BREAK:
                return _break
            case Kind.STOP:
                return _stop
            case Kind.OP:
                return token.op
            case Kind.WRAP if token.wrap:
                return token.wrap(self._body(token))
            case _:
                pass
        return None

    def _if(self, token: Token) -> Op:
        branches: list[tuple[Value, Op]] = []
        opening = token
        while True:
            branches.append((opening.parts[0].value, self._block(token)))
            opening = self._tokens[self._at]
            self._at += 1
            if opening.kind is Kind.END:
                return _choice(branches, None, token.line)
            if opening.kind is Kind.ELSE:
                last = self._block(token)
                end = self._tokens[self._at]
                self._at += 1
                if end.kind is not Kind.END:
                    raise VelocityError(f"#{end.kind.value} comes after the #else of this #if", end.line)
                return _choice(branches, last, token.line)

    def _foreach(self, token: Token) -> Op:
        before = self._cost
        body = self._body(token)
        return _loop(token, body, self._cost - before)

    def _macro(self, token: Token) -> None:
        before = self._cost
        body = self._body(token)
        self._macros.setdefault(token.name, _Macro(token.names, body, self._cost - before))

    def _call(self, token: Token, content: Fragment | None = None) -> Op:
        # Resolved when it is called: a macro may be written further down.
        macros = self._macros

        def called(run: Run) -> None:
            macro = macros.get(token.name)
            if macro is None:
                run.write(SLOT.sub(r"%\1|\2%", token.source))
                return
            run.deeper()
            run.pay(macro.cost)
            scope = run.scope
            body = Fragment(content.body, scope) if content else None
            run.scope = MacroScope(run, macro.names, token.parts, body)
            try:
                macro.body(run)
            except Break:
                pass
            finally:
                run.scope = scope
                run.depth -= 1

        return called

    def _literal(self, token: Token) -> Op:
        begin = self._at
        self._body(token)
        return _text("".join(inner.source for inner in self._tokens[begin : self._at - 1]))


def _sequence(ops: list[Op]) -> Op:
    if len(ops) == 1:
        return ops[0]
    row = tuple(ops)

    def sequence(run: Run) -> None:
        for op in row:
            op(run)

    return sequence


def _text(text: str) -> Op:
    # Paid for by the block it stands in.
    return lambda run: run.out.append(text)


def _print(token: Token, before: str) -> Op:
    """A reference and the text before it: one call for both, of which a mail is full."""
    part = token.parts[0]
    value = part.value
    if token.escapes:
        return _sequence([_text(before), _escaped(token, part)])
    literal = "" if part.quiet else part.source

    def print_value(run: Run) -> None:
        run.out.append(before)
        found = value(run)
        if type(found) is str:
            run.left -= len(found)
            if run.left < 0:
                run.pay(0)
            run.out.append(found)
        elif type(found) is int and -_LARGE < found < _LARGE:
            run.out.append(str(found))
        elif found is not None:
            print_other(run, found)
        elif literal:
            run.write(run.scope.literal(literal) if isinstance(run.scope, MacroScope) else literal)

    return print_value


def print_other(run: Run, value: Any) -> None:
    """Print what is no text."""
    if isinstance(value, Fragment):
        value.render(run)
    else:
        run.write(text_of(run, value))


def _escaped(token: Token, part: Part) -> Op:
    """A reference behind backslashes: two are one, and an odd one prints the reference's own source."""
    half = "\\" * (token.escapes // 2)

    def print_escaped(run: Run) -> None:
        found = part.value(run)
        if token.escapes % 2:
            run.write(half + ("\\" if found is None else "") + part.source)
        elif found is None:
            run.write(half + half + ("" if part.quiet else part.source))
        else:
            run.write(half)
            run.write(text_of(run, found))

    return print_escaped


def _slot(token: Token, rules: Rules) -> Op:
    found = SLOT.match(token.tag)
    assert found is not None, f"a slot is written {SLOT_START}name|fallback{SLOT_END}"
    value = slot_value(found)
    if "$" not in found[2] and "#" not in found[2]:
        return lambda run: run.write(value(run))
    fallback = _inner(found[2], rules, token.line)
    name = found[1]

    def print_slot(run: Run) -> None:
        # Merge fields are filled in first: what an author wrote for an empty one is read like the rest.
        if run.fields.get(name):
            run.write(value(run))
        else:
            fallback(run)

    return print_slot


def _choice(branches: list[tuple[Value, Op]], last: Op | None, line: int) -> Op:
    if len(branches) == 1:
        condition, body = branches[0]

        def choose_one(run: Run) -> None:
            try:
                chosen = condition(run)
            except VelocityError as error:
                raise error.at(line) from None
            if chosen:
                body(run)
            elif last is not None:
                last(run)

        return choose_one

    def choose(run: Run) -> None:
        try:
            body = next((body for condition, body in branches if condition(run)), last)
        except VelocityError as error:
            raise error.at(line) from None
        if body is not None:
            body(run)

    return choose


def _set(setter: Setter, token: Token) -> Op:
    value = token.parts[0].value

    def set_value(run: Run) -> None:
        try:
            found = value(run)
            # A missing value leaves the old one.
            if found is not None:
                setter(run, found)
        except VelocityError as error:
            raise error.at(token.line) from None

    return set_value


#: What a loop sets besides its own variable; both names of the counter are in use.
_LOOP_NAMES = ("foreach", "velocityCount", "velocityHasNext")


def _loop(token: Token, body: Op, cost: int) -> Op:
    name = token.name
    value = token.parts[0].value
    names = (name, *_LOOP_NAMES)

    def loop(run: Run) -> None:
        try:
            members = _members(value(run))
        except VelocityError as error:
            raise error.at(token.line) from None
        if not members:
            return
        scope = run.scope
        before = [scope.get(variable) for variable in names]
        outer = before[1]
        state = Loop(len(members), outer if isinstance(outer, Loop) else None)
        scope["foreach"] = state
        last = len(members) - 1
        try:
            for place, member in enumerate(members):
                run.pay(cost)
                state.index = place
                scope[name] = member
                scope["velocityCount"] = place + 1
                scope["velocityHasNext"] = place < last
                body(run)
        except Break:
            pass
        for variable, old in zip(names, before, strict=True):
            scope[variable] = old

    return loop


def _members(value: Any) -> Sequence[Any]:
    """What a loop goes over: a list, or the values of a map; anything else is no list."""
    if isinstance(value, list):
        return tuple(cast("list[Any]", value))
    if isinstance(value, dict):
        return tuple(cast("dict[str, Any]", value).values())
    return ()


def _define(name: str, body: Op) -> Op:
    def define(run: Run) -> None:
        run.scope[name] = Fragment(body)

    return define


def _evaluate(token: Token, rules: Rules) -> Op:
    value = token.parts[0].value

    def evaluate(run: Run) -> None:
        found = value(run)
        if found is None:
            return
        text = str(text_of(run, found))
        # Reading costs much more than printing.
        run.pay(50 * len(text))
        body = _inner(text, rules, token.line)
        run.deeper()
        try:
            body(run)
        except Break:
            pass
        finally:
            run.depth -= 1

    return evaluate


def _break(run: Run) -> None:
    raise Break


def _stop(run: Run) -> None:
    raise Stop
