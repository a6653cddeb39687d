"""Methods of texts."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, cast

from syncom.content.velocity import java
from syncom.content.velocity.model import VelocityError
from syncom.content.velocity.printing import text_of
from syncom.content.velocity.run import Run
from syncom.content.velocity.signatures import ANY, MEMBER, Function, Methods, is_empty


def _text(function: Callable[..., Any]) -> Function:
    """A function of texts and numbers; what it returns is paid for."""

    def called(run: Run, receiver: str, *arguments: Any) -> Any:
        run.pay(len(receiver))
        result = function(receiver, *arguments)
        if isinstance(result, str):
            run.pay(len(result))
        return result

    return called


def _plain(text: str) -> str:
    return str.__str__(text)


def _replace(run: Run, text: str, old: str, new: str) -> str:
    found = text.count(old)
    run.pay(len(text) + found * len(new))
    return text.replace(old, new)


def _search(run: Run, text: str, source: str) -> Any:
    run.pay(len(text) * (1 + len(source) // 16) + 10 * len(source))
    return java.pattern(_plain(source))


def _replace_all(run: Run, text: str, source: str, new: str, limit: int = 1 << 30) -> str:
    compiled = _search(run, text, source)
    pieces: list[str] = []
    at = 0
    for number, match in enumerate(compiled.finditer(_plain(text))):
        if number == limit:
            break
        put_in = java.replacement(new, match)
        run.pay(len(put_in))
        pieces += (text[at : match.start()], put_in)
        at = match.end()
    pieces.append(text[at:])
    return "".join(pieces)


def _replace_first(run: Run, text: str, source: str, new: str) -> str:
    return _replace_all(run, text, source, new, 1)


def _matches(run: Run, text: str, source: str) -> bool:
    return _search(run, text, source).fullmatch(_plain(text)) is not None


def _split(run: Run, text: str, source: str, limit: int = 0) -> list[str]:
    run.pay(MEMBER * (1 + len(text)) if not source else len(text))
    if source and java.is_literal(source):
        pieces = text.split(source, limit - 1 if limit > 0 else -1)
    else:
        pieces = _split_by_pattern(run, text, source, limit)
    if limit == 0:
        while len(pieces) > 1 and not pieces[-1]:
            pieces.pop()
    run.pay(MEMBER * len(pieces))
    return pieces


def _split_by_pattern(run: Run, text: str, source: str, limit: int) -> list[str]:
    compiled = _search(run, text, source)
    pieces: list[str] = []
    at = 0
    for match in compiled.finditer(_plain(text)):
        if limit > 0 and len(pieces) == limit - 1:
            break
        if match.end() == 0 or match.start() >= len(text):
            continue
        pieces.append(text[at : match.start()])
        at = match.end()
    pieces.append(text[at:])
    return pieces


def _char_at(text: str, at: int) -> str:
    return java.part(text, at, at + 1)


def _substring(text: str, start: int, end: int | None = None) -> str:
    return java.part(text, start, java.length(text) if end is None else end)


def _index_of(text: str, other: str, start: int = 0) -> int:
    return java.place(text, text.find(other, max(0, start)))


def _last_index_of(text: str, other: str) -> int:
    return java.place(text, text.rfind(other))


def _starts(text: str, other: str, at: int = 0) -> bool:
    return at >= 0 and text.startswith(other, at)


def _compare(text: str, other: str) -> int:
    for one, two in zip(text, other, strict=False):
        if one != two:
            return ord(one) - ord(two)
    return java.length(text) - java.length(other)


def _compare_ignoring_case(text: str, other: str) -> int:
    return _compare(text.lower(), other.lower())


def _same_ignoring_case(text: str, other: str | None) -> bool:
    return other is not None and text.lower() == other.lower()


def _repeat(run: Run, text: str, times: int) -> str:
    if times < 0:
        raise VelocityError("a text cannot be repeated less than 0 times")
    run.pay(len(text) * times)
    return text * times


def _format(run: Run, _receiver: str, form: str, *values: Any) -> str:
    if len(values) == 1 and isinstance(values[0], list):
        values = tuple(cast("list[Any]", values[0]))
    result = java.formatted(form, values, _printer(run))
    run.pay(len(form) + len(result))
    return result


def _printer(run: Run) -> Callable[[Any], str]:
    return lambda value: text_of(run, value)


def _value_of(run: Run, _receiver: Any, value: Any) -> str:
    return text_of(run, value)


def _joined_by(run: Run, _receiver: str, between: str, members: list[Any]) -> str:
    run.pay(len(between) * len(members))
    return between.join(text_of(run, member) for member in members)


def _hash(text: str) -> int:
    number = 0
    for sign in text:
        number = (31 * number + ord(sign)) & 0xFFFFFFFF
    return java.wrapped(number)


def _strip(text: str) -> str:
    # Java's trim takes everything up to the blank.
    return text.strip("".join(map(chr, range(33))))


def _is_blank(text: str) -> bool:
    return not text.strip()


TEXT: Methods = ANY | {
    "charAt": (("i", _text(_char_at)),),
    "compareTo": (("s", _text(_compare)),),
    "compareToIgnoreCase": (("s", _text(_compare_ignoring_case)),),
    "concat": (("s", _text(operator.concat)),),
    "contains": (("s", _text(operator.contains)),),
    "endsWith": (("s", _text(str.endswith)),),
    "equalsIgnoreCase": (("S", _text(_same_ignoring_case)),),
    "format": (("s*", _format),),
    "hashCode": (("", _text(_hash)),),
    "indexOf": (("s", _text(_index_of)), ("si", _text(_index_of))),
    "isBlank": (("", _text(_is_blank)),),
    "isEmpty": (("", is_empty),),
    "join": (("sl", _joined_by),),
    "lastIndexOf": (("s", _text(_last_index_of)),),
    "length": (("", _text(java.length)),),
    "matches": (("s", _matches),),
    "repeat": (("i", _repeat),),
    "replace": (("ss", _replace),),
    "replaceAll": (("ss", _replace_all),),
    "replaceFirst": (("ss", _replace_first),),
    "split": (("s", _split), ("si", _split)),
    "startsWith": (("s", _text(_starts)), ("si", _text(_starts))),
    "strip": (("", _text(str.strip)),),
    "subSequence": (("ii", _text(_substring)),),
    "substring": (("i", _text(_substring)), ("ii", _text(_substring))),
    "toLowerCase": (("", _text(str.lower)),),
    "toUpperCase": (("", _text(str.upper)),),
    "trim": (("", _text(_strip)),),
    "valueOf": (("o", _value_of),),
}
