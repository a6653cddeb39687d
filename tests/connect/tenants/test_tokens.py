"""Every kind of token, and every forgery."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from syncom.connect.model import CallerKind
from syncom.connect.tenants.model import KeyHolder
from syncom.connect.tenants.service import MCP, TenantsService
from syncom.errors import Forbidden, Invalid, SyncomError, Unauthorized
from tests.connect.tenants.conftest import Product
from tests.connect.tenants.people import FewPeople, minted


def _pair(private: Any, kind: type[Key]) -> tuple[Key, str]:
    """Private half to sign with, public half as PEM."""
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return kind.import_key(pem), public


EC_KEY, EC_PUBLIC = _pair(ec.generate_private_key(ec.SECP256R1()), ECKey)
RSA_KEY, RSA_PUBLIC = _pair(rsa.generate_private_key(65537, 2048), RSAKey)
ED_KEY, ED_PUBLIC = _pair(ed25519.Ed25519PrivateKey.generate(), OKPKey)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_token_of_the_product_stands_for_its_tenant_under_new_and_old_names(
    tenants: TenantsService, product: Product, algorithm: str
) -> None:
    new = await tenants.authenticate(
        minted(product.secret, algorithm=algorithm, workspaceKey=product.key, tenantKey="ann")
    )
    old = await tenants.authenticate(minted(product.secret, algorithm=algorithm, iss=product.key, id="ann"))
    both = await tenants.authenticate(
        minted(product.secret, workspaceKey=product.key, iss=product.key, tenantKey="ann", id="ann")
    )
    assert new == old == both
    assert new.kind is CallerKind.TENANT
    assert (new.account_id, new.tenant_key, new.workspace_key) == (product.account_id, "ann", product.key)
    assert new.tenant() == (await tenants.tenant(product.account_id, "ann")).tenant_id


async def test_a_tenant_is_made_on_first_sight_and_keeps_the_newest_name_and_fields(
    tenants: TenantsService, product: Product
) -> None:
    def token(**claims: Any) -> str:
        return minted(product.secret, workspaceKey=product.key, tenantKey="ann", **claims)

    await asyncio.gather(*(tenants.authenticate(token(jti=str(number))) for number in range(8)))
    await tenants.authenticate(token(name="Ann", fields={"plan": "gold"}))
    await tenants.authenticate(token(jti="later"))
    found = await tenants.tenant(product.account_id, "ann")
    assert (found.name, found.fields) == ("Ann", {"plan": "gold"})
    await tenants.authenticate(token(fields={"plan": "free"}))
    assert (await tenants.tenant(product.account_id, "ann")).fields == {"plan": "free"}
    assert [tenant.key for tenant in await tenants.tenants(product.account_id)] == ["default", "ann"]


async def test_an_admin_token_is_the_workspaces_manager_and_no_tenant(
    tenants: TenantsService, product: Product
) -> None:
    for claims in ({"workspaceKey": product.key}, {"iss": product.key}, {"iss": product.key, "id": "ann"}):
        caller = await tenants.authenticate(minted(product.secret, isAdmin=True, **claims))
        assert (caller.kind, caller.tenant_id) == (CallerKind.MANAGER, None)
    for wrong in ("true", 1, {}, []):
        with pytest.raises(Unauthorized):
            await tenants.authenticate(minted(product.secret, workspaceKey=product.key, isAdmin=wrong))


@pytest.mark.parametrize(
    ("key", "public", "algorithms"),
    [
        (EC_KEY, EC_PUBLIC, ["ES256"]),
        (RSA_KEY, RSA_PUBLIC, ["RS256", "RS512", "PS256"]),
        (ED_KEY, ED_PUBLIC, ["Ed25519"]),
    ],
)
async def test_a_token_may_be_signed_with_a_key_whose_public_half_the_workspace_has(
    tenants: TenantsService, product: Product, key: Key, public: str, algorithms: list[str]
) -> None:
    for algorithm in algorithms:
        token = minted(key, algorithm=algorithm, workspaceKey=product.key, tenantKey="ann")
        with pytest.raises(Unauthorized):
            await tenants.authenticate(token)
    await tenants.add_public_key(product.account_id, "backend", public)
    for algorithm in algorithms:
        token = minted(key, algorithm=algorithm, workspaceKey=product.key, tenantKey="ann")
        assert (await tenants.authenticate(token)).tenant_key == "ann"
    await tenants.remove_public_key(product.account_id, "backend")
    with pytest.raises(Unauthorized):
        await tenants.authenticate(token)


async def test_only_public_keys_that_are_good_enough_are_taken(tenants: TenantsService, product: Product) -> None:
    _, small = _pair(rsa.generate_private_key(65537, 1024), RSAKey)
    secret = {"kty": "oct", "k": "c2VjcmV0"}
    private = json.dumps(EC_KEY.as_dict(private=True))
    for wrong in ("", "secret", small, json.dumps(secret), private, "-----BEGIN PRIVATE KEY-----\nx", "{", "[]"):
        with pytest.raises(Invalid):
            await tenants.add_public_key(product.account_id, "wrong", wrong)
    workspace = await tenants.add_public_key(product.account_id, "jwk", json.dumps(EC_KEY.as_dict(private=False)))
    assert [key.name for key in workspace.public_keys] == ["jwk"]


def _forgeries(product: Product) -> dict[str, Callable[[], str]]:
    """Tokens nobody may come in with."""
    right = {"workspaceKey": product.key, "tenantKey": "ann"}
    now = int(time.time())

    def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
        parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
        return ".".join([*parts, signature])

    def hmac_signed(key: bytes, **header: Any) -> str:
        """As a library signs that takes any text for a secret, and any header."""
        rest = unsigned({"alg": "HS256", **header}, {**right, "exp": now + 600}).rstrip(".")
        mac = hmac.digest(key, rest.encode(), "sha256")
        return f"{rest}.{urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    claims = {**right, "exp": now + 600}
    good = minted(product.secret, **right)
    head, body, signature = good.split(".")
    other_body = urlsafe_b64encode(json.dumps({**claims, "tenantKey": "bob"}).encode()).rstrip(b"=").decode()
    return {
        "none": lambda: unsigned({"alg": "none"}, claims),
        "none with a signature": lambda: unsigned({"alg": "none"}, claims, "AAAA"),
        "None": lambda: unsigned({"alg": "None"}, claims, "AAAA"),
        "no signature": lambda: f"{head}.{body}.",
        "other claims": lambda: f"{head}.{other_body}.{signature}",
        "wrong secret": lambda: minted("x" * 64, **right),
        "empty secret": lambda: hmac_signed(b""),
        "public key as the secret": lambda: hmac_signed(EC_PUBLIC.encode()),
        "public key without its last line break": lambda: hmac_signed(EC_PUBLIC.strip().encode()),
        "own key in the header": lambda: minted(
            ED_KEY, algorithm="Ed25519", header={"jwk": ED_KEY.as_dict(private=False)}, **right
        ),
        "critical extension": lambda: hmac_signed(product.secret.encode(), crit=["exp"], exp=1),
        "unencoded payload": lambda: hmac_signed(product.secret.encode(), b64=False),
        "expired": lambda: minted(product.secret, **{**right, "exp": now - 1}),
        "without an end": lambda: minted(product.secret, **{**right, "exp": None}),
        "end that is no number": lambda: minted(product.secret, **{**right, "exp": str(now + 600)}),
        "end that is true": lambda: minted(product.secret, **{**right, "exp": True}),
        "end beyond all time": lambda: minted(product.secret, **{**right, "exp": 10**30}),
        "not yet": lambda: minted(product.secret, nbf=now + 600, **right),
        "made tomorrow": lambda: minted(product.secret, iat=now + 86400, **right),
        "no tenant": lambda: minted(product.secret, workspaceKey=product.key),
        "tenant that is a number": lambda: minted(product.secret, workspaceKey=product.key, tenantKey=5),
        "tenant with a NUL": lambda: minted(product.secret, workspaceKey=product.key, tenantKey="a\0b"),
        "tenant that is too long": lambda: minted(product.secret, workspaceKey=product.key, tenantKey="a" * 300),
        "no workspace": lambda: minted(product.secret, tenantKey="ann"),
        "unknown workspace": lambda: minted(product.secret, workspaceKey="nobody", tenantKey="ann"),
        "fields that are a list": lambda: minted(product.secret, fields=[1], **right),
        "fields that are too much": lambda: minted(product.secret, fields={"a": "x" * 20_000}, **right),
        "fields with a NUL": lambda: minted(product.secret, fields={"a": "\0"}, **right),
        "type of our own tokens": lambda: minted(product.secret, header={"typ": "at+jwt"}, **right),
        "issuer of our own tokens": lambda: minted(
            product.secret, header={"typ": "at+jwt"}, iss="http://syncom.example/membrane", grant="1", aud="x", **right
        ),
        "huge": lambda: minted(product.secret, pad="x" * 20_000, **right),
        "nothing": lambda: "",
        "dots": lambda: "..",
        "four parts": lambda: good + ".x",
        "no base64": lambda: f"{head}.{body}.***",
        "letters beyond ASCII": lambda: "ї" + good,
        "header that is a list": lambda: f"W10.{body}.{signature}",
        "deep": lambda: urlsafe_b64encode(b"[" * 9000).decode() + f".{body}.{signature}",
        "unknown key": lambda: "sk_" + "x" * 43,
        "unknown long-lived token": lambda: "pat-" + "x" * 43,
        "no long-lived token": lambda: "pat-' OR 1=1",
    }


async def test_no_forgery_comes_in(tenants: TenantsService, product: Product) -> None:
    await tenants.add_public_key(product.account_id, "backend", EC_PUBLIC)
    for name, make in _forgeries(product).items():
        refused = False
        try:
            await tenants.authenticate(make())
        except Unauthorized:
            refused = True
        assert refused, name


async def test_a_token_of_another_workspace_is_nothing_here(
    tenants: TenantsService, product: Product, other_account: int
) -> None:
    other_key, other_secret = await tenants.credentials(other_account)
    with pytest.raises(Unauthorized):
        await tenants.authenticate(minted(other_secret, workspaceKey=product.key, tenantKey="ann"))
    with pytest.raises(Unauthorized):
        await tenants.authenticate(minted(product.secret, workspaceKey=other_key, tenantKey="ann"))
    mine = await tenants.authenticate(minted(product.secret, workspaceKey=product.key, tenantKey="ann"))
    theirs = await tenants.authenticate(minted(other_secret, workspaceKey=other_key, tenantKey="ann"))
    assert mine.tenant_id != theirs.tenant_id
    with pytest.raises(SyncomError):
        await tenants.tenant(product.account_id, theirs.tenant())


async def test_what_is_rotated_switched_off_or_archived_is_refused_at_once(
    tenants: TenantsService, product: Product
) -> None:
    token = minted(product.secret, workspaceKey=product.key, tenantKey="ann")
    await tenants.authenticate(token)
    await tenants.set_secret_key_auth(product.account_id, enabled=False)
    with pytest.raises(Unauthorized, match="switched off"):
        await tenants.authenticate(token)
    await tenants.set_secret_key_auth(product.account_id, enabled=True)
    await tenants.archive_tenant(product.account_id, "ann")
    with pytest.raises(Forbidden, match="archived"):
        await tenants.authenticate(token)
    await tenants.restore_tenant(product.account_id, "ann")
    await tenants.authenticate(token)
    secret = await tenants.rotate_secret(product.account_id)
    with pytest.raises(Unauthorized):
        await tenants.authenticate(token)
    await tenants.authenticate(minted(secret, workspaceKey=product.key, tenantKey="ann"))


async def test_an_api_key_acts_for_the_default_tenant_with_its_role(
    tenants: TenantsService, product: Product, people: FewPeople
) -> None:
    people.keys = {
        "sk_admin": KeyHolder(account_id=product.account_id, actor="key:1", may_write=True),
        "sk_viewer": KeyHolder(account_id=product.account_id, actor="key:2", may_write=False),
        "sk_events": KeyHolder(account_id=product.account_id, actor="key:3", may_write=True, elsewhere="events"),
    }
    admin = await tenants.authenticate("sk_admin")
    assert (admin.kind, admin.tenant_key, admin.actor) == (CallerKind.TENANT, "default", "key:1")
    assert not admin.restrictions.read_only
    assert (await tenants.authenticate("sk_viewer")).restrictions.read_only
    with pytest.raises(Forbidden, match="events only"):
        await tenants.authenticate("sk_events")
    del people.keys["sk_admin"]
    with pytest.raises(Unauthorized):
        await tenants.authenticate("sk_admin")


async def test_a_product_token_is_good_for_mcp_too(tenants: TenantsService, product: Product) -> None:
    token = minted(product.secret, workspaceKey=product.key, tenantKey="ann")
    assert (await tenants.authenticate(token, at=MCP)).tenant_key == "ann"
    assert tenants.known(token, at=MCP) == await tenants.authenticate(token)
    assert tenants.known("sk_unknown") is None


# ---------------------------------------------------------------- keys published elsewhere


class Publisher:
    """A server that publishes a JWK set, and counts who asks."""

    def __init__(self) -> None:
        self.answer: Any = {"keys": []}
        self.status = 200
        self.asked = 0
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(text=json.dumps(self.answer), status=self.status, content_type="application/json")


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    publisher = Publisher()
    application = web.Application()
    application.router.add_get("/jwks.json", publisher.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    publisher.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks.json"
    yield publisher
    await runner.cleanup()


def _published(key: Key, key_id: str) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": key_id}


async def test_published_keys_are_fetched_once_and_survive_their_server(
    tenants: TenantsService, product: Product, publisher: Publisher
) -> None:
    publisher.answer = {"keys": [{"kty": "oct", "k": "AAAA"}, "nonsense", _published(RSA_KEY, "a")][::2]}
    await tenants.set_jwks_uri(product.account_id, publisher.url)
    assert publisher.asked == 1

    def token(**claims: Any) -> str:
        return minted(RSA_KEY, algorithm="PS256", header={"kid": "a"}, iss=product.key, id="ann", **claims)

    callers = await asyncio.gather(*(tenants.authenticate(token(jti=str(number))) for number in range(10)))
    assert {caller.tenant_key for caller in callers} == {"ann"}
    assert publisher.asked == 2
    publisher.status = 503
    await tenants.authenticate(token(jti="while it is down"))
    # A key that is not published is looked for once a minute at most, however many such tokens come.
    for number in range(5):
        forged = minted(EC_KEY, algorithm="ES256", header={"kid": f"b{number}"}, iss=product.key, id="ann")
        with pytest.raises(Unauthorized):
            await tenants.authenticate(forged)
    assert publisher.asked == 2


async def test_an_address_without_keys_or_in_a_private_network_is_refused(
    tenants: TenantsService, product: Product, publisher: Publisher
) -> None:
    for answer in ({"keys": []}, {"keys": "x"}, [], {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}):
        publisher.answer = answer
        with pytest.raises(Invalid):
            await tenants.set_jwks_uri(product.account_id, publisher.url)
    for wrong in ("http://10.0.0.1/jwks", "file:///etc/passwd", "http://[::1]:1/"):
        with pytest.raises(Invalid):
            await tenants.set_jwks_uri(product.account_id, wrong)


_PIECES = st.text(alphabet="ABCabc019-_.=", max_size=60)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    token=st.one_of(
        st.text(max_size=200),
        st.tuples(_PIECES, _PIECES, _PIECES).map(".".join),
        st.tuples(
            st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit"]), st.one_of(st.text(), st.integers())),
            st.dictionaries(
                st.sampled_from(["iss", "id", "workspaceKey", "tenantKey", "exp", "isAdmin", "fields", "aud"]),
                st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.text()), st.lists, max_leaves=3),
            ),
            st.binary(max_size=64),
        ).map(
            lambda parts: ".".join(
                urlsafe_b64encode(json.dumps(part).encode() if isinstance(part, dict) else part).rstrip(b"=").decode()
                for part in parts
            )
        ),
    )
)
async def test_whatever_comes_as_a_token_is_refused_and_breaks_nothing(tenants: TenantsService, token: str) -> None:
    with pytest.raises(Unauthorized):
        await tenants.authenticate(token)
