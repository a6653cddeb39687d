"""Workspaces, long-lived tokens and grants from the shell of the server's own machine."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from syncom.cli.main import EXIT_NOT_FOUND, EXIT_WRONG
from tests.cli.command import Command


async def test_the_credentials_are_what_a_client_is_made_with(syncom: Command) -> None:
    found = await syncom.json("workspace", "credentials")
    assert sorted(found) == ["apiUri", "tenantKey", "workspaceKey", "workspaceSecret"]
    assert found["apiUri"].endswith("/membrane")
    assert found["tenantKey"] == "default"
    assert await syncom.json("workspace", "credentials") == found
    shell = await syncom("workspace", "credentials", "--shell")
    assert f"export MEMBRANE_WORKSPACE_SECRET={found['workspaceSecret']}" in shell.out
    shown = await syncom("workspace", "show")
    assert found["workspaceKey"] in shown.out
    assert found["workspaceSecret"] not in shown.out
    told = await syncom.json("workspace", "set-webhook", "https://you.example/events")
    assert (told["url"], told["waiting"]) == ("https://you.example/events", 0)
    assert "https://you.example/events" in (await syncom("workspace", "webhook")).out
    assert await syncom.json("workspace", "set-webhook") is None
    rotated = await syncom.json("workspace", "rotate-secret")
    assert rotated["workspaceKey"] == found["workspaceKey"]
    assert rotated["workspaceSecret"] != found["workspaceSecret"]


async def test_keys_of_tokens_are_added_and_removed_and_the_secret_is_switched_off(
    syncom: Command, tmp_path: Path
) -> None:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    file = tmp_path / "key.pem"
    file.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    added = await syncom.json("workspace", "add-key", str(file), "--name", "backend")
    assert [key["name"] for key in added["public_keys"]] == ["backend"]
    file.write_text("nonsense")
    assert (await syncom("workspace", "add-key", str(file), "--name", "other")).code == EXIT_WRONG
    assert not (await syncom.json("workspace", "secret-auth", "--no-on"))["secret_key_auth"]
    assert (await syncom.json("workspace", "remove-key", "backend"))["public_keys"] == []
    assert (await syncom("workspace", "remove-key", "backend")).code == EXIT_NOT_FOUND


async def test_a_token_with_limits_is_made_listed_and_ended(syncom: Command) -> None:
    made = await syncom.json(
        *("client-token", "create", "--name", "Reporter", "--tenant", "acme", "--read-only"),
        *("--action", "get-contact", "--action", "search-contacts", "--days", "30"),
    )
    assert made["token"].startswith("pat-")
    (listed,) = await syncom.json("client-token", "list")
    assert (listed["grant_id"], listed["tenant_key"]) == (made["id"], "acme")
    assert listed["restrictions"]["read_only"]
    assert made["token"] not in str(await syncom.json("grant", "list"))
    assert "reads only, 2 actions" in " ".join((await syncom("grant", "list")).out.split())
    wrong = await syncom("client-token", "create", "--name", "x", "--connection", "nothing")
    assert wrong.code == EXIT_NOT_FOUND
    assert await syncom.json("client-token", "revoke", made["id"]) == {"revoked": made["id"]}
    assert (await syncom("grant", "revoke", made["id"])).code == EXIT_NOT_FOUND
    assert await syncom.json("client-token", "list") == []
