"""From a connector's files to a connector and its actions. Pure: no database, no network, no clock."""

from __future__ import annotations

import base64
import mimetypes
import re
from pathlib import Path
from typing import Any, Final

import msgspec

from syncom.connect.catalogue import words
from syncom.connect.catalogue.authentication import auth_options, credential_places
from syncom.connect.catalogue.model import (
    MAX_DOCUMENT,
    MAX_KEY,
    MAX_LOGO,
    MAX_OPERATIONS,
    MAX_SETTINGS,
    SETTINGS_FILE,
    ActionDraft,
    ActionSettings,
    ConnectorSettings,
    Draft,
)
from syncom.connect.catalogue.operations import Found, Operations, operations_of
from syncom.connect.catalogue.overlay import apply_overlay
from syncom.connect.catalogue.parse import check_depth, parse
from syncom.connect.catalogue.schemas import Schemas, Use, problem_of
from syncom.connect.catalogue.servers import Servers, host_pattern, servers_of
from syncom.connect.catalogue.tree import Document, members, text, texts
from syncom.connect.model import AuthKind, AuthOption, Connector, Effect, Pagination, Place, Schema, Shape
from syncom.errors import Invalid

#: Files of a connector folder.
DOCUMENTS: Final = ("openapi.yaml", "openapi.yml", "openapi.json", "swagger.yaml", "swagger.json")
_KEY: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_TEST: Final = re.compile(r"(GET|HEAD|POST) (/\S*|https?://\S+)")
_LOGOS: Final = frozenset({"image/svg+xml", "image/png", "image/jpeg", "image/webp"})
#: Last pieces of paths that answer who one is.
_SELF: Final = ("me", "whoami", "self", "account", "user", "profile", "ping", "status", "info", "shop", "health")


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """What a connector is made of."""

    settings: ConnectorSettings
    document: bytes | None = None
    overlay: bytes | None = None
    #: What the document is called in messages, and where it came from (for its relative addresses).
    document_name: str = "document"
    source: str = ""
    #: Whether keywords and intents are made for operations that have none.
    texts_too: bool = True


def read_settings(given: bytes, name: str = SETTINGS_FILE) -> ConnectorSettings:
    """``connector.yaml``. Raises Invalid naming the file and the member."""
    data = parse(name, given, limit=MAX_SETTINGS)
    try:
        return msgspec.convert(data, ConnectorSettings)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `$")
        field = place.rstrip("`").lstrip(".")
        raise Invalid(f"{name}: {field}" if field else name, reason[0].lower() + reason[1:]) from None


