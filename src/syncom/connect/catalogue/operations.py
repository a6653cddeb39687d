"""Operations of an OpenAPI document as actions: one flat input, and where each of its members goes in a request."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from syncom.connect.catalogue import swagger, words
from syncom.connect.catalogue.model import MAX_NAME, ActionDraft
from syncom.connect.catalogue.schemas import Schemas, Use, problem_of_converted
from syncom.connect.catalogue.servers import absolute
from syncom.connect.catalogue.tree import Document, items, members, text, texts
from syncom.connect.model import Argument, Effect, Operation, Pagination, Place, Schema
from syncom.errors import Invalid

#: TRACE is for debugging servers, and no client sends it.
_METHODS: Final = ("get", "head", "options", "post", "put", "patch", "delete", "query")
_READS: Final = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "QUERY", "PUT", "DELETE"})
_PLACES: Final = {"path": Place.PATH, "query": Place.QUERY, "header": Place.HEADER, "cookie": Place.COOKIE}
#: Headers that the request itself makes (OpenAPI 3.1, 4.8.12: the first three are ignored).
_OWN_HEADERS: Final = frozenset(
    {"accept", "content-type", "authorization", "host", "content-length", "user-agent", "connection", "cookie"}
)
#: What programs that read schemas allow as a name.
_INPUT_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_VARIABLE: Final = re.compile(r"\{([^{}/]+)\}")
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_FILE: Final[Schema] = {
    "type": ["string", "object"],
    "contentEncoding": "base64",
    "properties": {
        "filename": {"type": "string"},
        "content": {"type": "string", "contentEncoding": "base64"},
        "contentType": {"type": "string"},
    },
    "required": ["content"],
}
_FILE_HINT: Final = "A file: its bytes in base64, or {filename, content, contentType}."


class Found(NamedTuple):
    """An operation of the document, not yet looked into."""

    path: str
    method: str
    given: dict[str, Any]
    #: The path's own members: parameters and servers.
    shared: dict[str, Any]

    @property
    def operation_id(self) -> str:
        return text(self.given.get("operationId"))

    @property
    def name(self) -> str:
        """For remarks, and for naming it in connector.yaml when it has no id: ``GET /me``."""
        return self.operation_id or f"{self.method} {self.path}"


def operations_of(document: Document) -> list[Found]:
    """All operations, in the document's order."""
    found: list[Found] = []
    for path, given in members(document.root.get("paths")).items():
        if not path.startswith("/"):
            if not path.startswith("x-"):
                document.note(f"the path {path[:200]} does not begin with a slash, and is left out")
            continue
        shared = document.followed(given)
        found += [
            Found(path, method, members(one), shared) for method, one in _methods(shared) if isinstance(one, dict)
        ]
    return found


