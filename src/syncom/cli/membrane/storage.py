"""What a login leaves on this machine: ``~/.membrane/credentials.json`` (membrane-api, 15 item 10).

Only tokens of the integration layer are in it, never a credential of an app, a password or a workspace's secret. The
folder is open to its owner alone, the file too; it is replaced whole or not at all. Where the package ``keyring`` is
installed and this machine has a keyring, the tokens are there and the file holds the rest.

Commands that run at once take turns by :meth:`Storage.locked`: a refresh token is good for one use.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from syncom.cli.membrane.document import Document, inside, object_of, text
from syncom.cli.membrane.errors import Failed

_VERSION = 1
#: A token that ends sooner than this is renewed before it is used (membrane-api, 15 item 13).
MARGIN = timedelta(seconds=60)


class Derived(NamedTuple):
    """A tenant's token that was made with a person's."""

    token: str
    expires_at: datetime

    @property
    def fresh(self) -> bool:
        return self.expires_at - datetime.now(UTC) > MARGIN


class Profile(NamedTuple):
    """A login at one server."""

    access_token: str
    refresh_token: str
    #: None when the server did not say.
    expires_at: datetime | None
    #: ``tenant`` or ``platform-user``.
    scope: str
    email: str
    org_id: str
    workspace_key: str
    tenant_key: str
    #: By ``workspaceKey/tenantKey``.
    derived: Mapping[str, Derived]

    @property
    def fresh(self) -> bool:
        return self.expires_at is None or self.expires_at - datetime.now(UTC) > MARGIN


class PendingLogin(NamedTuple):
    """A login that was begun without a browser on this machine."""

    api_uri: str
    code_verifier: str
    state: str
    redirect_uri: str
    scope: str
    expires_at: datetime


class Storage:
    """The folder, and what is in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "credentials.json"
        self._warned = False

    @property
    def current(self) -> str | None:
        """The server of the last login."""
        return text(self._document(), "current") or None

    def profile(self, api_uri: str) -> Profile | None:
        """The login at a server."""
        found = object_of(inside(self._document(), "profiles").get(api_uri))
        return _profile(found, _Safe.of(self._folder).read(api_uri)) if found is not None else None

    def pending(self) -> PendingLogin | None:
        """The login that waits for its code; None also when its time is over."""
        found = inside(self._document(), "pendingLogin")
        expires_at = _time(found.get("expiresAt"))
        if expires_at is None or expires_at < datetime.now(UTC):
            return None
        return PendingLogin(
            api_uri=text(found, "apiUri"),
            code_verifier=text(found, "codeVerifier"),
            state=text(found, "state"),
            redirect_uri=text(found, "redirectUri"),
            scope=text(found, "scope"),
            expires_at=expires_at,
        )

    def log_in(self, api_uri: str, profile: Profile) -> None:
        """Keep a login, make its server the current one, forget the one that waited. Call it :meth:`locked`."""
        document = self._document()
        document["current"] = api_uri
        document.pop("pendingLogin", None)
        self._keep(document, api_uri, profile)

    def renew(self, api_uri: str, profile: Profile) -> None:
        """Keep newer tokens of a login. Call it :meth:`locked`."""
        self._keep(self._document(), api_uri, profile)

    def log_out(self, api_uri: str) -> None:
        """Forget the login at a server."""
        document = self._document()
        inside(document, "profiles").pop(api_uri, None)
        if document.get("current") == api_uri:
            del document["current"]
        _Safe.of(self._folder).forget(api_uri)
        self._write(document)

    def wait_for_code(self, pending: PendingLogin) -> None:
        """Keep what the second half of a login needs."""
        document = self._document()
        document["pendingLogin"] = {
            "apiUri": pending.api_uri,
            "codeVerifier": pending.code_verifier,
            "state": pending.state,
            "redirectUri": pending.redirect_uri,
            "scope": pending.scope,
            "expiresAt": _said(pending.expires_at),
        }
        self._write(document)

    @contextmanager
    def locked(self) -> Generator[None]:
        """Alone among the commands of this folder. What was read before may be old: read it again."""
        import fcntl

        self._make_folder()
        descriptor = os.open(self._folder / "credentials.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _keep(self, document: dict[str, Any], api_uri: str, profile: Profile) -> None:
        row = _row(profile)
        if _Safe.of(self._folder).write(api_uri, json.dumps({name: row[name] for name in _SECRET})):
            row |= dict.fromkeys(_SECRET)
        profiles = inside(document, "profiles")
        profiles[api_uri] = row
        document["profiles"] = profiles
        self._write(document)

    def _document(self) -> dict[str, Any]:
        try:
            with self._file.open("rb") as file:
                self._guard(os.fstat(file.fileno()))
                found = object_of(json.load(file))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Failed(f"{self._file} cannot be read: {error.strerror}", key="credentials_unreadable") from None
        except ValueError:
            found = None
        if found is None or found.get("version", _VERSION) != _VERSION:
            raise Failed(
                f"{self._file} is not what this release writes: move it away and run `membrane login --tenant`",
                key="credentials_unreadable",
            )
        return found

    def _guard(self, status: os.stat_result) -> None:
        if status.st_uid not in (os.getuid(), 0):
            raise Failed(f"{self._file} belongs to another user: it is not used", key="credentials_unreadable")
        if stat.S_IMODE(status.st_mode) & 0o077 and not self._warned:
            self._warned = True
            self._file.chmod(0o600)
            print(
                f"membrane: {self._file} could be read by others; now it cannot. If others use this machine, run "
                "`membrane logout` and log in again.",
                file=sys.stderr,
            )

    def _write(self, document: dict[str, Any]) -> None:
        import tempfile

        self._make_folder()
        descriptor, name = tempfile.mkstemp(prefix="credentials.", dir=self._folder)  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({"version": _VERSION} | document, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._file)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if stat.S_IMODE(self._folder.stat().st_mode) & 0o077:
                self._folder.chmod(0o700)
        except OSError as error:
            raise Failed(f"{self._folder} cannot be used: {error.strerror}", key="credentials_unwritable") from None


#: Members of a profile that the keyring takes where there is one.
_SECRET = ("accessToken", "refreshToken", "derived")


class _Safe:
    """The machine's keyring, if the package ``keyring`` is installed and finds one; else nothing is kept here."""

    def __init__(self, keyring: Any, service: str) -> None:
        self._keyring = keyring
        self._service = service

    @classmethod
    def of(cls, folder: Path) -> _Safe:
        """The keyring's part for this folder: another folder (MEMBRANE_HOME) has logins of its own."""
        from importlib.util import find_spec

        if os.environ.get("MEMBRANE_NO_KEYRING") or find_spec("keyring") is None:
            return cls(None, "")
        from importlib import import_module

        try:
            keyring = import_module("keyring")
            # Backends of priority below 1 are those that keep nothing, or keep it in the clear.
            good = float(keyring.get_keyring().priority) >= 1
        except Exception:  # noqa: BLE001 - whatever a desktop's keyring says, the file is always there
            good = False
            keyring = None
        return cls(keyring if good else None, f"membrane {folder.resolve()}")

    def read(self, api_uri: str) -> dict[str, Any]:
        if self._keyring is None:
            return {}
        try:
            return object_of(json.loads(self._keyring.get_password(self._service, api_uri) or "{}")) or {}
        except Exception:  # noqa: BLE001 - a locked keyring: as if one were not logged in
            return {}

    def write(self, api_uri: str, text: str) -> bool:
        """Whether it was taken."""
        if self._keyring is None:
            return False
        try:
            self._keyring.set_password(self._service, api_uri, text)
        except Exception:  # noqa: BLE001 - then the file keeps it
            return False
        return True

    def forget(self, api_uri: str) -> None:
        if self._keyring is not None:
            with suppress(Exception):
                self._keyring.delete_password(self._service, api_uri)


def _profile(row: Mapping[str, Any], safe: Mapping[str, Any]) -> Profile:
    secret = {name: row.get(name) or safe.get(name) for name in _SECRET}
    derived = {
        name: Derived(text(one, "token"), _time(one.get("expiresAt")) or datetime.fromtimestamp(0, UTC))
        for name, made in inside(secret, "derived").items()
        if (one := object_of(made)) is not None
    }
    return Profile(
        access_token=text(secret, "accessToken"),
        refresh_token=text(secret, "refreshToken"),
        expires_at=_time(row.get("expiresAt")),
        scope=text(row, "scope"),
        email=text(row, "email"),
        org_id=text(row, "orgId"),
        workspace_key=text(row, "workspaceKey"),
        tenant_key=text(row, "tenantKey"),
        derived=derived,
    )


def _row(profile: Profile) -> Document:
    return {
        "accessToken": profile.access_token,
        "refreshToken": profile.refresh_token,
        "expiresAt": _said(profile.expires_at) if profile.expires_at else None,
        "scope": profile.scope,
        "email": profile.email,
        "orgId": profile.org_id,
        "workspaceKey": profile.workspace_key,
        "tenantKey": profile.tenant_key,
        "derived": {
            name: {"token": one.token, "expiresAt": _said(one.expires_at)} for name, one in profile.derived.items()
        },
    }


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _said(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