def read_folder(folder: Path, *, texts_too: bool = True) -> Sources:
    """The files of a connector folder. Raises Invalid naming the file."""
    settings_file = folder / SETTINGS_FILE
    if not settings_file.is_file():
        raise Invalid(str(folder), f"has no {SETTINGS_FILE}")
    settings = read_settings(_bytes(settings_file))
    if settings.key not in ("", folder.name):
        raise Invalid(f"{SETTINGS_FILE}: key", f"must be the folder's name, {folder.name}")
    if settings.logo and ":" not in settings.logo:
        settings = msgspec.structs.replace(settings, logo=_logo(folder, settings.logo))
    document = next((folder / name for name in DOCUMENTS if (folder / name).is_file()), None)
    overlay = folder / "overlay.yaml"
    return Sources(
        settings=msgspec.structs.replace(settings, key=folder.name),
        document=_bytes(document) if document is not None else None,
        document_name=document.name if document is not None else "document",
        overlay=_bytes(overlay) if overlay.is_file() else None,
        texts_too=texts_too,
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Invalid(path.name, f"cannot be read: {error.strerror}") from None


def _logo(folder: Path, name: str) -> str:
    path = folder / name
    kind = mimetypes.guess_type(name)[0]
    if kind not in _LOGOS or path.parent != folder or not path.is_file():
        raise Invalid(f"{SETTINGS_FILE}: logo", f"{name} is not an SVG, PNG, JPEG or WebP file of the folder")
    content = _bytes(path)
    if len(content) > MAX_LOGO:
        raise Invalid(f"{SETTINGS_FILE}: logo", f"{name} has more than {MAX_LOGO // 1024} kB")
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def compile_connector(sources: Sources) -> Draft:
    """The connector and its actions. Raises Invalid for what a person has to put right."""
    settings = sources.settings
    document = _document(sources)
    servers = Servers(base_url=settings.base_url.rstrip("/"))
    if sources.document is not None and not settings.base_url:
        servers = servers_of(document, sources.source)
    connector = _connector(settings, document, servers)
    schemas = Schemas(document)
    shaped = {one.key: one for one in settings.actions}
    if len(shaped) != len(settings.actions):
        raise Invalid(f"{SETTINGS_FILE}: actions", "two of them have the same key")
    found = operations_of(document)
    taken = credential_places(document) | {("header", name.lower()) for name in connector.headers}
    operations = Operations(document, schemas, servers.base_url, taken)
    actions = [_shaped(one, schemas, document) for one in settings.actions]
    # A hand-shaped action takes the place of a generated one with its key, so its key is not kept from that.
    keys: set[str] = set()
    chosen = _chosen(settings, found)
    if len(chosen) > MAX_OPERATIONS:
        raise Invalid(
            document.name, f"has more than {MAX_OPERATIONS} operations: generate in connector.yaml can choose"
        )
    for one in chosen:
        made = operations.action(one, keys, texts_too=sources.texts_too)
        if made is not None and made.key not in shaped:
            actions.append(_paged(made, connector.pagination))
    if connector.test is None and not settings.test:
        connector = msgspec.structs.replace(connector, test=_harmless(actions))
    return Draft(connector=connector, actions=tuple(actions), operations=len(found), notes=tuple(document.notes))


def _paged(action: ActionDraft, usual: Pagination | None) -> ActionDraft:
    """A list gets the app's usual pages: an operation that reads and knows one of their parameters."""
    operation = action.operation
    if usual is None or operation is None or operation.method != "GET" or operation.pagination is not None:
        return action
    known = {argument.name or argument.input for argument in operation.arguments if argument.place is Place.QUERY}
    if not known & {name for name in (usual.parameter, usual.size_parameter) if name}:
        return action
    return msgspec.structs.replace(action, operation=msgspec.structs.replace(operation, pagination=usual))


def _document(sources: Sources) -> Document:
    if sources.document is None:
        return Document(sources.document_name, {})
    document = Document(sources.document_name, parse(sources.document_name, sources.document, limit=MAX_DOCUMENT))
    if sources.overlay is not None:
        apply_overlay(document, sources.overlay)
        check_depth(sources.document_name, document.root)
    version = str(document.root.get("openapi") or document.root.get("swagger") or "")
    if not re.match(r"3\.\d|3$" if "openapi" in document.root else r"2(\.0)?$", version):
        raise Invalid(document.name, "is neither an OpenAPI 3 document nor Swagger 2.0: it has no such version")
    if not isinstance(document.root.get("paths", {}), dict):
        raise Invalid(document.name, "has paths that are no object")
    return document


def _connector(settings: ConnectorSettings, document: Document, servers: Servers) -> Connector:
    info = members(document.root.get("info"))
    name = settings.name or words.plain_text(text(info.get("title")), 80)
    first = servers.base_url if "://" in servers.base_url else ""
    domains = tuple(domain.lower() for domain in settings.domains) or _domains(first)
    if not name:
        name = words.title("", (domains[0].rpartition(".")[0] if domains else settings.key) or "App", "", "")
    key = settings.key or words.slug(name)
    if not _KEY.fullmatch(key) or len(key) > MAX_KEY:
        raise Invalid("key", "must have lower-case letters, digits and single dashes, 100 characters at most")
    auth = settings.auth
    if auth is None:
        auth = auth_options(document) if document.root else (_no_auth(),)
    _check_auth(auth)
    if not any(option.oauth for option in auth):
        # A client's secret goes only where the document's first server is.
        servers = servers.chosen()
    if not re.match(r"https?://[^/?#\s]|\{", servers.base_url):
        raise Invalid(f"{SETTINGS_FILE}: baseUrl", "is missing, or does not begin with https:// or http://")
    parameters = settings.parameters
    if parameters is None:
        parameters = servers.parameters
    return Connector(
        connector_id="",
        account_id=None,
        key=key,
        name=name,
        description=settings.description or words.plain_text(text(info.get("description")), 300),
        logo=settings.logo or text(members(info.get("x-logo")).get("url")),
        categories=settings.categories,
        aliases=settings.aliases,
        domains=domains,
        base_url=servers.base_url,
        hosts=settings.hosts or servers.hosts,
        parameters_schema=_checked(f"{SETTINGS_FILE}: parameters", parameters),
        auth=auth,
        test=_test(settings.test),
        headers=settings.headers,
        pagination=settings.pagination,
        rate_limit=settings.rate_limit,
        failure=settings.failure,
        own=settings.own,
    )


def _no_auth() -> AuthOption:
    return AuthOption(key="none", kind=AuthKind.NONE, title="No authentication")


def _check_auth(options: tuple[AuthOption, ...]) -> None:
    if len({option.key for option in options}) != len(options):
        raise Invalid(f"{SETTINGS_FILE}: auth", "two of them have the same key")
    for number, option in enumerate(options):
        place = f"{SETTINGS_FILE}: auth[{number}]"
        _checked(f"{place}.inputSchema", option.input_schema)
        wants_provider = option.kind in (AuthKind.OAUTH2, AuthKind.CLIENT_CREDENTIALS, AuthKind.JWT_BEARER)
        if wants_provider and option.oauth is None:
            raise Invalid(f"{place}.oauth", f"is missing: {option.kind.value} needs a tokenUrl")
        if option.kind is AuthKind.OAUTH2 and option.oauth is not None and not option.oauth.authorize_url:
            raise Invalid(f"{place}.oauth.authorizeUrl", "is missing: people have to be sent there")


def _checked(field: str, schema: Schema) -> Schema:
    problem = problem_of(schema)
    if problem:
        raise Invalid(field, f"is not a valid JSON Schema: {problem}")
    return schema


def _domains(base_url: str) -> tuple[str, ...]:
    """The registered part of the host, roughly: what stands before it is 'api' or 'www' as a rule."""
    host = host_pattern(base_url).removeprefix("*.")
    pieces = host.split(".")
    if len(pieces) < 2 or re.fullmatch(r"[\d.]+", host):
        return ()
    while len(pieces) > 2 and pieces[0] in ("api", "www", "rest", "app", "apis", "gateway", "v1", "v2"):
        pieces = pieces[1:]
    return (".".join(pieces),)


def _test(given: str) -> tuple[str, str] | None:
    if not given:
        return None
    found = _TEST.fullmatch(given.strip())
    if found is None:
        raise Invalid(f"{SETTINGS_FILE}: test", "must be a method and a path, such as GET /me")
    return found[1], found[2]


def _chosen(settings: ConnectorSettings, found: list[Found]) -> list[Found]:
    """Operations that make an action. Raises Invalid for ids that the document has not."""
    known = {one.name for one in found} | {f"{one.method} {one.path}" for one in found}
    replaced: set[str] = set()
    for number, action in enumerate(settings.actions):
        replaced |= _known(known, action.replaces, f"{SETTINGS_FILE}: actions[{number}].replaces")
    left = [one for one in found if not {one.name, f"{one.method} {one.path}"} & replaced]
    if settings.generate == "all":
        return left
    if settings.generate == "none":
        return []
    wanted = _known(known, settings.generate, f"{SETTINGS_FILE}: generate")
    return [one for one in left if {one.name, f"{one.method} {one.path}"} & wanted]


def _known(known: set[str], named: tuple[str, ...], field: str) -> set[str]:
    unknown = [name for name in named if name not in known]
    if unknown:
        raise Invalid(field, f"the document has no operation {unknown[0]}")
    return set(named)


def _shaped(given: ActionSettings, schemas: Schemas, document: Document) -> ActionDraft:
    field = f"{SETTINGS_FILE}: actions.{given.key}"
    if not _KEY.fullmatch(given.key) or len(given.key) > MAX_KEY:
        raise Invalid(f"{field}.key", "must have lower-case letters, digits and single dashes")
    if not given.steps:
        raise Invalid(f"{field}.steps", "must have at least one")
    if len({step.id for step in given.steps}) != len(given.steps):
        raise Invalid(f"{field}.steps", "two of them have the same id")
    methods = {step.method.upper() for step in given.steps}
    effect = given.effect
    if effect is None:
        effect = (
            Effect.READ if methods <= {"GET", "HEAD"} else Effect.DESTRUCTIVE if "DELETE" in methods else Effect.WRITE
        )
    input_schema = _with_definitions(given.input_schema or {"type": "object"}, schemas, Use.INPUT)
    output_schema = _with_definitions(given.output_schema, schemas, Use.OUTPUT)
    return ActionDraft(
        key=given.key,
        name=given.name,
        description=given.description,
        effect=effect,
        idempotent=methods <= {"GET", "HEAD", "PUT", "DELETE"} if given.idempotent is None else given.idempotent,
        input_schema=_checked(f"{field}.inputSchema", input_schema),
        output_schema=_checked(f"{field}.outputSchema", output_schema),
        shape=Shape(steps=given.steps, output=given.output),
        keywords=given.keywords,
        intents=given.intents,
        written=bool(given.intents),
    )


def _with_definitions(schema: Schema, schemas: Schemas, use: Use) -> Schema:
    """A schema of connector.yaml as it is written, unless it points into the document."""
    if b'"$ref":"#/$defs/' in msgspec.json.encode(schema) or b'"$ref"' not in msgspec.json.encode(schema):
        return schema
    return schemas.bundle(schemas.convert(schema, use), use)


def _harmless(actions: list[ActionDraft]) -> tuple[str, str] | None:
    """A GET without input that most likely needs nothing but the credentials."""
    free = [
        one.operation.path
        for one in actions
        if one.operation is not None
        and one.operation.method == "GET"
        and not one.operation.base_url
        and not texts(one.input_schema.get("required"))
    ]
    if not free:
        return None

    def order(path: str) -> tuple[int, int]:
        last = path.rstrip("/").rpartition("/")[2].lower()
        return (_SELF.index(last) if last in _SELF else len(_SELF), len(path))

    return "GET", min(free, key=order)


def settings_from(data: dict[str, Any]) -> ConnectorSettings:
    """Settings from members that an API's caller gave. Raises Invalid."""
    return read_settings(msgspec.json.encode(data), "settings")
