"""What a person types for a connection: the form of an authentication option, its check, and what of it is secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import jsonschema_rs
import msgspec

from syncom.connect.model import AuthKind, AuthOption, Connector, Schema
from syncom.errors import FieldError, Invalid

#: Forms of options whose connector describes none.
_USUAL: Final[Mapping[AuthKind, Schema]] = {
    AuthKind.API_KEY: {
        "type": "object",
        "required": ["apiKey"],
        "properties": {"apiKey": {"type": "string", "title": "API key", "minLength": 1, "writeOnly": True}},
    },
    AuthKind.BEARER: {
        "type": "object",
        "required": ["token"],
        "properties": {"token": {"type": "string", "title": "Access token", "minLength": 1, "writeOnly": True}},
    },
    AuthKind.BASIC: {
        "type": "object",
        "required": ["username", "password"],
        "properties": {
            "username": {"type": "string", "title": "User name", "minLength": 1},
            "password": {"type": "string", "title": "Password", "writeOnly": True},
        },
    },
    AuthKind.CLIENT_CREDENTIALS: {
        "type": "object",
        "required": ["clientId", "clientSecret"],
        "properties": {
            "clientId": {"type": "string", "title": "Client ID", "minLength": 1},
            "clientSecret": {"type": "string", "title": "Client secret", "minLength": 1, "writeOnly": True},
        },
    },
    AuthKind.JWT_BEARER: {
        "type": "object",
        "required": ["privateKey"],
        "properties": {
            "issuer": {"type": "string", "title": "Issuer"},
            "subject": {"type": "string", "title": "Subject"},
            "privateKey": {"type": "string", "title": "Private key (PEM)", "minLength": 1, "writeOnly": True},
        },
    },
}
#: Names that are taken for secrets though their schema does not say so: better hidden once too often.
_SECRET_NAME: Final = re.compile(r"secret|passw|token|api_?key|private_?key|credential|authori[sz]ation", re.IGNORECASE)
_MASK: Final = "this"
#: Bytes of everything that a person may type.
_LONGEST: Final = 64 * 1024
_TRUE: Final = frozenset({"true", "on", "1", "yes"})


def title_of(option: AuthOption) -> str:
    """What to call an option."""
    usual = {
        AuthKind.NONE: "No credentials",
        AuthKind.API_KEY: "API key",
        AuthKind.BASIC: "User name and password",
        AuthKind.BEARER: "Access token",
        AuthKind.OAUTH2: "Sign in",
        AuthKind.CLIENT_CREDENTIALS: "Client ID and secret",
        AuthKind.JWT_BEARER: "Private key",
    }
    return option.title or usual.get(option.kind, option.key)


def input_schema(option: AuthOption) -> Schema:
    """The form of an option: its own, or the usual one of its kind."""
    return option.input_schema or _USUAL.get(option.kind, {})


def properties(schema: Schema) -> dict[str, Schema]:
    """Schemas of the members. A member that anything fits (``true``) counts as one without a description."""
    found = schema.get("properties")
    if not isinstance(found, dict):
        return {}
    members = cast("dict[str, Any]", found)
    return {name: cast("Schema", one) if isinstance(one, dict) else {} for name, one in members.items()}


def is_secret(name: str, schema: Schema) -> bool:
    """Whether nobody may see this member again."""
    return schema.get("writeOnly") is True or schema.get("format") == "password" or bool(_SECRET_NAME.search(name))


def visible(option: AuthOption | None, typed: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed without what is secret: members that the form names, and no others."""
    if option is None:
        return {}
    known = properties(input_schema(option))
    return {name: value for name, value in typed.items() if name in known and not is_secret(name, known[name])}


def secrets_of(option: AuthOption | None, typed: Mapping[str, Any]) -> list[str]:
    """The texts of what was typed that nobody may see again."""
    known = properties(input_schema(option)) if option is not None else {}
    hidden = [value for name, value in typed.items() if is_secret(name, known.get(name, {})) or name not in known]
    return list(_texts(hidden))


def split(connector: Connector, option: AuthOption, typed: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Credentials and parameters out of one object: callers send both in ``input`` (membrane-api, 6.3)."""
    form, asked = properties(input_schema(option)), properties(connector.parameters_schema)
    moved = {name: value for name, value in typed.items() if name in asked and name not in form}
    return {name: value for name, value in typed.items() if name not in moved}, moved


def check_parameters(connector: Connector, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with their defaults. Raises Invalid naming ``parameters.<name>``."""
    return check("parameters", connector.parameters_schema, given)


def check_typed(option: AuthOption, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed, with defaults. Raises Invalid naming ``input.<name>``; no value is part of the message."""
    return check("input", input_schema(option), given)


def check(field: str, schema: Schema, given: Mapping[str, Any]) -> dict[str, Any]:
    """Against a JSON Schema. Nothing is fetched for it, and no message repeats a value."""
    values = dict(given)
    for name, member in properties(schema).items():
        if name not in values and "default" in member:
            values[name] = member["default"]
    if len(msgspec.json.encode(values)) > _LONGEST:
        raise Invalid(field, f"must be at most {_LONGEST} bytes of JSON")
    if not schema:
        return values
    try:
        validator = jsonschema_rs.validator_for(schema, mask=_MASK, offline=True, validate_formats=True)
        problems = [
            FieldError(".".join((field, *_place(error))), _reason(error)) for error in validator.iter_errors(values)
        ]
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise Invalid(field, f"cannot be checked: the connector's schema is wrong ({type(error).__name__})") from None
    if problems:
        raise Invalid.of(problems)
    return values


def from_form(schema: Schema, fields: Mapping[str, str]) -> dict[str, Any]:
    """Values of a page's form as the schema wants them. What was left empty is left out."""
    values: dict[str, Any] = {}
    for name, member in properties(schema).items():
        text = fields.get(name)
        kind = member.get("type")
        if kind == "boolean":
            values[name] = (text or "").lower() in _TRUE
        elif text:
            values[name] = _number(text, kind) if kind in ("integer", "number") else text
    return values


def _number(text: str, kind: str) -> Any:
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        return text  # the schema says what is wrong with it


def _place(error: jsonschema_rs.ValidationError) -> list[str]:
    place = [str(step) for step in error.instance_path]
    missing = getattr(error.kind, "property", None)
    if isinstance(missing, str):
        place.append(missing)
    return place


def _reason(error: jsonschema_rs.ValidationError) -> str:
    if isinstance(getattr(error.kind, "property", None), str):
        return "is missing"
    return error.message.removeprefix(f"{_MASK} ")


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for member in cast("Mapping[str, Any]", value).values():
            yield from _texts(member)
    elif isinstance(value, list | tuple):
        for member in cast("list[Any]", value):
            yield from _texts(member)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
