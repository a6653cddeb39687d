"""Things found by what they are called: an exact name, then a beginning, then a word, then what is written alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from syncom.connect.intents.lexical import trigrams_of
from syncom.connect.intents.model import Element, ElementType
from syncom.connect.intents.shelves import Document
from syncom.connect.intents.words import fold, plain_words, terms
from syncom.connect.model import Action

#: Shared trigrams (Jaccard) from which two names are alike.
_ALIKE: Final = 0.3
_TYPE_ORDER: Final = {"connector": 0, "connection": 1}


def best(q: str, rows: Sequence[Mapping[str, Any]], limit: int) -> list[Element]:
    """The rows that answer ``q``, best first; rows have type, element_id, key, name, description, aliases, domains."""
    wanted = " ".join(plain_words(q))
    if not wanted:
        return []
    words = terms(q)
    scored = [(score, row) for row in rows if (score := _score(q, wanted, words, row)) > 0]
    scored.sort(
        key=lambda item: (-item[0], _TYPE_ORDER.get(item[1]["type"], 2), item[1]["name"], item[1]["element_id"])
    )
    return [_element(row) for _, row in scored[:limit]]


def of_action(action: Action) -> Element:
    """An action as a found thing."""
    return Element(
        type=ElementType.ACTION,
        element_id=action.action_id,
        key=action.key,
        name=action.name,
        description=action.description,
        connector_id=action.connector_id,
    )


def row_of(document: Document) -> dict[str, Any]:
    """An action as a candidate."""
    return {
        "type": ElementType.ACTION.value,
        "element_id": document.action_id,
        "key": document.key,
        "name": document.name,
        "description": document.description or "",
        "connector_id": "",
    }


def _score(q: str, wanted: str, words: Mapping[str, float], row: Mapping[str, Any]) -> float:
    asked = fold(q).strip()
    domains = [str(domain) for domain in row.get("domains", ())]
    if any(asked == domain or asked.endswith((f".{domain}", f"://{domain}")) for domain in domains):
        return 6
    names = [" ".join(plain_words(str(name))) for name in (row["key"], row["name"], *row.get("aliases", ()))]
    joined = wanted.replace(" ", "")
    if wanted in names or any(joined == name.replace(" ", "") for name in names):
        return 5
    if any(name.startswith(wanted) or name.replace(" ", "").startswith(joined) for name in names):
        return 4
    pieces = {piece for name in names for piece in name.split()}
    hits = sum(any(piece.startswith(word) for piece in pieces) for word in wanted.split())
    if hits:
        return 3 + 0.9 * hits / len(wanted.split())
    likeness = max(_likeness(joined, name.replace(" ", "")) for name in names)
    if likeness >= _ALIKE:
        return 2 + likeness
    described = terms(str(row.get("description", "")))
    shared = sum(weight for term, weight in words.items() if term in described)
    return shared / sum(words.values()) if words else 0


def _likeness(one: str, other: str) -> float:
    if not one or not other:
        return 0
    mine, yours = trigrams_of(one), trigrams_of(other)
    return len(mine & yours) / len(mine | yours)


def _element(row: Mapping[str, Any]) -> Element:
    return Element(
        type=ElementType(row["type"]),
        element_id=row["element_id"],
        key=row["key"],
        name=row["name"],
        description=row.get("description", ""),
        logo=row.get("logo", ""),
        connector_id=row["connector_id"],
    )
