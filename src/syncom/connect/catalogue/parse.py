"""YAML and JSON from outside, as plain data: nothing is run, nothing is larger than it looks.

YAML is read by the rules of version 1.2's JSON schema, which OpenAPI asks for (OpenAPI 3.1, 4.3): ``no`` is a word,
``2024-01-31`` is text, keys are text as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from typing import Any, Final, cast

import msgspec
import yaml

from syncom.connect.catalogue.tree import items, members
from syncom.errors import Invalid

#: Levels of nesting. The deepest of the public documents that were tried has 42.
MAX_DEPTH: Final = 200
#: Values, with every alias counted as what it stands for.
MAX_VALUES: Final = 4_000_000


def parse(name: str, text: bytes, *, limit: int) -> dict[str, Any]:
    """A JSON or YAML object. Raises Invalid naming the file: too long, too deep, no object."""
    if len(text) > limit:
        raise Invalid(name, f"has more than {limit // (1024 * 1024)} MB")
    data = _json(text) if text.lstrip()[:1] == b"{" else None
    if data is None:
        data = _yaml(name, text)
    if not isinstance(data, dict):
        raise Invalid(name, "is not an object: it must be JSON or YAML with members")
    check_depth(name, data)
    return cast("dict[str, Any]", data)


def _json(text: bytes) -> Any:
    """None when it is not JSON: YAML's flow style begins with a brace too."""
    try:
        return msgspec.json.decode(text.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError):
        return None


def _yaml(name: str, text: bytes) -> Any:
    try:
        source = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(name, "is not UTF-8") from None
    try:
        _measure(name, source)
        loader = _Loader(source)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise Invalid(name, f"is not YAML: {_brief(error)}") from None
    except (RecursionError, ValueError) as error:
        raise Invalid(name, f"cannot be read: {error}") from None


def _brief(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else str(problem)


class _Loader(yaml.CSafeLoader):
    """The safe loader with the words of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - the library's name

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Keys as they are written: ``200:`` and ``true:`` are names here."""
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "expected a mapping", node.start_mark)
        self.flatten_mapping(node)
        found: dict[Hashable, Any] = {}
        for key, value in cast("list[tuple[Any, Any]]", node.value):
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key must be text", key.start_mark)
            found[str(key.value)] = self.construct_object(value, deep=deep)
        return found


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,300})$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$|^[-+]?[0-9]+[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])
# Written tags of other kinds (dates, binaries) stay the text they are.
for _tag in ("timestamp", "binary", "set", "omap", "pairs"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _text)


def _measure(name: str, source: str) -> None:
    """Refuse what would explode: aliases count as what they stand for (an alias inside its own anchor stands for
    infinitely much). Goes by events, so that nothing is built meanwhile."""
    sizes: dict[str, int] = {}
    # Of each open collection: its anchor, and the values in it so far.
    opened: list[tuple[str | None, int]] = [(None, 0)]
    for event in cast("Iterable[yaml.Event]", yaml.parse(source, Loader=yaml.CSafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, 1))
            if len(opened) > MAX_DEPTH:
                raise Invalid(name, f"is nested deeper than {MAX_DEPTH} levels")
            continue
        if isinstance(event, yaml.ScalarEvent):
            size = 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise Invalid(name, f"has an alias *{event.anchor} inside its own anchor, or without one")
            size = sizes[event.anchor]
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = opened.pop()
            if anchor is not None:
                sizes[anchor] = size
        else:
            continue
        anchor, total = opened[-1]
        if total + size > MAX_VALUES:
            raise Invalid(name, f"holds more than {MAX_VALUES} values, aliases counted as what they stand for")
        opened[-1] = (anchor, total + size)


def check_depth(name: str, data: Any) -> None:
    """Whoever walks the data later may do so by recursion."""
    level: list[Any] = [data]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for value in level:
            inner.extend(members(value).values())
            inner.extend(items(value))
        if not inner:
            return
        level = inner
    raise Invalid(name, f"is nested deeper than {MAX_DEPTH} levels")
