"""Input against an action's schema, with errors that name the field by its JSON path."""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from typing import Any, Final, cast

import jsonschema_rs

from syncom.connect.model import Action
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

    def _validator(self, action: Action) -> jsonschema_rs.Validator:
        key = (action.action_id, action.updated_at or id(action.input_schema))
        known = self._kept.get(key)
        if known is None:
            known = self._kept[key] = _compiled(action)
            if len(self._kept) > _MAX_KEPT:
                self._kept.popitem(last=False)
        return known


_UNKNOWN: Final = ("additionalProperties", "unevaluatedProperties")


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
