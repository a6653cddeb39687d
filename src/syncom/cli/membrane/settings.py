"""Which server, workspace and tenant a command is for, and with which token (membrane-api, 7.2).

The first place that says it wins: the flag, the environment, ``.membrane/config.json`` of this folder or the nearest
one above it, ``membrane.config.yml`` likewise, the last login, the default.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from syncom.cli.membrane.errors import Failed, Misuse
from syncom.cli.membrane.grammar import Given
from syncom.cli.membrane.storage import Storage

DEFAULT_API_URI = "http://127.0.0.1:8080/membrane"


class Origin(IntEnum):
    """Where a setting was said; the lower one wins."""

    FLAG = 0
    ENVIRONMENT = 1
    PROJECT = 2
    PROJECT_YAML = 3
    LOGIN = 4
    DEFAULT = 5


class Said(NamedTuple):
    """A setting and where it was said."""

    value: str
    origin: Origin


#: Environment variables of each setting; the first that is set counts.
_VARIABLES = {
    "apiUri": ("MEMBRANE_API_URI", "MEMBRANE_API_URL"),
    "consoleUri": ("MEMBRANE_CONSOLE_URI",),
    "workspaceKey": ("MEMBRANE_WORKSPACE_KEY",),
    "workspaceSecret": ("MEMBRANE_WORKSPACE_SECRET",),
    "tenantKey": ("MEMBRANE_TENANT_KEY", "MEMBRANE_TEST_CUSTOMER_ID"),
    "accessToken": ("MEMBRANE_ACCESS_TOKEN", "MEMBRANE_TOKEN"),
}
_PROJECT_MEMBERS = ("apiUri", "workspaceKey", "tenantKey")


class Settings(NamedTuple):
    """What holds for one command."""

    api_uri: str
    storage: Storage
    console_uri: str | None
    workspace_key: Said | None
    workspace_secret: Said | None
    tenant_key: Said | None
    access_token: Said | None
    #: Who named the server.
    api_uri_origin: Origin

    def trusted(self, secret: Said) -> str:
        """The secret's text, if it may be sent to this server. Raises Failed.

        A folder that somebody else made could name a server of theirs: what the environment holds goes only where the
        person or the environment says.
        """
        from_project = self.api_uri_origin in (Origin.PROJECT, Origin.PROJECT_YAML)
        if secret.origin is Origin.ENVIRONMENT and from_project:
            raise Failed(
                f"this folder's settings name the server {self.api_uri}; to send it the token of your environment,"
                f" set MEMBRANE_API_URI={self.api_uri} too",
                key="server_not_trusted",
            )
        return secret.value


def load(given: Given, *, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Settings:
    """What holds for this command. Raises Misuse for a server that is no address, Failed for a broken file."""
    env = os.environ if environment is None else environment
    storage = Storage(Path(env.get("MEMBRANE_HOME") or Path.home() / ".membrane"))
    layers = _layers(given, env, (folder or Path.cwd()).resolve())
    named = _pick(layers, "apiUri") or _of_login(storage.current) or Said(DEFAULT_API_URI, Origin.DEFAULT)
    return Settings(
        api_uri=_address(named.value),
        api_uri_origin=named.origin,
        storage=storage,
        console_uri=(found := _pick(layers, "consoleUri")) and found.value,
        workspace_key=_pick(layers, "workspaceKey"),
        workspace_secret=_pick(layers, "workspaceSecret"),
        tenant_key=_pick(layers, "tenantKey"),
        access_token=_pick(layers, "accessToken"),
    )


def _layers(given: Given, env: Mapping[str, str], folder: Path) -> dict[Origin, Mapping[str, str]]:
    variables = {
        name: next((env[variable] for variable in spelled if env.get(variable)), "")
        for name, spelled in _VARIABLES.items()
    }
    return {
        Origin.FLAG: given.chosen(("apiUri", "workspaceKey", "tenantKey")),
        Origin.ENVIRONMENT: variables,
        Origin.PROJECT: _project(folder),
        Origin.PROJECT_YAML: _project_yaml(folder),
    }


def _pick(layers: Mapping[Origin, Mapping[str, str]], name: str) -> Said | None:
    for origin in sorted(layers):
        if value := layers[origin].get(name):
            return Said(value, origin)
    return None


def _of_login(current: str | None) -> Said | None:
    return Said(current, Origin.LOGIN) if current else None


def _project(folder: Path) -> dict[str, str]:
    file = _nearest(folder, ".membrane/config.json")
    if file is None:
        return {}
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError):
        raise Failed(f"{file} is not JSON: correct it or remove it", key="config_unreadable") from None
    return _members(found, _PROJECT_MEMBERS)


def _project_yaml(folder: Path) -> dict[str, str]:
    file = _nearest(folder, "membrane.config.yml")
    if file is None:
        return {}
    import yaml

    try:
        found = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError):
        raise Failed(f"{file} is not YAML: correct it or remove it", key="config_unreadable") from None
    members = _members(found, (*_VARIABLES, "testCustomerId"))
    if "testCustomerId" in members:
        members.setdefault("tenantKey", members.pop("testCustomerId"))
    return members


def _members(document: Any, names: tuple[str, ...]) -> dict[str, str]:
    if not isinstance(document, dict):
        return {}
    return {name: document[name] for name in names if isinstance(document.get(name), str)}


def _nearest(folder: Path, name: str) -> Path | None:
    return next((place / name for place in (folder, *folder.parents) if (place / name).is_file()), None)


def _address(text: str) -> str:
    try:
        parts = urlsplit(text.strip())
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
        parts = urlsplit("")
    if not good or parts.username is not None or parts.query or parts.fragment:
        raise Misuse(f"--apiUri must be an address such as {DEFAULT_API_URI}, not {text!r}")
    return text.strip().rstrip("/")