def _methods(shared: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for method in _METHODS:
        if method in shared:
            yield method.upper(), shared[method]
    for method, one in members(shared.get("additionalOperations")).items():  # OpenAPI 3.2
        if re.fullmatch(r"[A-Z]{1,20}", method) and method not in ("TRACE", "CONNECT"):
            yield method, one


class Operations:
    """Makes actions of operations."""

    def __init__(self, document: Document, schemas: Schemas, base_url: str, taken: Collection[tuple[str, str]]) -> None:
        """``taken``: places ('header', 'x-api-key') that others fill: credentials, headers of every request."""
        self._document = document
        self._schemas = schemas
        self._base_url = base_url
        self._taken = taken

    def action(self, found: Found, keys: set[str], *, texts_too: bool) -> ActionDraft | None:
        """The action, its key added to ``keys``; None (and a note) when there can be none.

        ``texts_too``: make keywords and example intents when nobody wrote any.
        """
        given = found.given
        if self._document.is_swagger:
            given = swagger.operation(self._document, given, items(found.shared.get("parameters")))
        inputs = _Inputs(self._document, self._schemas, self._taken)
        shared = [] if self._document.is_swagger else items(found.shared.get("parameters"))
        inputs.add_parameters([*shared, *items(given.get("parameters"))], found.path)
        inputs.add_body(self._document.followed(given.get("requestBody")), found.method)
        return self._draft(found, given, inputs, keys, texts_too=texts_too)

    def _draft(
        self, found: Found, given: dict[str, Any], inputs: _Inputs, keys: set[str], *, texts_too: bool
    ) -> ActionDraft | None:
        own, search = members(given.get("x-action")), members(given.get("x-search"))
        name = text(own.get("name"))[:MAX_NAME] or words.title(
            text(given.get("summary")), found.operation_id, found.method, found.path
        )
        input_schema, output_schema = inputs.schema(), self._output(members(given.get("responses")))
        for schema in (input_schema, output_schema):
            problem = problem_of_converted(schema)
            if problem:
                self._document.note(f"{found.name} is left out: {problem}")
                return None
        keywords, intents = texts(search.get("keywords")), texts(search.get("intents"))
        tags = [tag if isinstance(tag, str) else text(members(tag).get("name")) for tag in items(given.get("tags"))]
        if texts_too:
            keywords = keywords or words.keywords_of(name, found.method, found.path, tags)
        written = bool(intents)
        if texts_too and not intents:
            intents = words.intents_of(name, found.method, found.path)
        return ActionDraft(
            key=_key(text(own.get("key")), found, keys),
            name=name,
            description=_description(given, name),
            effect=_effect(own.get("effect"), found),
            idempotent=own["idempotent"] if isinstance(own.get("idempotent"), bool) else found.method in _IDEMPOTENT,
            input_schema=input_schema,
            output_schema=output_schema,
            operation=Operation(
                method=found.method,
                path=found.path,
                arguments=tuple(inputs.arguments),
                media=inputs.media,
                base_url=self._other_server(given, found.shared),
                pagination=_pagination(found, given),
            ),
            keywords=keywords,
            intents=intents,
            written=written,
        )

    def _other_server(self, given: dict[str, Any], shared: dict[str, Any]) -> str:
        """The operation's own server, or its path's, when it is another one. Its variables take their defaults."""
        if self._document.is_swagger:
            return ""
        for place in (given, shared):
            server = members(next(iter(items(place.get("servers"))), None))
            if text(server.get("url")):
                url = _with_defaults(text(server["url"]), members(server.get("variables")))
                url = absolute(url, self._base_url).rstrip("/")
                return "" if url == self._base_url else url
        return ""

    def _output(self, responses: dict[str, Any]) -> Schema:
        """The schema of the first answer of success that is JSON."""
        good = sorted(status for status in responses if re.fullmatch(r"2(\d\d|XX)", status.upper()))
        for status in good or ["default"]:
            content = members(self._document.followed(responses.get(status)).get("content"))
            for media, one in content.items():
                if _is_json(media) and "schema" in members(one):
                    converted = self._schemas.convert(members(one)["schema"], Use.OUTPUT)
                    return self._schemas.bundle(converted, Use.OUTPUT)
        return {}


class _Inputs:
    """The input of one action as it is put together."""

    def __init__(self, document: Document, schemas: Schemas, taken: Collection[tuple[str, str]]) -> None:
        self._document = document
        self._schemas = schemas
        self._taken = taken
        self._properties: dict[str, Any] = {}
        self._required: list[str] = []
        self._more: Schema = {}
        self.arguments: list[Argument] = []
        self.media = ""

    def schema(self) -> Schema:
        found: Schema = {"type": "object", "properties": self._properties}
        if self._required:
            found["required"] = self._required
        return self._schemas.bundle(found | self._more, Use.INPUT)

    # ------------------------------------------------------------ parameters

    def add_parameters(self, given: list[Any], path: str) -> None:
        """Those of the path and those of the operation; the later of two with one name and place counts."""
        chosen: dict[tuple[str, str], dict[str, Any]] = {}
        for one in given:
            found = self._document.followed(one)
            name, place = text(found.get("name")), text(found.get("in"))
            if name and place in _PLACES:
                chosen[place, name] = found
        in_path = list(dict.fromkeys(_VARIABLE.findall(path)))
        for name in in_path:
            chosen.setdefault(("path", name), {"schema": {"type": "string"}})
        for (place, name), found in chosen.items():
            if (place == "path" and name not in in_path) or self._is_made(place, name):
                continue
            self._add_parameter(_PLACES[place], name, found)

    def _is_made(self, place: str, name: str) -> bool:
        return (place, name.lower()) in self._taken or (place == "header" and name.lower() in _OWN_HEADERS)

    def _add_parameter(self, place: Place, name: str, given: dict[str, Any]) -> None:
        content = next(iter(members(given.get("content")).values()), None)
        converted = self._converted(given.get("schema", members(content).get("schema", {})))
        about = words.plain_text(text(given.get("description")), 300)
        if about:
            converted = {**converted, "description": about}
            converted.pop("title", None)
        if given.get("deprecated") is True:
            converted = {**converted, "deprecated": True}
        if "examples" not in converted and isinstance(given.get("example"), (str, int, float)):
            converted = {**converted, "examples": [given["example"]]}
        member = self._member(name, place.value)
        self._properties[member] = converted
        required = place is Place.PATH or given.get("required") is True
        if required:
            self._required.append(member)
        self.arguments.append(
            Argument(
                input=member,
                place=place,
                name=name,
                style="json" if content is not None else text(given.get("style")),
                explode=given["explode"] if isinstance(given.get("explode"), bool) else None,
                required=required,
            )
        )

    def _converted(self, schema: Any) -> Schema:
        """A schema as an object: ``true`` would take no description."""
        converted = self._schemas.convert(schema, Use.INPUT)
        return {} if converted is True else {"not": {}} if converted is False else converted

    def _member(self, name: str, prefix: str) -> str:
        """What a value is called in the input: its own name, as far as programs can read it and it is free."""
        if not _INPUT_NAME.fullmatch(name):
            name = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_")[:60] or prefix
        if name not in self._properties:
            return name
        return words.unique(f"{prefix}_{name}"[:60], self._properties)

    # ------------------------------------------------------------ body

    def add_body(self, given: dict[str, Any], method: str) -> None:
        content = {
            media.partition(";")[0].strip().lower(): members(one)
            for media, one in members(given.get("content")).items()
        }
        if not content:
            return
        media = next(iter(sorted(content, key=_preference)))
        schema = content[media].get("schema", {})
        about = words.plain_text(text(given.get("description")), 300)
        if not (_is_json(media) or media in (FORM, MULTIPART)):
            self._add_raw(media, schema, about, required=given.get("required") is not False)
            return
        self.media = "application/json" if media == "*/*" else media
        shape = self._flat(schema)
        required = _is_required(given, shape or {}, method)
        if shape is None or any(
            name in self._properties or not _INPUT_NAME.fullmatch(name) for name in shape["properties"]
        ):
            self._add_whole(schema, about, required=required)
            return
        self._add_members(shape, members(content[media].get("encoding")), required=required)

    def _flat(self, schema: Any) -> Schema | None:
        """The body's schema when its members can stand beside the parameters: a plain object, or several together.

        Not one that takes further members: the input would lose them.
        """
        given = members(schema)
        if "$ref" not in given and isinstance(given.get("allOf"), list) and set(given) <= _GATHERED:
            return self._gathered(given)
        found = self._document.followed(schema)
        if "allOf" in found:
            return self._gathered(found) if set(found) <= _GATHERED else None
        open_to_more = found.get("additionalProperties")
        if not isinstance(found.get("properties"), dict) or _SPECIAL & set(found) or found.get("nullable") is True:
            return None
        if not members(found["properties"]) or (open_to_more is not None and open_to_more is not False):
            return None
        return found

    def _gathered(self, given: dict[str, Any]) -> Schema | None:
        """Members of all parts of an ``allOf``, when none of them says anything about another's."""
        properties = dict(members(given.get("properties")))
        required = list(texts(given.get("required")))
        for part in items(given["allOf"]):
            found = self._document.followed(part)
            if "allOf" in found or "additionalProperties" in found or _SPECIAL & set(found):
                return None
            if set(members(found.get("properties"))) & set(properties):
                return None
            properties |= members(found.get("properties"))
            required += texts(found.get("required"))
        return {"type": "object", "properties": properties, "required": required} if properties else None

    def _add_members(self, shape: Schema, encoding: dict[str, Any], *, required: bool) -> None:
        is_form = self.media in (FORM, MULTIPART)
        hidden = {
            name for name, one in members(shape["properties"]).items() if members(one).get(Use.INPUT.value) is True
        }
        wanted = [name for name in texts(shape.get("required")) if name in shape["properties"] and name not in hidden]
        for name, one in members(shape["properties"]).items():
            if name in hidden:
                continue
            file = is_form and self._is_file(one)
            self._properties[name] = self._file(one) if file else self._converted(one)
            if required and name in wanted:
                self._required.append(name)
            coded = members(encoding.get(name))
            self.arguments.append(
                Argument(
                    input=name,
                    place=Place.BODY,
                    name=name,
                    style="file" if file else text(coded.get("style")),
                    explode=coded["explode"] if isinstance(coded.get("explode"), bool) else None,
                    required=required and name in wanted,
                )
            )
        if shape.get("additionalProperties") is False:
            self._more["additionalProperties"] = False
        if not required and wanted:
            # An optional body: all that it must have, once there is any of it.
            others = {
                name: [one for one in wanted if one != name] for name in shape["properties"] if name not in hidden
            }
            needed = {name: more for name, more in others.items() if more}
            self._more |= {"dependentRequired": needed} if needed else {}

    def _is_file(self, schema: Any) -> bool:
        found = self._document.followed(schema)
        if found.get("type") == "array":
            found = self._document.followed(found.get("items"))
        return (
            found.get("format") == "binary"
            or found.get("type") == "file"
            or ("contentMediaType" in found and "contentEncoding" not in found)
        )

    def _file(self, schema: Any) -> Schema:
        found = self._document.followed(schema)
        about = words.plain_text(text(found.get("description")), 200)
        one = _FILE | {"description": f"{about} {_FILE_HINT}".strip()}
        return {"type": "array", "items": one} if found.get("type") == "array" else one

    def _add_whole(self, schema: Any, about: str, *, required: bool) -> None:
        converted = self._converted(schema)
        self._set_body(converted | ({"description": about} if about else {}), style="", required=required)

    def _add_raw(self, media: str, schema: Any, about: str, *, required: bool) -> None:
        """Text goes as it is; anything else is a file."""
        self.media = "application/octet-stream" if "*" in media else media
        found = self._document.followed(schema)
        textual = media.startswith("text/") or media.endswith(("xml", "yaml", "javascript", "graphql", "csv", "ndjson"))
        if textual and found.get("format") != "binary":
            self._set_body(
                {"type": "string", "description": about or f"The body, as {media}."}, style="", required=required
            )
            return
        self._set_body(_FILE | {"description": f"{about} {_FILE_HINT}".strip()}, style="file", required=required)

    def _set_body(self, schema: Schema, *, style: str, required: bool) -> None:
        member = "body" if "body" not in self._properties else words.unique("request_body", self._properties)
        self._properties[member] = schema
        if required:
            self._required.append(member)
        self.arguments.append(
            Argument(input=member, place=Place.WHOLE_BODY, name=member, style=style, required=required)
        )


#: Keywords with which an object's members depend on each other, or are not known.
_SPECIAL: Final = frozenset(
    {"allOf", "anyOf", "oneOf", "not", "if", "patternProperties", "dependentSchemas", "propertyNames", "minProperties"}
)
_GATHERED: Final = frozenset({"allOf", "type", "description", "title", "properties", "required", "example", "examples"})


def _is_required(given: dict[str, Any], shape: Schema, method: str) -> bool:
    """Whether a call needs the body. Few write ``required: true``, so a body that must have members is taken for
    one unless the document says that it need not be there."""
    if isinstance(given.get("required"), bool):
        return given["required"] is True
    return bool(texts(shape.get("required"))) and method in ("POST", "PUT", "PATCH")


def _with_defaults(url: str, variables: dict[str, Any]) -> str:
    return _VARIABLE.sub(lambda match: str(members(variables.get(match[1])).get("default", match[0])), url)


def _is_json(media: str) -> bool:
    kind = media.partition(";")[0].strip().lower()
    return kind in ("application/json", "*/*", "text/json", "application/*") or kind.endswith("+json")


def _preference(media: str) -> int:
    if media == "application/json":
        return 0
    if _is_json(media) and "*" not in media and "patch" not in media:
        return 1
    kinds = {FORM: 3, MULTIPART: 2, "application/merge-patch+json": 1}
    return kinds.get(media, 4 if _is_json(media) else 5)


def _key(wanted: str, found: Found, keys: set[str]) -> str:
    key = words.unique(
        words.slug(wanted) or words.slug(found.operation_id) or words.slug(f"{found.method} {found.path}") or "action",
        keys,
    )
    keys.add(key)
    return key


def _description(given: dict[str, Any], name: str) -> str:
    about = (
        words.plain_text(text(given.get("description"))) or words.plain_text(text(given.get("summary"))) or f"{name}."
    )
    return f"Deprecated. {about}" if given.get("deprecated") is True else about


def _effect(wanted: Any, found: Found) -> Effect:
    if wanted in ("read", "write", "destructive"):
        return Effect(wanted)
    if found.method in _READS:
        return Effect.READ
    return Effect.DESTRUCTIVE if found.method == "DELETE" else Effect.WRITE


def _pagination(found: Found, given: dict[str, Any]) -> Pagination | None:
    """``x-pagination`` of an operation, for overlays. Raises Invalid."""
    if "x-pagination" not in given:
        return None
    try:
        return msgspec.convert(given["x-pagination"], Pagination)
    except msgspec.ValidationError as error:
        raise Invalid(f"{found.name}.x-pagination", str(error)) from None
