"""Where credentials go in a request: an authentication option's templates, filled in.

``{name}`` stands for a member of the credentials, ``{=name}`` for a parameter of the connection, ``{{`` and ``}}`` for
braces. In addresses every name is a parameter's.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from yarl import URL

from syncom.connect.connections import forms
from syncom.connect.connections.model import OWN_OPTION, Stored
from syncom.connect.model import AuthKind, AuthOption, Authorisation, Connector
from syncom.errors import Conflict, Invalid
from syncom.outbound import check_url

_NAMES: Final = re.compile(r"\{\{|\}\}|\{(=?)([A-Za-z_][A-Za-z0-9_.-]*)\}")
#: What may stand for a placeholder in the host of an address: labels of a name, or a port.
_HOST_PIECE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_LINE_BREAKS: Final = re.compile(r"[\r\n\0]")


def own_option(connector: Connector) -> AuthOption:
    """How this installation is told who asks: as the connector says, else with a bearer token."""
    declared = next((option for option in connector.auth if option.key == OWN_OPTION), None)
    return declared or AuthOption(
        key=OWN_OPTION,
        kind=AuthKind.BEARER,
        title="This installation",
        input_schema={"type": "object", "properties": {"apiKey": {"type": "string", "writeOnly": True}}},
        headers={"Authorization": "Bearer {apiKey}"},
    )


def option_of(connector: Connector, auth_key: str) -> AuthOption | None:
    """The option with this key."""
    if auth_key == OWN_OPTION and connector.own:
        return own_option(connector)
    return next((option for option in connector.auth if option.key == auth_key), None)


def is_own(connector: Connector, auth_key: str) -> bool:
    """Whether a connection leads to this installation itself."""
    return connector.own and auth_key == OWN_OPTION


def authorise(
    *,
    connector: Connector,
    option: AuthOption,
    stored: Stored,
    parameters: Mapping[str, Any],
    own_address: str,
    generation: int,
) -> Authorisation:
    """What makes a request one of this connection. Raises Conflict when a template names what is not there."""
    values = {**stored.typed, **stored.token}
    shown = forms.visible(option, stored.typed)
    base_url = own_address
    if not is_own(connector, option.key):
        base_url = address(option.base_url or connector.base_url, {**shown, **parameters})
    return Authorisation(
        base_url=base_url,
        headers={**_filled(connector.headers, values, parameters), **_headers(option, values, parameters)},
        query=_filled(option.query, values, parameters),
        cookies=_filled(option.cookies, values, parameters),
        generation=generation,
        secrets=_secrets(option, stored),
        own=connector.own and same_origin(base_url, own_address),
    )


def address(template: str, parameters: Mapping[str, Any]) -> str:
    """An address with its parameters, without a slash at the end. Raises Invalid naming the parameter.

    A whole address may be one placeholder; elsewhere in the host only a name's characters may stand for one, so that
    a parameter cannot lead to another host than its template shows, and in the path everything is percent-encoded.
    """
    only = _NAMES.fullmatch(template.rstrip("/"))
    if only is not None and only[2]:
        given = _text_of(parameters, only[2])
        return str(check_url(f"parameters.{only[2]}", given)).rstrip("/")
    start = template.find("://") + 3
    end = min((place for place in (template.find(sign, start) for sign in "/?#") if place >= 0), default=len(template))

    def host(found: re.Match[str]) -> str:
        text = _text_of(parameters, found[2]) if found[2] else ""
        if not _HOST_PIECE.fullmatch(text):
            raise Invalid(f"parameters.{found[2]}", "must have only letters, digits, dots and dashes")
        return text

    def path(found: re.Match[str]) -> str:
        return quote(_text_of(parameters, found[2]), safe="") if found[2] else found[0][0]

    filled = template[:start] + _NAMES.sub(host, template[start:end]) + _NAMES.sub(path, template[end:])
    return str(check_url("parameters", filled)).rstrip("/")


def host_is_chosen(template: str) -> bool:
    """Whether whoever gives the parameters chooses the host: a secret of the workspace must not go there."""
    start = template.find("://") + 3 if "://" in template else 0
    end = min((place for place in (template.find(sign, start) for sign in "/?#") if place >= 0), default=len(template))
    host = template[start:end].partition(":")[0]
    names = list(_NAMES.finditer(host))
    # What follows the last placeholder must be a domain with a name of its own: '.shop.example', not '.com'.
    return bool(names) and host[names[-1].end() :].strip(".").count(".") < 1


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port."""
    return URL(one).origin() == URL(other).origin()


def fill(template: str, values: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """One template. Raises Conflict when it names what is not there."""

    def replaced(found: re.Match[str]) -> str:
        if not found[2]:
            return found[0][0]
        source = parameters if found[1] else values
        value = source.get(found[2])
        if value is None and not found[1]:
            value = parameters.get(found[2])
        if value is None:
            raise Conflict(f"the credentials have no {found[2]}, which this app wants; connect it again")
        return value if isinstance(value, str) else _spelled(value)

    filled = _NAMES.sub(replaced, template)
    if _LINE_BREAKS.search(filled):
        raise Invalid("input", "must not contain line breaks")
    return filled


def _filled(templates: Mapping[str, str], values: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, str]:
    return {fill(name, values, parameters): fill(template, values, parameters) for name, template in templates.items()}


def _headers(option: AuthOption, values: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, str]:
    headers = _filled(option.headers, values, parameters)
    basic = option.basic
    placed = bool(option.headers or option.query or option.cookies or basic)
    if basic is None and not placed and option.kind is AuthKind.BASIC:
        basic = ("{username}", "{password}")
    if basic is not None:
        user, password = fill(basic[0], values, parameters), fill(basic[1], values, parameters)
        headers["Authorization"] = "Basic " + b64encode(f"{user}:{password}".encode()).decode()
    elif not placed and option.kind in _BEARERS:
        headers["Authorization"] = "Bearer " + fill(_BEARERS[option.kind], values, parameters)
    return headers


#: What stands behind Bearer when an option says nothing about where its credentials go.
_BEARERS: Final[Mapping[AuthKind, str]] = {
    AuthKind.BEARER: "{token}",
    AuthKind.API_KEY: "{apiKey}",
    AuthKind.OAUTH2: "{access_token}",
    AuthKind.CLIENT_CREDENTIALS: "{access_token}",
    AuthKind.JWT_BEARER: "{access_token}",
}


def _secrets(option: AuthOption, stored: Stored) -> tuple[str, ...]:
    """Every secret of the credentials, the longest first, so that none is struck out in part."""
    found = forms.secrets_of(option, stored.typed)
    for name, value in stored.token.items():
        if isinstance(value, str) and name not in ("token_type", "scope", "expires_in"):
            found.append(value)
    typed = stored.typed
    basic = option.basic or (("{username}", "{password}") if option.kind is AuthKind.BASIC else None)
    if basic is not None:
        try:
            pair = f"{fill(basic[0], typed, {})}:{fill(basic[1], typed, {})}"
            found.append(b64encode(pair.encode()).decode())
        except (Conflict, Invalid):
            pass
    return tuple(sorted({one for one in found if one}, key=len, reverse=True))


def _text_of(parameters: Mapping[str, Any], name: str) -> str:
    value = parameters.get(name)
    if value is None or value == "":
        raise Invalid(f"parameters.{name}", "is missing")
    return value if isinstance(value, str) else _spelled(value)


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise Invalid("input", "must be text to be placed in a request")
