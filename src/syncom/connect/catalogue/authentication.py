"""Security schemes of a document as ways of authenticating (OpenAPI 3.1, 4.8.27)."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from syncom.connect.catalogue import swagger
from syncom.connect.catalogue.tree import Document, items, members, text
from syncom.connect.catalogue.words import plain_text, slug
from syncom.connect.model import AuthKind, AuthOption, OAuthConfig, Schema

#: Ways that are offered at most.
_OPTIONS: Final = 8
_BEARER: Final = {"Authorization": "Bearer {access_token}"}


def auth_options(document: Document) -> tuple[AuthOption, ...]:
    """One option for each set of schemes that the document asks for, the one that most operations take first."""
    schemes = _schemes(document)
    found: dict[str, AuthOption] = {}
    for names in _wanted(document, list(schemes)):
        for option in _option(document, names, schemes):
            found.setdefault(option.key, option)
    if not found:
        return (AuthOption(key="none", kind=AuthKind.NONE, title="No authentication"),)
    return tuple(found.values())[:_OPTIONS]


def credential_places(document: Document) -> set[tuple[str, str]]:
    """Where ('header', 'x-api-key') API keys go: operations need no argument there."""
    return {
        (text(one.get("in")), text(one.get("name")).lower())
        for one in _schemes(document).values()
        if one.get("type") == "apiKey"
    }


def _schemes(document: Document) -> dict[str, dict[str, Any]]:
    if document.is_swagger:
        return {name: members(one) for name, one in swagger.security_schemes(document.root).items()}
    given = members(members(document.root.get("components")).get("securitySchemes"))
    return {name: document.followed(one) for name, one in given.items()}


def _wanted(document: Document, known: list[str]) -> list[tuple[str, ...]]:
    """Sets of schemes, by how many operations take them; the document's own first; all schemes when none is wanted."""
    counted: Counter[tuple[str, ...]] = Counter()
    for requirement in items(document.root.get("security")):
        counted[tuple(members(requirement))] += 1_000_000
    for path in members(document.root.get("paths")).values():
        for operation in members(path).values():
            for requirement in items(members(operation).get("security")):
                counted[tuple(members(requirement))] += 1
    wanted = [names for names, _ in counted.most_common() if names and all(name in known for name in names)]
    if () in counted and not wanted:
        return []
    return wanted or [(name,) for name in known]


def _option(document: Document, names: tuple[str, ...], schemes: dict[str, dict[str, Any]]) -> list[AuthOption]:
    if len(names) == 1:
        return _single(document, names[0], schemes[names[0]])
    parts = [_single(document, name, schemes[name]) for name in names]
    if not all(parts):
        return []
    # Several at once: an OAuth among them leads, the fields of the others come with it.
    chosen = [options[0] for options in parts]
    lead = next((one for one in chosen if one.oauth is not None), chosen[0])
    return [_together(lead, chosen, names)]


def _together(lead: AuthOption, chosen: list[AuthOption], names: tuple[str, ...]) -> AuthOption:
    properties: dict[str, Any] = {}
    headers, query, cookies = dict[str, str](), dict[str, str](), dict[str, str]()
    for name, option in zip(names, chosen, strict=True):
        own = list(members(option.input_schema.get("properties")))
        # Two keys would both be called apiKey: each is called by its scheme.
        renamed = {old: old if option.oauth or len(own) > 1 else _field_name(name, properties) for old in own}
        properties |= {renamed[old]: option.input_schema["properties"][old] for old in own}
        for target, templates in ((headers, option.headers), (query, option.query), (cookies, option.cookies)):
            for place, template in templates.items():
                for old, new in renamed.items():
                    template = template.replace("{%s}" % old, "{%s}" % new)  # noqa: UP031
                target[place] = template
    return AuthOption(
        key=slug("-".join(names)) or "auth",
        kind=lead.kind if lead.oauth else AuthKind.FIELDS,
        title=" and ".join(one.title for one in chosen)[:200],
        input_schema=_form(properties),
        headers=headers,
        query=query,
        cookies=cookies,
        basic=next((one.basic for one in chosen if one.basic), None),
        oauth=lead.oauth,
    )


def _field_name(scheme: str, taken: dict[str, Any]) -> str:
    words = slug(scheme).split("-")
    name = words[0] + "".join(word.capitalize() for word in words[1:]) or "key"
    while name in taken:
        name += "2"
    return name


