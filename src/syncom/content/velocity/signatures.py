"""How methods are written down, and those that every value has.

A signature has one letter an argument: ``s`` a text, ``S`` a text or nothing, ``i`` a whole number of 32 bits,
``n`` a number, ``l`` a list, ``m`` a map, ``o`` anything, ``*`` any number of anything. A call that fits no
signature is a missing value, as a method that does not exist is in Java; nothing where a text is needed is an error.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from syncom.content.velocity.printing import is_number, same, text_of
from syncom.content.velocity.run import Run

#: First the run and the receiver, then the arguments.
Function = Callable[..., Any]
Overloads = tuple[tuple[str, Function], ...]
Methods = dict[str, Overloads]
INT = 1 << 31
#: What a member of a new list costs.
MEMBER = 10


def fits(signature: str, arguments: Sequence[Any]) -> bool:
    if "*" in signature:
        fixed = signature.index("*")
        return len(arguments) >= fixed and fits(signature[:fixed], arguments[:fixed])
    if len(signature) != len(arguments):
        return False
    for letter, argument in zip(signature, arguments, strict=True):
        match letter:
            case "s" | "S":
                fit = argument is None or isinstance(argument, str)
            case "i":
                fit = type(argument) is int and -INT <= argument < INT
            case "n":
                fit = is_number(argument)
            case "l":
                fit = isinstance(argument, list)
            case "m":
                fit = isinstance(argument, dict)
            case _:
                fit = True
        if not fit:
            return False
    return True


def _equals(run: Run, receiver: Any, other: Any) -> bool:
    return other is not None and same(run, receiver, other)


def _to_string(run: Run, receiver: Any) -> str:
    return text_of(run, receiver)


def _without_run(function: Callable[[Any], Any]) -> Callable[[Run, Any], Any]:
    return lambda run, value: function(value)


def member(name: str) -> Function:
    """Reads one member of our own values."""
    read = operator.attrgetter(name)
    return _without_run(read)


def is_empty(_run: Run, receiver: Any) -> bool:
    return not receiver


ANY: Methods = {
    "equals": (("o", _equals),),
    "toString": (("", _to_string),),
}
