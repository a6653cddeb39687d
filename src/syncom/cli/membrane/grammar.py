"""How a command line is read.

The house's command line library is not used here, for three reasons: its import alone takes as long as everything else
together; ``--apiUri`` may stand before, between and after the words of a verb; and ``--json`` of ``request`` may or may
not have a value. In return the rules are few:

* Words and flags come in any order; the words name the verb and then its arguments.
* ``--flag=value`` and ``--flag value`` are the same. A flag's case and dashes do not matter: ``--connectorId`` is
  ``--connector-id``. ``-Xvalue`` and ``-X value`` are the same.
* A flag with a value takes the next word whatever it is, unless it is a flag itself. Of repeated ones the last counts,
  except where a flag may be repeated. ``--`` ends the flags.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

from syncom.cli.membrane.errors import Misuse

_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Kind(Enum):
    """What a flag takes."""

    #: One value.
    VALUE = 1
    #: One value each time it is written.
    MANY = 2
    #: Nothing, or ``=true`` and ``=false``.
    SWITCH = 3
    #: The same; here ``1``, ``0``, ``true``, ``false`` may also be the next word.
    TRUTH = 4
    #: Nothing, or a JSON text where the verb sends one.
    JSON = 5


class Flag(NamedTuple):
    """A flag. It means the same whichever verb it belongs to."""

    name: str
    kind: Kind
    #: What stands for the value in the help.
    value: str
    help: str
    short: str = ""

    @property
    def spelled(self) -> str:
        return f"--{self.name}"


class Verb(NamedTuple):
    """A command."""

    #: ``action run``.
    name: str
    #: Names of its arguments; one in brackets may be left out.
    arguments: tuple[str, ...]
    #: Names of its flags, without those that every verb has.
    flags: tuple[str, ...]
    help: str
    #: Where it is: ``module:function`` below this package.
    place: str
    example: str
    #: What one usually does afterwards.
    afterwards: str = ""
    #: Whether ``--json`` may bring a body.
    sends_json: bool = False
    #: Left out of the overview.
    hidden: bool = False

    @property
    def required(self) -> int:
        """How many arguments it must have."""
        return sum(not argument.startswith("[") for argument in self.arguments)


class Given:
    """What was written, read."""

    def __init__(self, verb: Verb, words: Sequence[str], flags: Mapping[str, Sequence[str]], program: str) -> None:
        self.verb = verb
        self.words = tuple(words)
        self.program = program
        self._flags = flags

    def word(self, index: int = 0) -> str:
        """An argument that must be there."""
        return self.words[index]

    def text(self, flag: str) -> str | None:
        """A flag's value; None when it was not written."""
        values = self._flags.get(flag)
        return values[-1] if values else None

    def many(self, flag: str) -> tuple[str, ...]:
        return tuple(self._flags.get(flag, ()))

    def on(self, flag: str) -> bool:
        """Whether a switch was written."""
        value = self.text(flag)
        return value is not None and _TRUTH.get(value.casefold(), True)

    @property
    def json(self) -> bool:
        """Whether the answer is to be JSON."""
        return self.on("json")

    def number(self, flag: str, *, least: int, most: int) -> int | None:
        """A whole number. Raises Misuse when it is not in the range."""
        text = self.text(flag)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and least <= int(text[:9]) <= most):
            raise Misuse(f"--{flag} must be a whole number from {least} to {most}, not {text!r}")
        return int(text)

    def parsed(self, flag: str) -> Any:
        """The JSON of a flag; None when it was not written. Raises Misuse when it is not JSON."""
        text = self.text(flag)
        return None if text is None else read_json(f"--{flag}", text)

    def pairs(self, flag: str) -> list[tuple[str, str]]:
        """``name=value`` of a flag that may be repeated. Raises Misuse."""
        found: list[tuple[str, str]] = []
        for text in self.many(flag):
            name, mark, value = text.partition("=")
            if not mark or not name:
                raise Misuse(f"--{flag} must be written name=value, not {text!r}")
            found.append((name, value))
        return found

    def chosen(self, flags: Iterable[str]) -> dict[str, str]:
        """Those of the flags that have a value."""
        return {flag: value for flag in flags if (value := self.text(flag)) is not None}


