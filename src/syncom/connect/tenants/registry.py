"""Workspaces and tenants as they are stored, with what the busiest requests ask of them remembered for seconds."""

from __future__ import annotations

import secrets
import string
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec

from syncom.clock import Clock
from syncom.connect.tenants import store
from syncom.connect.tenants.model import DEFAULT_TENANT, Tenant, Workspace
from syncom.errors import Forbidden, Invalid, NotFound
from syncom.ids import short_id
from syncom.postgres.pool import Connection, Database
from syncom.postgres.remembered import Remembered
from syncom.security import Keyring

_BASE62: Final = string.digits + string.ascii_letters
#: Characters: 64 fill the block that HS512 wants, and are 381 bits.
_SECRET_LENGTH: Final = 64
_KEY_LENGTH: Final = 200
_NAME_LENGTH: Final = 200
#: Bytes of a tenant's fields.
_FIELDS_SIZE: Final = 16 * 1024
_TOUCH_EVERY: Final = timedelta(minutes=5)


class Registry:
    """What is stored."""

    def __init__(self, database: Database, keyring: Keyring, clock: Clock) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock
        self.workspaces: Remembered[Workspace] = Remembered(clock)
        self.tenants: Remembered[Tenant] = Remembered(clock)

    def forget(self) -> None:
        """Something changed."""
        self.workspaces.forget()
        self.tenants.forget()

    # ------------------------------------------------------------ workspaces

    async def sealed(self, account_id: int) -> store.SealedWorkspace:
        """The account's workspace, made when it is asked for the first time."""
        async with self._database.system() as connection:
            found = await store.workspace(connection, account_id)
            if found is None:
                await store.ensure_workspace(
                    connection,
                    account_id,
                    workspace_id=short_id(),
                    key=str(uuid4()),
                    secret=self._seal(account_id, new_secret()),
                )
                found = await store.workspace(connection, account_id)
        if found is None:
            raise NotFound("account", account_id)
        return found

    async def workspace(self, account_id: int) -> Workspace:
        known = self.known_workspace(account_id)
        if known is None:
            generation = self.workspaces.generation
            known = (await self.sealed(account_id)).workspace
            self.workspaces.put(b"account:%d" % account_id, known, generation=generation)
        return known

    def known_workspace(self, account_id: int) -> Workspace | None:
        """Seen in the last seconds."""
        return self.workspaces.get(b"account:%d" % account_id)

    async def by_key(self, key: str) -> store.SealedWorkspace | None:
        """The workspace a token names."""
        if not _is_plain(key, _KEY_LENGTH):
            return None
        async with self._database.system() as connection:
            return await store.workspace_by_key(connection, key)

    def secret(self, sealed: store.SealedWorkspace) -> bytes:
        """What its tokens are signed with. Raises Conflict when the installation's key file is another one."""
        account_id = sealed.workspace.account_id
        return self._keyring.unseal(sealed.secret, purpose="workspace", owner=f"workspace:{account_id}")

    async def rotate_secret(self, account_id: int) -> str:
        """A new secret; tokens that were signed with the old one are refused."""
        await self.sealed(account_id)
        secret = new_secret()
        async with self._database.system() as connection:
            await store.save_secret(connection, account_id, self._seal(account_id, secret))
            await store.notify(connection, f"workspace:{account_id}")
        return secret

    async def save(self, workspace: Workspace) -> None:
        async with self._database.system() as connection:
            await store.save_workspace(connection, workspace)
            await store.notify(connection, f"workspace:{workspace.account_id}")

    def _seal(self, account_id: int, secret: str) -> bytes:
        return self._keyring.seal(secret.encode(), purpose="workspace", owner=f"workspace:{account_id}")

    # ------------------------------------------------------------ tenants

    async def default_tenant(self, account_id: int) -> Tenant:
        """The one every account has."""
        known = self.known_default_tenant(account_id)
        if known is None:
            generation = self.tenants.generation
            known = await self.seen(account_id, DEFAULT_TENANT, name=None, fields=None)
            self.tenants.put(b"default:%d" % account_id, known, generation=generation)
        return known

    def known_default_tenant(self, account_id: int) -> Tenant | None:
        """Seen in the last seconds."""
        return self.tenants.get(b"default:%d" % account_id)

    async def live_tenant(self, account_id: int, tenant_id: str) -> Tenant:
        """Raises Forbidden for an archived one, NotFound."""
        mark = f"{account_id} {tenant_id}".encode()
        known = self.tenants.get(mark)
        if known is None:
            generation = self.tenants.generation
            async with self._database.tenant(account_id) as connection:
                known = await store.tenant(connection, account_id, tenant_id)
                if known is None:
                    raise NotFound("tenant", tenant_id)
                await self._touch(connection, known)
            self.tenants.put(mark, known, generation=generation)
        return _live(known)

    async def seen(self, account_id: int, key: str, *, name: str | None, fields: dict[str, Any] | None) -> Tenant:
        """The tenant that a valid token names, made on first sight; a new name or fields are stored.

        Raises Invalid for a key that no tenant can have, Forbidden for an archived tenant.
        """
        key, name, fields = checked_key(key), checked_name(name), checked_fields(fields)
        async with self._database.tenant(account_id) as connection:
            found = await store.tenant_by_key(connection, account_id, key)
            if found is None:
                await store.add_tenant(
                    connection, account_id, tenant_id=short_id(), key=key, name=name or "", fields=fields or {}
                )
                found = await store.tenant_by_key(connection, account_id, key)
            if found is None:
                raise NotFound("tenant", key)
            new_name = name if name is not None and name != found.name else None
            new_fields = fields if fields is not None and fields != found.fields else None
            if new_name is not None or new_fields is not None:
                await store.change_tenant(connection, account_id, found.tenant_id, name=new_name, fields=new_fields)
                found = msgspec.structs.replace(
                    found,
                    name=found.name if new_name is None else new_name,
                    fields=found.fields if new_fields is None else new_fields,
                )
            await self._touch(connection, found)
        return _live(found)

    async def _touch(self, connection: Connection, tenant: Tenant) -> None:
        now = self._clock.now()
        if tenant.last_active_at is None or now - tenant.last_active_at > _TOUCH_EVERY:
            await store.touch_tenant(connection, tenant.account_id, tenant.tenant_id, now)


