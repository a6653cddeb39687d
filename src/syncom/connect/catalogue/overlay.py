"""OpenAPI Overlays 1.0 and 1.1: changes to a document that are kept beside it.

Targets are JSONPath (RFC 9535). A target that matches nothing is noted, not refused: the overlay of a document that
changed goes on doing what it can.
"""

from __future__ import annotations

import copy
from typing import Any, Final

import jsonpath
import msgspec

from syncom.connect.catalogue.model import MAX_SETTINGS, OVERLAY_FILE
from syncom.connect.catalogue.parse import parse
from syncom.connect.catalogue.tree import Document, items, members
from syncom.errors import Invalid

_PATHS: Final = jsonpath.JSONPathEnvironment(strict=True)


class OverlayAction(msgspec.Struct, frozen=True, kw_only=True):
    """One change."""

    target: str
    description: str = ""
    #: Merged into each match: members of objects one by one, lists are appended to, anything else is replaced.
    update: Any = None
    remove: bool = False


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """An overlay document."""

    overlay: str
    info: dict[str, Any] = {}
    extends: str = ""
    actions: list[OverlayAction]


def apply_overlay(document: Document, given: bytes) -> None:
    """Change the document in place. Raises Invalid naming the overlay's file and the action."""
    try:
        overlay = msgspec.convert(_without_extensions(parse(OVERLAY_FILE, given, limit=MAX_SETTINGS)), Overlay)
    except msgspec.ValidationError as error:
        raise Invalid(OVERLAY_FILE, str(error)) from None
    if not overlay.overlay.startswith("1."):
        raise Invalid(OVERLAY_FILE, f"is of version {overlay.overlay}; 1.0 and 1.1 are understood")
    # Aliases of YAML are one object in several places; a change is of one place.
    document.root = msgspec.json.decode(msgspec.json.encode(document.root))
    for number, action in enumerate(overlay.actions):
        _apply(document, action, f"{OVERLAY_FILE}: actions[{number}]")


def _without_extensions(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if not name.startswith("x-")}


def _apply(document: Document, action: OverlayAction, place: str) -> None:
    try:
        found = list(_PATHS.finditer(action.target, document.root))
    except jsonpath.JSONPathError as error:
        raise Invalid(f"{place}.target", f"{action.target} is not a JSONPath: {error}") from None
    if not found:
        document.note(f"{place}: {action.target} matches nothing")
    # From the end, so that removing from a list moves nothing that is still to be removed.
    for match in reversed(found):
        parent = match.parent
        if parent is None:
            if action.remove:
                raise Invalid(place, "would remove the whole document")
            document.root = members(_merged(document.root, action.update))
        elif action.remove:
            _remove(parent.obj, match.parts[-1])
        elif action.update is not None:
            _replace(parent.obj, match.parts[-1], _merged(match.obj, action.update))


def _remove(holder: Any, place: int | str) -> None:
    # Something above may have gone already.
    if isinstance(holder, dict):
        members(holder).pop(str(place), None)
    elif isinstance(holder, list) and isinstance(place, int) and place < len(items(holder)):
        del items(holder)[place]


def _replace(holder: Any, place: int | str, value: Any) -> None:
    if isinstance(holder, dict):
        members(holder)[str(place)] = value
    elif isinstance(holder, list) and isinstance(place, int):
        items(holder)[place] = value


def _merged(present: Any, update: Any) -> Any:
    if isinstance(present, dict) and isinstance(update, dict):
        target = members(present)
        for name, value in members(update).items():
            target[name] = _merged(target[name], value) if name in target else copy.deepcopy(value)
        return target
    if isinstance(present, list):
        target = items(present)
        target.extend(copy.deepcopy(items(update) if isinstance(update, list) else [update]))
        return target
    return copy.deepcopy(update)
