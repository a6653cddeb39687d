"""``syncom workspace``: the account as Membrane's clients see it."""

from __future__ import annotations

import shlex
from pathlib import Path

from cyclopts import App

from syncom.cli.output import facts, show
from syncom.cli.services import Here, Options, here
from syncom.connect.connections.model import OwnerWebhook
from syncom.connect.tenants.model import DEFAULT_TENANT, Workspace
from syncom.errors import Invalid

app = App(name="workspace", help="The account as Membrane's clients see it: its key, its secret, keys of its tokens.")
_DEFAULT = Options()
_VARIABLES = {
    "apiUri": "MEMBRANE_API_URI",
    "workspaceKey": "MEMBRANE_WORKSPACE_KEY",
    "workspaceSecret": "MEMBRANE_WORKSPACE_SECRET",
    "tenantKey": "MEMBRANE_TENANT_KEY",
}
_LONGEST_KEY = 64 * 1024


@app.command(name="show")
async def show_workspace(*, options: Options = _DEFAULT) -> None:
    """Show the workspace, without its secret."""
    async with here(options) as services:
        found = await services.app.tenants.workspace(services.account_id)
    _show(found, options)


@app.command
async def credentials(*, shell: bool = False, options: Options = _DEFAULT) -> None:
    """Print what a client needs: address, key, secret, and the default tenant.

    Whoever has the secret acts for every tenant of the account. It can be printed on the server's own machine only.

    Parameters
    ----------
    shell
        Print lines for a shell: `eval "$(syncom workspace credentials --shell)"`.
    """
    async with here(options) as services:
        key, secret = await services.app.tenants.credentials(services.account_id)
        value = _credentials(services, key, secret)
    if shell and not options.json:
        for name, variable in _VARIABLES.items():
            print(f"export {variable}={shlex.quote(value[name])}")
        return
    show(value, json=options.json, human=lambda: facts(value.items()))


@app.command
async def rotate_secret(*, options: Options = _DEFAULT) -> None:
    """Give the workspace a new secret. Tokens that were signed with the old one are refused from now on."""
    async with here(options) as services:
        secret = await services.app.tenants.rotate_secret(services.account_id)
        workspace = await services.app.tenants.workspace(services.account_id)
        value = _credentials(services, workspace.key, secret)
    show(value, json=options.json, human=lambda: facts(value.items()))


@app.command
async def secret_auth(*, on: bool = True, options: Options = _DEFAULT) -> None:
    """Take tokens that are signed with the secret, or (--no-on) only those signed with keys.

    Parameters
    ----------
    on
        Whether they are taken.
    """
    async with here(options) as services:
        found = await services.app.tenants.set_secret_key_auth(services.account_id, enabled=on)
    _show(found, options)


@app.command
async def add_key(file: Path, *, name: str, options: Options = _DEFAULT) -> None:
    """Take tokens signed with the private half of a key: EC, RSA or Ed25519.

    Parameters
    ----------
    file
        The public key: PEM, or a JWK as JSON.
    name
        What the key is called.
    """
    try:
        with file.open("r", encoding="utf-8") as opened:
            text = opened.read(_LONGEST_KEY)
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid("file", f"{file} cannot be read: {error}") from error
    async with here(options) as services:
        found = await services.app.tenants.add_public_key(services.account_id, name, text)
    _show(found, options)


@app.command
async def remove_key(name: str, *, options: Options = _DEFAULT) -> None:
    """Take tokens signed with this key no more.

    Parameters
    ----------
    name
        What it is called.
    """
    async with here(options) as services:
        found = await services.app.tenants.remove_public_key(services.account_id, name)
    _show(found, options)


@app.command
async def jwks(address: str = "", *, options: Options = _DEFAULT) -> None:
    """Take tokens signed with keys that are published at an address (a JWK set); none: not any more.

    Parameters
    ----------
    address
        An https address. It is fetched once now, to see that there are keys.
    """
    async with here(options) as services:
        found = await services.app.tenants.set_jwks_uri(services.account_id, address or None)
    _show(found, options)


@app.command
async def set_webhook(url: str = "", *, options: Options = _DEFAULT) -> None:
    """Post to an address what becomes of connections: made, deleted, disconnected, working again; none: nowhere.

    Parameters
    ----------
    url
        An address of yours. The posts are signed with the workspace's secret.
    """
    async with here(options) as services:
        found = await services.app.connections.webhooks.set(services.account_id, url or None)
    _show_webhook(found, options)


@app.command(name="webhook")
async def show_webhook(*, options: Options = _DEFAULT) -> None:
    """Show where the owner is told what becomes of connections, and how that goes."""
    async with here(options) as services:
        found = await services.app.connections.webhooks.get(services.account_id)
    _show_webhook(found, options)


def _show_webhook(found: OwnerWebhook | None, options: Options) -> None:
    pairs: list[tuple[str, object]] = [("webhook", None)]
    if found is not None:
        pairs = [
            ("webhook", found.url),
            ("waiting", found.waiting),
            ("failures in a row", found.failures),
            ("next attempt", found.next_attempt_at if found.waiting else None),
            ("last error", found.last_error or None),
            ("last taken", found.last_delivered_at),
        ]
    show(found, json=options.json, human=lambda: facts(pairs))


def _credentials(services: Here, key: str, secret: str) -> dict[str, str]:
    return {
        "apiUri": services.app.tenants.api_uri,
        "workspaceKey": key,
        "workspaceSecret": secret,
        "tenantKey": DEFAULT_TENANT,
    }


def _show(found: Workspace, options: Options) -> None:
    pairs = [
        ("id", found.workspace_id),
        ("key", found.key),
        ("tokens by secret", found.secret_key_auth),
        ("public keys", ", ".join(key.name for key in found.public_keys) or None),
        ("jwks", found.jwks_uri),
    ]
    show(found, json=options.json, human=lambda: facts(pairs))