def new_secret() -> str:
    """A fresh secret of a workspace."""
    return "".join(secrets.choice(_BASE62) for _ in range(_SECRET_LENGTH))


def checked_key(key: str) -> str:
    """Raises Invalid for what cannot be a tenant's key."""
    key = key.strip()
    if not _is_plain(key, _KEY_LENGTH):
        raise Invalid("tenantKey", f"must have 1 to {_KEY_LENGTH} printable characters")
    return key


def checked_name(name: str | None) -> str | None:
    """Raises Invalid."""
    if name is None:
        return None
    name = name.strip()
    if name and not _is_plain(name, _NAME_LENGTH):
        raise Invalid("name", f"must have at most {_NAME_LENGTH} printable characters")
    return name


def checked_fields(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    """Raises Invalid."""
    if fields is None:
        return None
    try:
        spelled = msgspec.json.encode(fields)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError, TypeError):
        raise Invalid("fields", "cannot be stored") from None
    if len(spelled) > _FIELDS_SIZE or b"\\u0000" in spelled:
        raise Invalid("fields", f"must be an object of at most {_FIELDS_SIZE} bytes of JSON, without NUL characters")
    return fields


def _is_plain(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()


def _live(tenant: Tenant) -> Tenant:
    if tenant.archived_at is not None:
        raise Forbidden(f"the tenant {tenant.key} is archived; a manager of the workspace can restore it")
    return tenant
