"""A source as tags and text, with the white space that Velocity takes away with a tag."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from syncom.content.velocity.expressions import SLOT, SLOT_START, Expressions, Interpolate, Part, Setter
from syncom.content.velocity.model import Lines, Rules, VelocityError
from syncom.content.velocity.run import Op

#: Where something other than text may begin.
_SPECIAL = re.compile(rf"\$(?=[!{{A-Za-z_]|\Z)|#(?=[#*\[{{A-Za-z_@]|\Z)|[\\{SLOT_START}]")
_BACKSLASHES = re.compile(r"\\+")
_BEGINS = re.compile(r"\$!?\{?[A-Za-z_]")
_DIRECTIVE = re.compile(r"#(?:([A-Za-z_@][A-Za-z0-9_]*)|\{([A-Za-z_@][A-Za-z0-9_]*)\})")
_PARENTHESIS = re.compile(r"[ \t]*\(")
_LINE_END = re.compile(r"[ \t]*(?:\r\n|\n|\r)")
_LAST_LINE = re.compile(r"[ \t]*\Z")
_COMMENT_END = re.compile(r"\r\n|\n|\r|\Z")
_BLANKS = re.compile(r"[ \t]+\Z")
_NEW_LINE = re.compile(r"\n")
_LONGEST = 20_000
_MAX_TAGS = 5_000
_MAX_ARGUMENTS = 50


class Kind(Enum):
    """What a token is. Those from PRINT to IF end the text before them; the names are Velocity's."""

    TEXT = "text"
    PRINT = "print"
    SLOT = "slot"
    IF = "if"
    ELSEIF = "elseif"
    ELSE = "else"
    END = "end"
    SET = "set"
    FOREACH = "foreach"
    MACRO = "macro"
    CALL = "call"
    BLOCK = "block"
    DEFINE = "define"
    EVALUATE = "evaluate"
    LITERAL = "literal"
    BREAK = "break"
    STOP = "stop"
    #: White space and comments that print nothing.
    NOTHING = "nothing"
    #: Not read: what the caller prints, and what it does with what stands up to the #end.
    OP = "op"
    WRAP = "link"


@dataclass(slots=True)
class Token:
    """A tag or a text. ``source`` is all of it, ``tag`` is it without the white space that goes with it."""

    kind: Kind
    line: int
    source: str
    tag: str = ""
    #: Of a text: what it prints.
    text: str = ""
    #: Variable, macro or field.
    name: str = ""
    names: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    #: Of a reference: backslashes before it.
    escapes: int = 0
    #: Of #set.
    setter: Setter | None = None
    op: Op | None = None
    wrap: Callable[[Op], Op] | None = None


_PLAIN = {"else": Kind.ELSE, "end": Kind.END, "stop": Kind.STOP}
_CONDITIONS = {"if": Kind.IF, "elseif": Kind.ELSEIF}
_REFUSED = {
    "include": "#include is not supported; paste the text",
    "parse": "#parse is not supported; paste the text",
}
#: Directives that `\#name` takes their meaning from.
KNOWN = frozenset({
    "if", "elseif", "else", "end", "stop", "set", "foreach", "macro", "include", "parse", "evaluate", "define",
    "break", "literal",
})  # fmt: skip


