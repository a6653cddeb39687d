"""Where the requests of a document go, and what a person has to be asked for that."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import msgspec

from syncom.connect.catalogue import swagger
from syncom.connect.catalogue.tree import Document, items, members, text
from syncom.connect.model import Schema

_VARIABLE: Final = re.compile(r"\{([^{}]+)\}")
#: What a person is asked for when the document does not say where the app is.
ADDRESS: Final = "baseUri"
#: What a person chooses when it is in several places.
SERVER: Final = "server"
_CHOICES: Final = 20


class Servers(msgspec.Struct, frozen=True, kw_only=True):
    """The connector's base URL, further hosts, and the parameters in them as properties of a schema."""

    base_url: str
    hosts: tuple[str, ...] = ()
    parameters: Schema = {}
    #: Whole addresses to choose from, when there are several; the first is ``base_url``.
    choices: tuple[str, ...] = ()

    def chosen(self) -> Servers:
        """The same with the choice left to whoever connects."""
        if len(self.choices) < 2:
            return self
        choice = {"type": "string", "title": "Server", "enum": list(self.choices), "default": self.choices[0]}
        return Servers(
            base_url=f"{{{SERVER}}}",
            hosts=self.hosts,
            parameters={"type": "object", "properties": {SERVER: choice}},
        )


def servers_of(document: Document, source: str) -> Servers:
    """The first server of a document is where requests go; credentials may follow to the hosts of the others.

    ``source`` is the address the document came from, against which relative addresses are read.
    """
    given = swagger.servers(document.root) if document.is_swagger else items(document.root.get("servers"))
    found = [members(one) for one in given if text(members(one).get("url")) or members(one).get("url") == ""]
    urls = [absolute(text(one.get("url")), source) for one in found]
    known = [(one, url) for one, url in zip(found, urls, strict=True) if url]
    if not known:
        path = text(found[0].get("url")).strip("/") if found else ""
        example = f"https://app.example/{path}".rstrip("/")
        document.note("the document does not say where the app is: every connection is asked for its address")
        return Servers(
            base_url=f"{{{ADDRESS}}}",
            parameters={
                "type": "object",
                "required": [ADDRESS],
                "properties": {
                    ADDRESS: {"type": "string", "format": "uri", "title": "Address of the app", "examples": [example]}
                },
            },
        )
    base, others = known[0][1], [url for _, url in known[1:]]
    hosts = dict.fromkeys(host for url in others if (host := host_pattern(url)))
    hosts.pop(host_pattern(base), None)
    choices = tuple(dict.fromkeys(url.rstrip("/") for url in (base, *others) if not _VARIABLE.search(url)))
    return Servers(
        base_url=base.rstrip("/"),
        hosts=tuple(hosts),
        parameters=_variables(base, known[0][0]),
        choices=choices[:_CHOICES] if not _VARIABLE.search(base) else (),
    )


def absolute(url: str, source: str) -> str:
    """The whole address; empty when nobody knows it."""
    url = url.strip()
    if url.startswith("//"):
        url = f"https:{url}"
    if not re.match(r"https?://", url, re.IGNORECASE) and not url.startswith("{"):
        url = urljoin(source, url) if re.match(r"https?://", source) else ""
    return url if re.match(r"https?://[^/?#\s]+", url, re.IGNORECASE) or url.startswith("{") else ""


def host_pattern(url: str) -> str:
    """The host of an address, a leading variable as ``*``; empty when a variable could make any host of it."""
    host = urlsplit(_VARIABLE.sub("*", url)).netloc.rpartition("@")[2].partition(":")[0].lower()
    if "*" not in host:
        return host
    rest = host.rpartition("*")[2].lstrip("-")
    return f"*{rest}" if rest.count(".") >= 2 else ""


def _variables(url: str, server: dict[str, Any]) -> Schema:
    """Server variables as a schema (OpenAPI 3.1, 4.8.6): each has a default."""
    names = list(dict.fromkeys(_VARIABLE.findall(url)))
    if not names:
        return {}
    given = members(server.get("variables"))
    properties: dict[str, Any] = {}
    for name in names:
        one = members(given.get(name))
        properties[name] = {"type": "string", "title": name}
        chosen = [str(value) for value in items(one.get("enum"))]
        if chosen:
            properties[name]["enum"] = chosen
        if one.get("default") is not None:
            properties[name]["default"] = str(one["default"])
        if text(one.get("description")):
            properties[name]["description"] = text(one["description"])[:300]
    required = [name for name in names if "default" not in properties[name]]
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})