def read_json(flag: str, text: str) -> Any:
    """Parsed JSON. Raises Misuse that says where it ends to be JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        hint = " (in a shell, put single quotes around it)" if "'" not in text else ""
        raise Misuse(f"{flag} is not JSON: {error.msg} at character {error.pos + 1}{hint}") from None
    except RecursionError:
        raise Misuse(f"{flag} is nested too deeply") from None


class Grammar:
    """Flags and verbs, and the reading of a command line by them."""

    def __init__(self, flags: Sequence[Flag], verbs: Sequence[Verb], everywhere: Sequence[str]) -> None:
        """``everywhere``: names of the flags that every verb has."""
        self.flags = {flag.name: flag for flag in flags}
        self.verbs = {verb.name: verb for verb in verbs}
        self.everywhere = frozenset(everywhere)
        self._long = {_plain(flag.name): flag for flag in flags}
        self._short = {flag.short: flag for flag in flags if flag.short}

    def read(self, tokens: Sequence[str], *, program: str) -> Given | str:
        """What was written. With ``--help``, or words that only begin verbs: those words. Raises Misuse."""
        words, flags = self._split(tokens, json_takes=True)
        if not self._named(words, sends_json=True):
            words, flags = self._split(tokens, json_takes=False)
        verb = self._verb(words)
        if "help" in flags or verb is None:
            return verb.name if verb else " ".join(words)
        self._check(verb, words, flags)
        return Given(verb, words[len(verb.name.split()) :], flags, program)

    def group(self, name: str) -> list[Verb]:
        """The verbs whose first words these are; all with none."""
        return [verb for verb in self.verbs.values() if not name or f"{verb.name} ".startswith(f"{name} ")]

    def _split(self, tokens: Sequence[str], *, json_takes: bool) -> tuple[list[str], dict[str, list[str]]]:
        words: list[str] = []
        flags: dict[str, list[str]] = {}
        rest = list(reversed(tokens))
        while rest:
            token = rest.pop()
            if token == "--":  # noqa: S105 - a word of the command line
                words += reversed(rest)
                break
            if token.startswith("--"):
                name, mark, value = token[2:].partition("=")
                flag = self._long.get(_plain(name)) or self._unknown(f"--{name}")
            elif token.startswith("-") and len(token) > 1:
                flag = self._short.get(token[1]) or self._unknown(token)
                value = token[2:].removeprefix("=")
                mark = token[2:3]
            else:
                words.append(token)
                continue
            flags.setdefault(flag.name, []).append(value if mark else self._next(flag, rest, json_takes=json_takes))
        return words, flags

    def _next(self, flag: Flag, rest: list[str], *, json_takes: bool) -> str:
        """The value of a flag that was written without ``=``, taken off the rest where it takes one."""
        upcoming = rest[-1] if rest else None
        if flag.kind in (Kind.VALUE, Kind.MANY):
            if upcoming is None:
                raise Misuse(f"{flag.spelled} needs a value: {flag.spelled} {flag.value}")
            if upcoming.startswith("--") and _plain(upcoming[2:].partition("=")[0]) in self._long:
                raise Misuse(
                    f"{flag.spelled} needs a value; if {upcoming} is the value, write {flag.spelled}={upcoming}"
                )
            return rest.pop()
        takes = (flag.kind is Kind.TRUTH and upcoming is not None and upcoming.casefold() in _TRUTH) or (
            flag.kind is Kind.JSON and json_takes and upcoming is not None and _is_body(upcoming)
        )
        return rest.pop() if takes else "true"

    def _verb(self, words: Sequence[str]) -> Verb | None:
        """The verb with the most words. None where the words only begin verbs. Raises Misuse."""
        for count in range(min(2, len(words)), 0, -1):
            verb = self.verbs.get(" ".join(words[:count]))
            if verb is not None:
                return verb
        inside = self.group(words[0]) if words and words[0] else []
        if not words or (len(words) == 1 and inside):
            return None
        known = [verb.name.split()[1] for verb in inside] if inside else [verb.split()[0] for verb in self.verbs]
        wrong = " ".join(words[:2]) if inside else words[0]
        raise Misuse(f"there is no command {wrong!r}{_meant(words[1] if inside else words[0], known)}")

    def _named(self, words: Sequence[str], *, sends_json: bool) -> bool:
        found = self.verbs.get(words[0]) if words else None
        return found is not None and found.sends_json is sends_json

    def _check(self, verb: Verb, words: Sequence[str], flags: Mapping[str, Sequence[str]]) -> None:
        for name in flags:
            if name not in self.everywhere and name not in verb.flags:
                raise Misuse(f"`{verb.name}` has no --{name}; it has {self._listed(verb)}")
        for name, values in flags.items():
            switch = self.flags[name].kind in (Kind.SWITCH, Kind.TRUTH) or (
                self.flags[name].kind is Kind.JSON and not verb.sends_json
            )
            if switch and values[-1].casefold() not in _TRUTH:
                hint = "; did you mean --input?" if name == "json" and "input" in verb.flags else ""
                raise Misuse(f"--{name} takes no value{hint}")
        given = len(words) - len(verb.name.split())
        if given < verb.required:
            raise Misuse(f"`{verb.name}` needs {verb.arguments[given]}, as in: {verb.example}")
        if given > len(verb.arguments):
            extra = words[len(verb.name.split()) + len(verb.arguments)]
            raise Misuse(f"`{verb.name}` does not know what {extra!r} is; put quotes around a text of several words")

    def _listed(self, verb: Verb) -> str:
        return ", ".join(f"--{name}" for name in (*verb.flags, *sorted(self.everywhere - {"help", "version"})))

    def _unknown(self, written: str) -> Flag:
        raise Misuse(f"there is no flag {written}{_meant(written, [flag.spelled for flag in self.flags.values()])}")


def _plain(name: str) -> str:
    return name.replace("-", "").casefold()


def _is_body(token: str) -> bool:
    """Whether the word after ``--json`` is its value: an object, an array or a string (membrane-api, 15 item 5)."""
    if token[:1] not in ("{", "[", '"'):
        return False
    try:
        json.loads(token)
    except (ValueError, RecursionError):
        return False
    return True


def _meant(written: str, known: Iterable[str]) -> str:
    import difflib

    plain = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(written.casefold(), plain, n=1)
    return f"; did you mean {plain[near[0]]}?" if near else "; --help lists what there is"