class Reader:
    """Reads one source. ``line`` is that of its beginning; ``inside`` a text between quotes ends softly."""

    def __init__(
        self, source: str, rules: Rules, interpolate: Interpolate, *, line: int = 1, inside: bool = False
    ) -> None:
        self._source = source
        self._rules = rules
        self._first_line = line
        self._inside = inside
        self._line_ends = [found.start() for found in _NEW_LINE.finditer(source)]
        self._expressions = Expressions(source, rules, self._line_of, interpolate)
        self._tokens: list[Token] = []
        self._text: list[str] = []
        self._text_from = 0
        self._at = 0
        self._tags = 0
        self._macros: set[str] = set()
        self._readers: dict[str, Callable[[int], Token]] = {
            "set": self._set,
            "foreach": self._foreach,
            "macro": self._macro,
            "define": self._define,
            "evaluate": self._evaluate,
            "literal": self._literal,
            "break": self._break,
        }

    def tokens(self) -> list[Token]:
        """Raises VelocityError with the line."""
        while found := _SPECIAL.search(self._source, self._at):
            self._take(found.start())
            match found.group():
                case "$":
                    self._dollar(self._at, 0)
                case "#":
                    self._hash(self._at)
                case "\\":
                    self._backslashes()
                case _:
                    self._slot()
        self._take(len(self._source))
        self._flush(self._at)
        return self._tokens

    # --- text

    def _take(self, end: int) -> None:
        """Text up to a place."""
        if end > self._at:
            self._text.append(self._source[self._at : end])
            self._at = end

    def _say(self, text: str, end: int) -> None:
        """A text that stands for the source up to a place."""
        self._text.append(text)
        self._at = end

    def _flush(self, end: int) -> None:
        text = "".join(self._text)
        if text:
            source = self._source[self._text_from : end]
            self._tokens.append(Token(Kind.TEXT, self._line_of(self._text_from), source, text=text))
        self._text = []

    def _add(self, token: Token, begin: int, tag_end: int, end: int) -> None:
        """A tag from begin to end, behind the text before it."""
        self._flush(begin)
        token.tag = self._source[begin:tag_end]
        token.source = self._source[begin:end]
        if len(token.tag) > _LONGEST and token.kind is not Kind.NOTHING:
            raise VelocityError(f"this tag is longer than {_LONGEST:,} characters", token.line)
        self._count(token.line)
        self._tokens.append(token)
        self._at = self._text_from = end

    def _count(self, line: int) -> None:
        self._tags += 1
        if self._tags > _MAX_TAGS:
            raise VelocityError(f"there are more than {_MAX_TAGS:,} tags", line)

    def _line_of(self, at: int) -> int:
        return self._first_line + bisect_left(self._line_ends, at)

    # --- references

    def _slot(self) -> None:
        found = SLOT.match(self._source, self._at)
        if found is None:
            self._say("", self._at + 1)
            return
        token = Token(Kind.SLOT, self._line_of(self._at), "", name=found[1])
        self._add(token, self._at, found.end(), found.end())

    def _dollar(self, begin: int, escapes: int) -> None:
        dollar = begin + escapes
        self._expressions.at = dollar
        part = self._expressions.reference()
        if part is not None:
            end = self._expressions.at
            token = Token(Kind.PRINT, self._line_of(begin), "", parts=(part,), escapes=escapes)
            self._add(token, begin, end, end)
            return
        rest = self._source[dollar + 1 : dollar + 2]
        end = dollar + 1
        if rest == "!" and not self._source.startswith(("{", "["), dollar + 2):
            # An exclamation mark that quiets nothing is lost.
            end += 1
        if end >= len(self._source) and not self._inside:
            raise VelocityError("a $ cannot be the very last character; write a blank or a line break after it",
                                self._line_of(dollar))  # fmt: skip
        self._say(self._source[begin : dollar + 1], end)

    # --- backslashes

    def _backslashes(self) -> None:
        begin = self._at
        found = _BACKSLASHES.match(self._source, begin)
        count = len(found.group()) if found else 1
        after = begin + count
        if _BEGINS.match(self._source, after):
            self._dollar(begin, count)
            return
        directive = _DIRECTIVE.match(self._source, after)
        if directive is None:
            self._take(after)
            return
        name = directive[1] or directive[2]
        known = name in KNOWN or name in self._macros
        if count % 2:
            shown = "\\" * (count // 2) + directive.group() if known else self._source[begin : directive.end()]
            self._say(shown, directive.end())
        else:
            # Two are one before a directive; #set is read in another way and leaves them.
            halves = known and name != "set"
            self._say("\\" * (count // 2 if halves else count), after)

    # --- directives

    def _hash(self, begin: int) -> None:
        source = self._source
        if source.startswith("##", begin):
            end = _COMMENT_END.search(source, begin)
            self._nothing(begin, end.end() if end else len(source))
        elif source.startswith("#*", begin):
            end = source.find("*#", begin + 2)
            self._nothing(begin, len(source) if end < 0 else end + 2)
        elif source.startswith("#[[", begin):
            self._unparsed(begin)
        else:
            found = _DIRECTIVE.match(source, begin)
            if found:
                self._directive(begin, found.end(), found[1] or found[2])
            elif begin + 1 == len(source) and not self._inside:
                raise VelocityError("a # cannot be the very last character; write a blank or a line break after it",
                                    self._line_of(begin))  # fmt: skip
            else:
                self._take(begin + 1)

    def _nothing(self, begin: int, end: int) -> None:
        self._add(Token(Kind.NOTHING, self._line_of(begin), ""), begin, end, end)

    def _unparsed(self, begin: int) -> None:
        end = self._source.find("]]#", begin)
        if end < 0:
            raise VelocityError("#[[ is never closed; add ]]#", self._line_of(begin))
        text = self._source[begin + 3 : end]
        at = 0
        for found in SLOT.finditer(text):
            self._say(text[at : found.start()], begin + 3 + found.start())
            self._slot()
            at = found.end()
        self._say(text[at:], end + 3)

    def _directive(self, begin: int, end: int, name: str) -> None:
        if name in _REFUSED:
            raise VelocityError(_REFUSED[name], self._line_of(begin))
        if name in _PLAIN:
            self._plain(_PLAIN[name], begin, end)
            return
        opening = _PARENTHESIS.match(self._source, end)
        if name == "set" and opening is None:
            self._take(end)
            return
        if opening is None:
            self._bare(name, begin, end)
            return
        self._expressions.at = opening.end()
        line = self._line_of(begin)
        if name in _CONDITIONS:
            token = Token(_CONDITIONS[name], line, "", parts=(Part(self._expressions.condition(), ""),))
        else:
            read = self._readers.get(name)
            token = read(line) if read else self._call(name, line)
            if token is None:
                # Of no macro, and no call either: the text "#sale (30 %)".
                self._take(end)
                return
        self._expressions.blanks()
        self._expressions.expect(")", f"the parenthesis of #{name} is never closed; add )")
        self._edges(token, begin, self._expressions.at)

    def _plain(self, kind: Kind, begin: int, end: int) -> None:
        self._edges(Token(kind, self._line_of(begin), ""), begin, end)

    def _bare(self, name: str, begin: int, end: int) -> None:
        """A directive without parentheses."""
        if name == "break":
            self._plain(Kind.BREAK, begin, end)
        elif name in KNOWN:
            raise VelocityError(f"#{name} needs parentheses", self._line_of(begin))
        elif name.startswith("@"):
            self._edges(Token(Kind.BLOCK, self._line_of(begin), "", name=name[1:]), begin, end)
        else:
            self._add(Token(Kind.CALL, self._line_of(begin), "", name=name), begin, end, end)

    def _edges(self, token: Token, begin: int, end: int) -> None:
        """Put a directive in, and take away the white space that goes with it."""
        line_end = _LINE_END.match(self._source, end)
        if self._rules.lines is Lines.VELOCITY_2:
            line_end = line_end or _LAST_LINE.match(self._source, end)
            line_begin = max(self._source.rfind("\n", 0, begin), self._source.rfind("\r", 0, begin)) + 1
            if line_end is None or self._source[line_begin:begin].strip(" \t"):
                line_end = None
            elif self._text:
                self._text = [_BLANKS.sub("", "".join(self._text))]
        elif token.kind is Kind.SET and not self._behind_text():
            # Blanks between another tag and #set are read as a part of #set.
            self._text = []
        before = "" if self._text else self._source[self._text_from : begin]
        self._add(token, begin, end, line_end.end() if line_end else end)
        token.source = before + token.source

    def _behind_text(self) -> bool:
        # A merge field stands for text: it is filled in before Velocity reads.
        after_field = bool(self._tokens) and self._tokens[-1].kind is Kind.SLOT
        return after_field or bool("".join(self._text).strip(" \t"))

    def _set(self, line: int) -> Token:
        expressions = self._expressions
        setter = expressions.target()
        expressions.blanks()
        expressions.expect("=", "#set needs a value: #set($name = …)")
        return Token(Kind.SET, line, "", parts=(expressions.expression(),), setter=setter)

    def _foreach(self, line: int) -> Token:
        expressions = self._expressions
        expressions.blanks()
        variable = expressions.reference()
        if variable is None:
            expressions.fail("#foreach begins with a variable: #foreach($item in $list)")
        if not expressions.word():
            expressions.fail("#foreach is written #foreach($item in $list)")
        return Token(Kind.FOREACH, line, "", name=variable.root, parts=(expressions.expression(),))

    def _macro(self, line: int) -> Token:
        expressions = self._expressions
        name = expressions.word()
        if not name:
            expressions.fail("#macro needs a name: #macro(name $first $second)")
        names: list[str] = []
        while (part := self._argument()) is not None:
            if not part.root:
                expressions.fail("the arguments of #macro are variables")
            names.append(part.root)
        self._macros.add(name)
        return Token(Kind.MACRO, line, "", name=name, names=tuple(names))

    def _define(self, line: int) -> Token:
        self._expressions.blanks()
        variable = self._expressions.reference()
        if variable is None:
            self._expressions.fail("#define needs a variable: #define($name)")
        return Token(Kind.DEFINE, line, "", name=variable.root)

    def _evaluate(self, line: int) -> Token:
        return Token(Kind.EVALUATE, line, "", parts=(self._expressions.expression(),))

    def _literal(self, line: int) -> Token:
        while self._argument() is not None:
            pass
        return Token(Kind.LITERAL, line, "")

    def _break(self, line: int) -> Token:
        while self._argument() is not None:
            pass
        return Token(Kind.BREAK, line, "")

    def _call(self, name: str, line: int) -> Token | None:
        """A call of a macro. None when it cannot be read as one and there is no such macro."""
        self._count(line)
        block = name.startswith("@")
        try:
            parts: list[Part] = []
            while (part := self._argument()) is not None:
                parts.append(part)
                if len(parts) > _MAX_ARGUMENTS:
                    self._expressions.fail(f"a macro has {_MAX_ARGUMENTS} arguments at most")
            if not self._expressions.source.startswith(")", self._expressions.at):
                self._expressions.fail(f"the parenthesis of #{name} is never closed; add )")
        except VelocityError:
            if block or name in self._macros:
                raise
            return None
        kind = Kind.BLOCK if block else Kind.CALL
        return Token(kind, line, "", name=name.removeprefix("@"), parts=tuple(parts))

    def _argument(self) -> Part | None:
        """The next argument of a macro; commas between them are allowed."""
        expressions = self._expressions
        expressions.blanks()
        if expressions.source.startswith(",", expressions.at):
            expressions.at += 1
            expressions.blanks()
        if expressions.at >= len(expressions.source) or expressions.source.startswith(")", expressions.at):
            return None
        return expressions.argument()
