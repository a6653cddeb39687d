"""Names out of what documents call things: keys, names, plain descriptions, keywords and example intents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Sequence
from html import unescape
from typing import Final

from syncom.connect.catalogue.model import MAX_DESCRIPTION, MAX_KEY, MAX_NAME

_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD: Final = re.compile(r"[^\w]+|_+")
_TAGS: Final = re.compile(r"<[^<>\n]{1,500}>")
_LINKS: Final = re.compile(r"!?\[([^\]\n]{0,300})\]\([^()\n]{0,1000}\)")
_MARKS: Final = re.compile(r"(?m)^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+]\s+|\|)|[*`]{1,3}|\|\s*$")
_BLANKS: Final = re.compile(r"\s+")
_SENTENCE: Final = re.compile(r"[.!?。][\s)\"']")

#: Words of paths that say nothing about what is there.
_EMPTY_WORDS: Final = frozenset(
    {
        "api",
        "rest",
        "v",
        "json",
        "xml",
        "rpc",
        "public",
        "the",
        "a",
        "an",
        "of",
        "for",
        "by",
        "to",
        "and",
        "or",
        "in",
        "on",
    }
    | {"with", "from", "id", "ids", "uuid", "at", "all"}
)
#: What people say instead of a method or of the first word of a name.
_VERBS: Final[dict[str, tuple[str, ...]]] = {
    "list": ("list", "show all", "get all"),
    "get": ("get", "show", "look up"),
    "create": ("create", "add", "make a new"),
    "update": ("update", "change", "edit"),
    "replace": ("replace", "set", "update"),
    "delete": ("delete", "remove", "get rid of"),
    "search": ("search", "find", "look for"),
    "send": ("send", "deliver", "post"),
    "cancel": ("cancel", "stop", "call off"),
    "upload": ("upload", "attach", "add"),
    "download": ("download", "fetch", "export"),
}
#: First words of names that mean the same as one of those.
_SAME: Final[dict[str, str]] = {
    "add": "create", "insert": "create", "new": "create", "post": "create", "make": "create", "register": "create",
    "edit": "update", "patch": "update", "modify": "update", "change": "update", "set": "update",
    "put": "replace", "remove": "delete", "destroy": "delete", "del": "delete",
    "retrieve": "get", "read": "get", "fetch": "get", "show": "get", "find": "search", "query": "search",
    "index": "list", "browse": "list", "import": "upload", "export": "download",
}  # fmt: skip
_BY_METHOD: Final = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "replace",
    "PATCH": "update",
    "DELETE": "delete",
}


def split_words(text: str) -> list[str]:
    """The words of an identifier or a sentence: ``getContacts_byID`` has four."""
    return [word for word in _NOT_WORD.split(_CAMEL.sub(" ", text)) if word]


def slug(text: str) -> str:
    """Lower-case ASCII words with dashes between, 100 characters at most; empty when there are none."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "-".join(split_words(plain)).lower()[:MAX_KEY].strip("-")


def unique(key: str, taken: Container[str]) -> str:
    """``key``, or the first of ``key-2``, ``key-3`` ... that is not taken."""
    if key not in taken:
        return key
    number = 2
    while (found := f"{key[: MAX_KEY - 7]}-{number}") in taken:
        number += 1
    return found


def plain_text(text: str, limit: int = MAX_DESCRIPTION) -> str:
    """Markdown and HTML as one paragraph, cut behind a sentence."""
    text = unescape(_TAGS.sub(" ", text[: limit * 8]))
    text = _MARKS.sub(" ", _LINKS.sub(r"\1", text))
    return cut(_BLANKS.sub(" ", text.replace("\0", "")).strip(), limit)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters: behind the last sentence that fits when it is not too early, else behind a word."""
    if len(text) <= limit:
        return text
    head = text[: limit + 1]
    ends = [match.start() + 1 for match in _SENTENCE.finditer(head)]
    if ends and ends[-1] >= limit // 3:
        return head[: ends[-1]]
    return head[: limit - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"


def title(summary: str, operation_id: str, method: str, path: str) -> str:
    """What an operation is called: its summary, or words of its id, or of its method and path."""
    name = plain_text(summary, MAX_NAME).rstrip(".")
    if name:
        return name
    found = split_words(operation_id) or [method.lower(), *path_words(path)]
    return cut(" ".join([found[0].capitalize(), *(_lower(word) for word in found[1:])]), MAX_NAME)


def _lower(word: str) -> str:
    """Abbreviations stay as they are."""
    return word if word.isupper() and len(word) > 1 else word.lower()


def path_words(path: str) -> list[str]:
    """Words of the fixed pieces of a path, without those that say nothing."""
    found: list[str] = []
    for piece in path.split("/"):
        if "{" not in piece:
            found += [word.lower() for word in split_words(piece) if not re.fullmatch(r"v?\d+", word.lower())]
    return [word for word in dict.fromkeys(found) if word not in _EMPTY_WORDS]


def singular(word: str) -> str:
    """An English word as one of it, roughly."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
        return word[:-1]
    return word


def keywords_of(name: str, method: str, path: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Keywords of an operation nobody wrote any for: its tags, the words of its path, and what else its verb is."""
    verb = _verb(name, method, path)
    found: list[str] = [tag.lower() for tag in tags]
    for word in path_words(path):
        found += [word, singular(word)]
    found += _VERBS.get(verb, ())
    said = {word.lower() for word in split_words(name)}
    return tuple(word[:60] for word in dict.fromkeys(found) if word and word not in said)[:16]


def intents_of(name: str, method: str, path: str) -> tuple[str, ...]:
    """Example intents of an operation nobody wrote any for: what is done with what, in several ways of saying it."""
    verb = _verb(name, method, path)
    things = _things(path) or " ".join(word.lower() for word in split_words(name)[1:]) or "it"
    one = _one(things)
    many = verb in ("list", "search")
    wanted = things if many else f"a {one}" if verb in ("create", "send", "upload") else f"the {one}"
    said = [f"{way} {one if way.endswith('a new') else wanted}" for way in _VERBS.get(verb, (verb,))]
    return tuple(dict.fromkeys([name[0].lower() + name[1:], *said, f"I want to {said[0]}"]))[:5]


def _verb(name: str, method: str, path: str) -> str:
    first = (split_words(name) or [""])[0].lower()
    first = _SAME.get(first, first)
    if first in _VERBS:
        return first
    by_method = _BY_METHOD.get(method, "get")
    return "list" if by_method == "get" and "{" not in path.rstrip("/").rpartition("/")[2] else by_method


def _things(path: str) -> str:
    """``/shops/{shop}/orders/{id}``: shop orders."""
    pieces = [piece for piece in path.split("/") if piece and "{" not in piece]
    words = [" ".join(path_words(piece)) for piece in pieces]
    kept = [word for word in words if word][-2:]
    return " ".join([*(_one(word) for word in kept[:-1]), *kept[-1:]])


def _one(things: str) -> str:
    head, _, last = things.rpartition(" ")
    return f"{head} {singular(last)}".strip()