def _single(document: Document, name: str, scheme: dict[str, Any]) -> list[AuthOption]:
    key, about = slug(name) or "auth", plain_text(text(scheme.get("description")), 300)
    kind = scheme.get("type")
    if kind == "apiKey":
        return _api_key(key, about, scheme)
    if kind == "http":
        return _http(document, key, about, scheme)
    if kind == "oauth2":
        return _oauth(document, key, about, members(scheme.get("flows")))
    if kind == "openIdConnect":
        document.note(
            f"{name}: OpenID Connect is taken as a token that a person pastes; auth in connector.yaml can do more"
        )
        return [_token(key, "Access token", about)]
    document.note(f"{name}: authentication of type {kind!r} is not supported; auth in connector.yaml can describe it")
    return []


def _api_key(key: str, about: str, scheme: dict[str, Any]) -> list[AuthOption]:
    place = {text(scheme.get("name")): "{apiKey}"}
    where = scheme.get("in")
    return [
        AuthOption(
            key=key,
            kind=AuthKind.API_KEY,
            title="API key",
            description=about,
            input_schema=_form({"apiKey": {"type": "string", "title": "API key", "writeOnly": True}}),
            headers=place if where == "header" else {},
            query=place if where == "query" else {},
            cookies=place if where == "cookie" else {},
        )
    ]


def _http(document: Document, key: str, about: str, scheme: dict[str, Any]) -> list[AuthOption]:
    name = text(scheme.get("scheme")).lower()
    if name == "basic":
        fields = {
            "username": {"type": "string", "title": "User name"},
            "password": {"type": "string", "title": "Password", "writeOnly": True},
        }
        return [
            AuthOption(
                key=key,
                kind=AuthKind.BASIC,
                title="User name and password",
                description=about,
                input_schema=_form(fields),
                basic=("{username}", "{password}"),
            )
        ]
    if name == "bearer":
        return [_token(key, "Access token", about)]
    document.note(f"HTTP authentication {name!r}: its whole Authorization header is asked for")
    fields = {"authorization": {"type": "string", "title": "Authorization header", "writeOnly": True}}
    return [
        AuthOption(
            key=key,
            kind=AuthKind.FIELDS,
            title="Authorization header",
            description=about,
            input_schema=_form(fields),
            headers={"Authorization": "{authorization}"},
        )
    ]


def _token(key: str, title: str, about: str) -> AuthOption:
    return AuthOption(
        key=key,
        kind=AuthKind.BEARER,
        title=title,
        description=about,
        input_schema=_form({"token": {"type": "string", "title": title, "writeOnly": True}}),
        headers={"Authorization": "Bearer {token}"},
    )


def _oauth(document: Document, key: str, about: str, flows: dict[str, Any]) -> list[AuthOption]:
    code, client = members(flows.get("authorizationCode")), members(flows.get("clientCredentials"))
    found: list[AuthOption] = []
    if text(code.get("tokenUrl")) and text(code.get("authorizationUrl")):
        config = _config(code, authorize=text(code["authorizationUrl"]))
        found.append(
            AuthOption(key=key, kind=AuthKind.OAUTH2, title="Sign in", description=about, headers=_BEARER, oauth=config)
        )
    if text(client.get("tokenUrl")):
        fields = {
            "clientId": {"type": "string", "title": "Client id"},
            "clientSecret": {"type": "string", "title": "Client secret", "writeOnly": True},
        }
        found.append(
            AuthOption(
                key=f"{key}-client" if found else key,
                kind=AuthKind.CLIENT_CREDENTIALS,
                title="Client credentials",
                description=about,
                input_schema=_form(fields),
                headers=_BEARER,
                oauth=_config(client),
            )
        )
    if not found and flows:
        document.note(f"the OAuth flows {', '.join(flows)} are not used any more: a person pastes a token instead")
    # A token made by hand always works, also before anybody registered a client.
    found.append(_token(f"{key}-token" if found else key, "Access token", about))
    return found


def _config(flow: dict[str, Any], *, authorize: str = "") -> OAuthConfig:
    return OAuthConfig(
        token_url=text(flow["tokenUrl"]), authorize_url=authorize, scopes=tuple(members(flow.get("scopes")))
    )


def _form(fields: dict[str, Any]) -> Schema:
    return {"type": "object", "required": list(fields), "properties": fields}
