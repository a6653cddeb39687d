"""Input against an action's schema, with errors that name the field by its JSON path."""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, cast

import jsonschema_rs

from syncom.connect.model import Action, Schema
from syncom.errors import FieldError, Invalid

#: Compiled schemas that are kept.
_MAX_KEPT: Final = 2_000
_MAX_ERRORS: Final = 20
#: Rounds of leaving out what a schema does not know.
_ROUNDS: Final = 8
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Checker:
    """Validators by action, compiled once for each version of it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, object], jsonschema_rs.Validator] = OrderedDict()

    def check(self, action: Action, given: Any) -> Any:
        """The input without what the schema does not know (membrane-api, 6.7: silently ignored).
        Raises Invalid that names each wrong field, such as ``$.contact.email``."""
        validator = self._validator(action)
        value: Any = {} if given is None else given
        try:
            for _ in range(_ROUNDS):
                errors = list(validator.iter_errors(value))
                unknown = [error for error in errors if error.kind.name in _UNKNOWN]
                if not unknown:
                    break
                value = copy.deepcopy(value)
                for error in unknown:
                    _leave_out(value, error.instance_path, getattr(error.kind, "unexpected", ()))
            else:
                errors = list(validator.iter_errors(value))
        except jsonschema_rs.ValidationError as error:
            raise Invalid("$", f"cannot be checked: {error.message[:200]}") from None
        except (ValueError, RecursionError, TypeError):
            raise Invalid("$", "cannot be checked: it is nested too deep, or no JSON") from None
        if errors:
            raise Invalid.of([_field(error) for error in errors[:_MAX_ERRORS]])
        return value

    def check_draft(self, action: Action, given: Any, is_open: Callable[[Any], bool]) -> None:
        """Input that is not whole yet: a value for which ``is_open`` is true may become anything.

        Raises Invalid that names each wrong, missing or unknown field.
        """
        found = [FieldError(json_path([name]), _NOT_KNOWN) for name in _strangers(action.input_schema, given)]
        for error in self._validator(action).iter_errors(given):
            if error.kind.name in _UNKNOWN:
                names = getattr(error.kind, "unexpected", ())
                found += [FieldError(json_path([*error.instance_path, name]), _NOT_KNOWN) for name in names]
            elif not _hangs(error, given, is_open):
                found.append(_field(error))
        if found:
            raise Invalid.of(found[:_MAX_ERRORS])

    def _validator(self, action: Action) -> jsonschema_rs.Validator:
        key = (action.action_id, action.updated_at or id(action.input_schema))
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = _compiled(action)
            if len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        return known


_UNKNOWN: Final = ("additionalProperties", "unevaluatedProperties")
_NOT_KNOWN: Final = "is not known to this action"
#: Members of a schema that say something of members which it does not name.
_OPEN: Final = frozenset(
    {*_UNKNOWN, "patternProperties", "propertyNames", "allOf", "anyOf", "oneOf", "$ref", "$dynamicRef", "if"}
)


def _strangers(schema: Schema, given: Any) -> list[str]:
    """Members that a schema does not name, and says nothing of: the action does not look at them."""
    named = schema.get("properties")
    if not isinstance(named, dict) or not isinstance(given, dict) or _OPEN & set(schema):
        return []
    return [name for name in cast("dict[str, Any]", given) if name not in named]


def _hangs(error: jsonschema_rs.ValidationError, given: Any, is_open: Callable[[Any], bool]) -> bool:
    """Whether an error may go when values are filled in. Names of members are what they are."""
    if error.kind.name == "required":
        return False
    for piece in error.instance_path:
        given = given[piece]
    return is_open(given)


def _compiled(action: Action) -> jsonschema_rs.Validator:
    try:
        # Values are masked in messages: they may be secrets. Nothing is fetched for a $ref.
        return jsonschema_rs.validator_for(action.input_schema or {}, mask="this value", retriever=_nothing_elsewhere)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise Invalid("action", f"{action.key} has an input schema that cannot be used: {reason}") from None


def _nothing_elsewhere(uri: str) -> Any:
    raise ValueError(f"{uri[:200]} is not part of the schema")


def _leave_out(value: Any, path: list[str | int], names: Any) -> None:
    for piece in path:
        value = value[piece]
    if isinstance(value, dict):
        for name in names:
            cast("dict[str, Any]", value).pop(name, None)


def _field(error: jsonschema_rs.ValidationError) -> FieldError:
    path = list(error.instance_path)
    missing = getattr(error.kind, "property", None)
    if error.kind.name == "required" and isinstance(missing, str):
        return FieldError(json_path([*path, missing]), "is required")
    return FieldError(json_path(path), error.message.removeprefix("this value ")[:300])


def json_path(pieces: list[Any]) -> str:
    """``['contact', 'emails', 0]`` as ``$.contact.emails[0]``."""
    text = "$"
    for piece in pieces:
        if isinstance(piece, int):
            text += f"[{piece}]"
        elif _PLAIN_NAME.fullmatch(str(piece)):
            text += f".{piece}"
        else:
            text += f"[{str(piece)!r}]"
    return text
