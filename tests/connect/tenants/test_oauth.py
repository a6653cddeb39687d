"""The OAuth server's rules: what a code, a token and a grant are good for, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta

import msgspec
import pytest

from syncom.clock import SystemClock
from syncom.connect.model import CallerKind
from syncom.connect.tenants.clients import Clients
from syncom.connect.tenants.model import Member, OAuthError, OAuthRefused, Tenant
from syncom.connect.tenants.service import MCP, TenantsService
from syncom.errors import Forbidden, Invalid, NotFound, RateLimited, Unauthorized
from syncom.postgres.pool import Database
from syncom.security import Keyring
from tests.clocks import ShiftedClock
from tests.connect.tenants.conftest import Product
from tests.connect.tenants.people import FewPeople, member, minted
from tests.connect.tenants.signing_in import Program, only

BASE = "http://syncom.example"
ANN = 7


@pytest.fixture
def clock() -> ShiftedClock:
    return ShiftedClock()


@pytest.fixture
async def tenants(
    emptied_database: Database, keyring: Keyring, people: FewPeople, clock: ShiftedClock
) -> AsyncIterator[TenantsService]:
    service = TenantsService(emptied_database, keyring, clock, people=people, base_url=BASE)
    yield service
    await service.stop()


@pytest.fixture
async def ann(emptied_database: Database, people: FewPeople, account: int) -> Member:
    """A person who is stored, since grants point at users."""
    async with emptied_database.system() as connection:
        await connection.execute(
            "INSERT INTO users (user_id, email, name, password_hash) OVERRIDING SYSTEM VALUE"
            " VALUES (%s, 'ann@example.com', 'Ann', 'x')",
            (ANN,),
        )
    people.people[ANN] = [member(account, ANN)]
    return people.people[ANN][0]


@pytest.fixture
async def tenant(tenants: TenantsService, account: int) -> Tenant:
    return await tenants.tenant(account, "default")


async def refused(awaited: Awaitable[object], error: OAuthError) -> None:
    with pytest.raises(OAuthRefused) as found:
        await awaited
    assert found.value.error is error


# ---------------------------------------------------------------- signing in


async def test_a_program_gets_tokens_for_the_tenant_that_a_person_chose(
    tenants: TenantsService, ann: Member, tenant: Tenant, product: Product
) -> None:
    answer = await Program().sign_in(tenants, ann, tenant)
    assert (answer.token_type, answer.expires_in, answer.scope) == ("Bearer", 3600, "tenant")
    assert (answer.default_workspace_key, answer.default_tenant_key) == (product.key, "default")
    assert (answer.email, answer.org_id) == ("ann@example.com", str(product.account_id))
    caller = await tenants.authenticate(answer.access_token)
    assert (caller.kind, caller.tenant_id, caller.user_id) == (CallerKind.TENANT, tenant.tenant_id, ANN)
    assert caller.actor == f"oauth:{caller.grant_id}"
    (grant,) = await tenants.oauth.grants(product.account_id)
    assert (grant.grant_id, grant.kind.value, grant.client_name) == (caller.grant_id, "cli-oauth", "Membrane CLI")


async def test_the_command_line_says_for_whom_it_asks(tenants: TenantsService) -> None:
    for client_id, label, name in (
        ("membrane-cli", "claude", "Membrane CLI (claude)"),
        ("membrane-cli", "", "Membrane CLI"),
        ("membrane-cli", "x" * 61, "Membrane CLI"),
        ("membrane-cli", "two\nlines", "Membrane CLI"),
    ):
        asked = Program(client_id).asking(client_name=label)
        assert tenants.oauth.request(await tenants.oauth.client_for(asked), asked).client_name == name


async def test_a_person_without_a_tenant_derives_tokens_for_each_of_theirs(
    tenants: TenantsService, ann: Member, tenant: Tenant, product: Product, people: FewPeople, other_account: int
) -> None:
    people.people[ANN].append(member(other_account, ANN, may_manage=False))
    answer = await Program().sign_in(tenants, ann, tenant, scope="platform-user")
    person = await tenants.authenticate(answer.access_token)
    assert (person.kind, person.tenant_id) == (CallerKind.PERSON, None)
    other = await tenants.tenant(other_account, "bob", create=True)
    derived = await tenants.authenticate(await tenants.oauth.derive(person, other_account, other))
    assert (derived.kind, derived.account_id, derived.tenant_key) == (CallerKind.TENANT, other_account, "bob")
    manager = await tenants.authenticate(await tenants.oauth.derive(person, product.account_id, None))
    assert (manager.kind, manager.account_id) == (CallerKind.MANAGER, product.account_id)
    with pytest.raises(Forbidden):
        await tenants.oauth.derive(person, other_account, None)
    with pytest.raises(Forbidden):
        await tenants.oauth.derive(derived, other_account, other)
    # Who leaves an account leaves with all tokens, and the sign-in takes what was derived with it.
    kept = await tenants.oauth.derive(person, other_account, other)
    people.people[ANN].pop()
    tenants.forget()
    with pytest.raises(Unauthorized):
        await tenants.authenticate(kept)
    for token in (answer.access_token, await tenants.oauth.derive(person, product.account_id, None)):
        await tenants.authenticate(token)
        assert person.grant_id is not None
    await tenants.oauth.revoke_grant(product.account_id, person.grant_id or "")
    with pytest.raises(Unauthorized):
        await tenants.authenticate(answer.access_token)


async def test_a_derived_token_keeps_the_restrictions_of_the_sign_in(
    tenants: TenantsService, ann: Member, tenant: Tenant, account: int
) -> None:
    limits = only("c1", actions=["get-contact"], read_only=True)
    answer = await Program().sign_in(tenants, ann, tenant, limits, scope="platform-user")
    person = await tenants.authenticate(answer.access_token)
    assert person.restrictions == limits
    derived = await tenants.authenticate(await tenants.oauth.derive(person, account, tenant))
    assert derived.restrictions == limits
    with pytest.raises(Forbidden):
        await tenants.oauth.derive(person, account, None)


async def test_a_viewers_token_only_reads_and_follows_the_role(
    tenants: TenantsService, ann: Member, tenant: Tenant, account: int, people: FewPeople
) -> None:
    answer = await Program().sign_in(tenants, ann, tenant, only("c1"))
    assert not (await tenants.authenticate(answer.access_token)).restrictions.read_only
    people.people[ANN] = [member(account, ANN, may_write=False)]
    tenants.forget()
    caller = await tenants.authenticate(answer.access_token)
    assert caller.restrictions == only("c1", read_only=True)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, OAuthError.UNSUPPORTED_RESPONSE_TYPE),
        ({"code_challenge_method": "plain"}, OAuthError.INVALID_REQUEST),
        ({"code_challenge": ""}, OAuthError.INVALID_REQUEST),
        ({"code_challenge": "x" * 42}, OAuthError.INVALID_REQUEST),
        ({"scope": "tenant platform-user"}, OAuthError.INVALID_SCOPE),
        ({"scope": "admin"}, OAuthError.INVALID_SCOPE),
        ({"resource": "https://evil.example/mcp"}, OAuthError.INVALID_TARGET),
        ({"resource": f"{BASE}.evil.example/mcp"}, OAuthError.INVALID_TARGET),
        ({"state": "x" * 2001}, OAuthError.INVALID_REQUEST),
    ],
)
async def test_a_request_that_is_wrong_is_refused(
    tenants: TenantsService, change: dict[str, str], error: OAuthError
) -> None:
    given = {**Program().asking(), **change}
    client = await tenants.oauth.client_for(given)
    with pytest.raises(OAuthRefused) as found:
        tenants.oauth.request(client, given)
    assert found.value.error is error


async def test_a_request_travels_signed_and_for_an_hour(tenants: TenantsService, clock: ShiftedClock) -> None:
    given = Program().asking()
    request = tenants.oauth.request(await tenants.oauth.client_for(given), given)
    packed = tenants.oauth.pack(request)
    assert tenants.oauth.unpack(packed) == request
    for forged in ("", "x", packed[:-1], packed[1:], packed + "A", packed.swapcase()):
        with pytest.raises(Invalid):
            tenants.oauth.unpack(forged)
    clock.ahead = timedelta(hours=1, seconds=1)
    with pytest.raises(Invalid):
        tenants.oauth.unpack(packed)


# ---------------------------------------------------------------- where codes may go


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:1/callback", "http://localhost:65535/x", "http://[::1]:9/", f"{BASE}/membrane/oauth/code"],
)
async def test_the_command_line_is_reached_on_a_loopback_or_by_the_page_with_the_code(
    tenants: TenantsService, address: str
) -> None:
    await tenants.oauth.client_for(Program(redirect_uri=address).asking())


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://evil.example/callback",
        "https://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://evil.example#@127.0.0.1/",
        "http://127.0.0.1:9/#x",
        "http://127.0.0.1\\@evil.example/",
        "http://127.0.0.1:99999/",
        f"{BASE}/membrane/oauth/code/../../x",
        f"{BASE}/membrane/oauth/code?x=1",
        "javascript:alert(1)",
        "http://127.0.0.1/ x",
        "http://127.0.0.1/\r\nSet-Cookie: x",
    ],
)
async def test_the_command_line_is_reached_nowhere_else(tenants: TenantsService, address: str) -> None:
    await refused(tenants.oauth.client_for(Program(redirect_uri=address).asking()), OAuthError.INVALID_REDIRECT_URI)


@pytest.mark.parametrize(
    ("registered", "asked", "fits"),
    [
        ("https://app.example/cb", "https://app.example/cb", True),
        ("https://app.example/cb", "https://app.example/cb?x=1", False),
        ("https://app.example/cb", "https://app.example/cb/", False),
        ("https://app.example/cb", "https://app.example:444/cb", False),
        ("https://app.example/cb", "http://app.example/cb", False),
        ("https://app.example/cb", "https://APP.example/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:5000/cb", True),
        ("http://localhost:3000/cb", "http://localhost:5000/cb", True),
        ("http://localhost:3000/cb", "http://127.0.0.1:5000/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:5000/other", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:5000/cb?next=x", False),
        ("cursor://anysphere/oauth", "cursor://anysphere/oauth", True),
        ("cursor://anysphere/oauth", "cursor://evil/oauth", False),
    ],
)
async def test_a_registered_program_is_reached_exactly_where_it_said(
    tenants: TenantsService, registered: str, asked: str, fits: bool
) -> None:
    client = await tenants.oauth.clients.register("App", [registered], address="10.0.0.1")
    given = Program(client.client_id, asked).asking()
    if fits:
        assert (await tenants.oauth.client_for(given)).name == "App"
    else:
        await refused(tenants.oauth.client_for(given), OAuthError.INVALID_REDIRECT_URI)


@pytest.mark.parametrize(
    "address",
    [
        "http://app.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://user:pass@app.example/",
        "https://app.example/#x",
        "https:///nothing",
        "/relative",
        "",
        "https://app.example/\n",
        "https://app.example/" + "x" * 1000,
        "https://ünïcode.example/",
        "vbscript:x",
        "blob:https://app.example/x",
    ],
)
async def test_addresses_that_codes_must_not_go_to_are_not_registered(tenants: TenantsService, address: str) -> None:
    await refused(tenants.oauth.clients.register("App", [address], address="10.0.0.1"), OAuthError.INVALID_REDIRECT_URI)


async def test_registering_is_paced_and_who_never_signs_anybody_in_is_forgotten(
    tenants: TenantsService, clock: ShiftedClock, ann: Member, tenant: Tenant
) -> None:
    used = await tenants.oauth.clients.register("Used", ["https://app.example/cb"], address="10.0.0.1")
    await Program(used.client_id, "https://app.example/cb").sign_in(tenants, ann, tenant)
    for _ in range(19):
        idle = await tenants.oauth.clients.register("Idle\n\x1b[31m", ["https://a.example"], address="10.0.0.1")
    with pytest.raises(RateLimited):
        await tenants.oauth.clients.register("Idle", ["https://a.example"], address="10.0.0.1")
    assert idle.name == "Idle [31m"
    await tenants.oauth.clients.register("Other", ["https://a.example"], address="10.0.0.2")
    clock.ahead = timedelta(days=2)
    await tenants.oauth.forget()
    await refused(tenants.oauth.clients.find(idle.client_id), OAuthError.INVALID_CLIENT)
    assert (await tenants.oauth.clients.find(used.client_id)).name == "Used"


async def test_a_program_may_describe_itself_at_an_address(emptied_database: Database, clock: ShiftedClock) -> None:
    asked: list[str] = []
    address = "https://agent.example/client.json"
    described: dict[str, object] = {
        "client_id": address,
        "client_name": "Agent",
        "redirect_uris": ["http://127.0.0.1/cb"],
    }

    async def fetch(given: str) -> bytes:
        asked.append(given)
        return msgspec.json.encode(described)

    clients = Clients(emptied_database, clock, fetch, code_page="")
    client = await clients.find(address)
    assert (client.client_id, client.name) == (address, "Agent")
    assert clients.may_redirect(client, "http://127.0.0.1:5000/cb")
    assert not clients.may_redirect(client, "https://agent.example/cb")
    await clients.find(address)
    assert asked == [address]
    for wrong in ("https://agent.example", "https://agent.example/", f"{address}#x", f"{address}?{'x' * 1000}"):
        await refused(clients.find(wrong), OAuthError.INVALID_CLIENT)
    assert asked == [address]
    # One that says it is another, or wants codes sent where none may go.
    await refused(clients.find("https://evil.example/client.json"), OAuthError.INVALID_CLIENT)
    described["redirect_uris"] = ["javascript:alert(1)"]
    clock.ahead = timedelta(minutes=11)
    await refused(clients.find(address), OAuthError.INVALID_REDIRECT_URI)


# ---------------------------------------------------------------- codes


async def test_a_code_is_good_for_its_program_address_and_verifier_only(
    tenants: TenantsService, ann: Member, tenant: Tenant
) -> None:
    program, other = Program(), Program()
    code = await program.code(tenants, ann, tenant)
    for wrong in (
        {"client_id": "another"},
        {"redirect_uri": "http://127.0.0.1:51235/callback"},
        {"redirect_uri": ""},
        {"code_verifier": other.verifier},
        {"code_verifier": ""},
        {"code_verifier": program.challenge},
        {"code": code[:-1]},
        {"code": ""},
        {"code": "ї" + code},
    ):
        await refused(tenants.oauth.exchange({**program.exchanging(code), **wrong}), OAuthError.INVALID_GRANT)
    await refused(
        tenants.oauth.exchange(program.exchanging(code, resource="https://evil.example")), OAuthError.INVALID_TARGET
    )
    # None of these spoiled it.
    assert (await tenants.oauth.exchange(program.exchanging(code))).access_token


async def test_a_code_ends_after_ten_minutes(
    tenants: TenantsService, ann: Member, tenant: Tenant, clock: ShiftedClock
) -> None:
    program = Program()
    code = await program.code(tenants, ann, tenant)
    clock.ahead = timedelta(minutes=10, seconds=1)
    await refused(tenants.oauth.exchange(program.exchanging(code)), OAuthError.INVALID_GRANT)


async def test_a_code_that_is_used_twice_ends_what_came_of_it(
    tenants: TenantsService, ann: Member, tenant: Tenant, account: int
) -> None:
    program = Program()
    code = await program.code(tenants, ann, tenant)
    answer = await tenants.oauth.exchange(program.exchanging(code))
    await tenants.authenticate(answer.access_token)
    await refused(tenants.oauth.exchange(program.exchanging(code)), OAuthError.INVALID_GRANT)
    with pytest.raises(Unauthorized):
        await tenants.authenticate(answer.access_token)
    await refused(tenants.oauth.refresh(program.refreshing(answer.refresh_token or "")), OAuthError.INVALID_GRANT)
    assert await tenants.oauth.grants(account) == []


async def test_of_many_who_come_with_one_code_at_once_one_is_served_and_all_are_ended(
    tenants: TenantsService, ann: Member, tenant: Tenant, account: int
) -> None:
    program = Program()
    code = await program.code(tenants, ann, tenant)
    found = await asyncio.gather(
        *(tenants.oauth.exchange(program.exchanging(code)) for _ in range(8)), return_exceptions=True
    )
    assert sum(not isinstance(each, BaseException) for each in found) == 1
    assert await tenants.oauth.grants(account) == []


# ---------------------------------------------------------------- refresh


async def test_refreshing_rotates_and_the_old_token_coming_late_ends_the_sign_in(
    tenants: TenantsService, ann: Member, tenant: Tenant, clock: ShiftedClock
) -> None:
    program = Program()
    first = await program.sign_in(tenants, ann, tenant)
    second = await tenants.oauth.refresh(program.refreshing(first.refresh_token or ""))
    assert second.refresh_token != first.refresh_token
    await tenants.authenticate(second.access_token)
    clock.ahead = timedelta(seconds=31)
    await refused(tenants.oauth.refresh(program.refreshing(first.refresh_token or "")), OAuthError.INVALID_GRANT)
    with pytest.raises(Unauthorized):
        await tenants.authenticate(second.access_token)
    await refused(tenants.oauth.refresh(program.refreshing(second.refresh_token or "")), OAuthError.INVALID_GRANT)


async def test_an_answer_that_got_lost_is_had_again(tenants: TenantsService, ann: Member, tenant: Tenant) -> None:
    program = Program()
    first = await program.sign_in(tenants, ann, tenant)
    lost = await tenants.oauth.refresh(program.refreshing(first.refresh_token or ""))
    again = await tenants.oauth.refresh(program.refreshing(first.refresh_token or ""))
    third = await tenants.oauth.refresh(program.refreshing(again.refresh_token or ""))
    await tenants.authenticate(third.access_token)
    # Somebody had the lost one after all: two have what was meant for one.
    await refused(tenants.oauth.refresh(program.refreshing(lost.refresh_token or "")), OAuthError.INVALID_GRANT)
    with pytest.raises(Unauthorized):
        await tenants.authenticate(third.access_token)


async def test_a_token_whose_successor_was_used_is_not_taken_within_the_grace_either(
    tenants: TenantsService, ann: Member, tenant: Tenant
) -> None:
    program = Program()
    first = await program.sign_in(tenants, ann, tenant)
    second = await tenants.oauth.refresh(program.refreshing(first.refresh_token or ""))
    await tenants.oauth.refresh(program.refreshing(second.refresh_token or ""))
    await refused(tenants.oauth.refresh(program.refreshing(first.refresh_token or "")), OAuthError.INVALID_GRANT)


async def test_a_refresh_token_is_for_its_program_and_ends_after_thirty_days(
    tenants: TenantsService, ann: Member, tenant: Tenant, clock: ShiftedClock
) -> None:
    program = Program()
    first = await program.sign_in(tenants, ann, tenant)
    token = first.refresh_token or ""
    await refused(tenants.oauth.refresh(program.refreshing(token, client_id="other")), OAuthError.INVALID_GRANT)
    await refused(tenants.oauth.refresh(program.refreshing(token, scope="platform-user")), OAuthError.INVALID_SCOPE)
    await refused(tenants.oauth.refresh(program.refreshing(first.access_token)), OAuthError.INVALID_GRANT)
    with pytest.raises(Unauthorized):
        await tenants.authenticate(token)
    clock.ahead = timedelta(days=30, seconds=1)
    await refused(tenants.oauth.refresh(program.refreshing(token)), OAuthError.INVALID_GRANT)
    await tenants.oauth.forget()


async def test_an_access_token_ends_after_an_hour(
    tenants: TenantsService, ann: Member, tenant: Tenant, clock: ShiftedClock
) -> None:
    answer = await Program().sign_in(tenants, ann, tenant)
    clock.ahead = timedelta(minutes=59)
    await tenants.authenticate(answer.access_token)
    clock.ahead = timedelta(minutes=60, seconds=1)
    with pytest.raises(Unauthorized, match="expired"):
        await tenants.authenticate(answer.access_token)


# ---------------------------------------------------------------- addresses


async def test_a_token_for_one_address_is_good_there_only(tenants: TenantsService, ann: Member, tenant: Tenant) -> None:
    for_mcp = await Program().sign_in(tenants, ann, tenant, resource=f"{BASE}/mcp")
    for_rest = await Program().sign_in(tenants, ann, tenant, resource=f"{BASE}/membrane")
    for_all = await Program().sign_in(tenants, ann, tenant)
    await tenants.authenticate(for_mcp.access_token, at=MCP)
    await tenants.authenticate(for_rest.access_token)
    for token in (for_all.access_token,):
        await tenants.authenticate(token)
        await tenants.authenticate(token, at=MCP)
    for token, place in ((for_mcp.access_token, "/membrane"), (for_rest.access_token, MCP)):
        for _ in range(2):
            with pytest.raises(Unauthorized, match="another address"):
                await tenants.authenticate(token, at=place)
            assert tenants.known(token, at=place) is None
    program = Program()
    code = await program.code(tenants, ann, tenant, resource=f"{BASE}/mcp/")
    await refused(
        tenants.oauth.exchange(program.exchanging(code, resource=f"{BASE}/membrane")), OAuthError.INVALID_TARGET
    )
    answer = await tenants.oauth.exchange(program.exchanging(code, resource=f"{BASE}/mcp"))
    await tenants.authenticate(answer.access_token, at=MCP)


# ---------------------------------------------------------------- ending


async def test_any_token_of_a_sign_in_ends_it_and_strangers_cannot(
    tenants: TenantsService, ann: Member, tenant: Tenant, account: int, other_account: int
) -> None:
    program = Program()
    for which in ("access_token", "refresh_token"):
        answer = await program.sign_in(tenants, ann, tenant)
        token = getattr(answer, which)
        await tenants.oauth.revoke({"token": token, "client_id": "another"})
        await tenants.oauth.revoke({"token": token[:-2] + "xx"})
        await tenants.oauth.revoke({"token": "nonsense"})
        caller = await tenants.authenticate(answer.access_token)
        with pytest.raises(NotFound):
            await tenants.oauth.revoke_grant(other_account, caller.grant_id or "")
        await tenants.oauth.revoke({"token": token, "client_id": program.client_id})
        with pytest.raises(Unauthorized):
            await tenants.authenticate(answer.access_token)
    assert await tenants.oauth.grants(account) == []


async def test_another_process_refuses_a_token_within_moments_of_its_end(
    tenants: TenantsService,
    ann: Member,
    tenant: Tenant,
    emptied_database: Database,
    keyring: Keyring,
    people: FewPeople,
) -> None:
    elsewhere = TenantsService(emptied_database, keyring, SystemClock(), people=people, base_url=BASE)
    await elsewhere.start()
    try:
        program = Program()
        answer = await program.sign_in(tenants, ann, tenant)
        await elsewhere.authenticate(answer.access_token)
        assert elsewhere.known(answer.access_token) is not None
        await tenants.oauth.revoke({"token": answer.access_token})
        for _ in range(300):
            if elsewhere.known(answer.access_token) is None:
                break
            await asyncio.sleep(0.01)
        with pytest.raises(Unauthorized):
            await elsewhere.authenticate(answer.access_token)
    finally:
        await elsewhere.stop()


async def test_two_processes_with_one_code_or_refresh_token_serve_one(
    tenants: TenantsService,
    ann: Member,
    tenant: Tenant,
    emptied_database: Database,
    keyring: Keyring,
    people: FewPeople,
    account: int,
) -> None:
    elsewhere = TenantsService(emptied_database, keyring, SystemClock(), people=people, base_url=BASE)
    program = Program()
    code = await program.code(tenants, ann, tenant)
    both = await asyncio.gather(
        tenants.oauth.exchange(program.exchanging(code)),
        elsewhere.oauth.exchange(program.exchanging(code)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, OAuthRefused) for each in both) == 1
    assert await tenants.oauth.grants(account) == []
    answer = await program.sign_in(tenants, ann, tenant)
    given = program.refreshing(answer.refresh_token or "")
    one, two = await asyncio.gather(tenants.oauth.refresh(given), elsewhere.oauth.refresh(given))
    # Both within the grace: whichever is used first stays.
    await elsewhere.oauth.refresh(program.refreshing(two.refresh_token or ""))
    await refused(tenants.oauth.refresh(program.refreshing(one.refresh_token or "")), OAuthError.INVALID_GRANT)


async def test_a_new_password_ends_sign_ins_and_what_was_made_with_them_and_leaves_keys(
    tenants: TenantsService, ann: Member, tenant: Tenant, account: int
) -> None:
    answer = await Program().sign_in(tenants, ann, tenant)
    caller = await tenants.authenticate(answer.access_token)
    child = await tenants.oauth.create_token(account, name="child", tenant=tenant, parent=caller.grant_id)
    own = await tenants.oauth.create_token(account, name="own", tenant=tenant, user_id=ANN)
    assert await tenants.oauth.revoke_sign_ins(ANN) == 1
    for token in (answer.access_token,):
        with pytest.raises(Unauthorized):
            await tenants.authenticate(token)
    await tenants.authenticate(own.token)
    await tenants.oauth.revoke_grant(account, child.grant.grant_id)


# ---------------------------------------------------------------- long-lived tokens


async def test_a_long_lived_token_has_its_limits_and_ends_when_told(
    tenants: TenantsService, tenant: Tenant, account: int, clock: ShiftedClock
) -> None:
    limits = only("c1", "c2", actions=["get-contact"], read_only=True)
    made = await tenants.oauth.create_token(
        account, name="Report", tenant=tenant, restrictions=limits, life=timedelta(hours=1)
    )
    assert made.token.startswith("pat-")
    caller = await tenants.authenticate(made.token)
    assert (caller.kind, caller.tenant_id, caller.restrictions) == (CallerKind.TENANT, tenant.tenant_id, limits)
    assert caller.actor == f"token:{made.grant.grant_id}"
    clock.ahead = timedelta(hours=1, seconds=10)
    with pytest.raises(Unauthorized):
        await tenants.authenticate(made.token)
    endless = await tenants.oauth.create_token(account, name="Endless", tenant=tenant)
    clock.ahead = timedelta(days=3000)
    await tenants.oauth.forget()
    await tenants.authenticate(endless.token)
    with pytest.raises(Forbidden):
        await tenants.oauth.create_token(account, name="x", tenant=tenant, parent=endless.grant.grant_id)
    await tenants.oauth.revoke_grant(account, endless.grant.grant_id)
    with pytest.raises(Unauthorized):
        await tenants.authenticate(endless.token)


async def test_a_token_made_with_a_sign_in_ends_with_it(
    tenants: TenantsService, ann: Member, tenant: Tenant, account: int
) -> None:
    answer = await Program().sign_in(tenants, ann, tenant)
    caller = await tenants.authenticate(answer.access_token)
    made = await tenants.oauth.create_token(account, name="child", tenant=tenant, parent=caller.grant_id)
    await tenants.authenticate(made.token)
    await tenants.oauth.revoke({"token": answer.refresh_token or ""})
    with pytest.raises(Unauthorized):
        await tenants.authenticate(made.token)


async def test_a_personal_token_is_the_person(
    tenants: TenantsService, ann: Member, account: int, people: FewPeople
) -> None:
    made = await tenants.oauth.create_token(account, name="Ann's", user_id=ANN)
    caller = await tenants.authenticate(made.token)
    assert (caller.kind, caller.user_id) == (CallerKind.PERSON, ANN)
    people.people[ANN] = []
    tenants.forget()
    with pytest.raises(Unauthorized):
        await tenants.authenticate(made.token)


async def test_tokens_of_each_kind_are_nothing_at_the_places_of_the_others(
    tenants: TenantsService, ann: Member, tenant: Tenant, product: Product, account: int
) -> None:
    program = Program()
    code = await program.code(tenants, ann, tenant)
    signed_in = await program.sign_in(tenants, ann, tenant)
    made = await tenants.oauth.create_token(account, name="x", tenant=tenant)
    own = minted(product.secret, workspaceKey=product.key, tenantKey="ann")
    for not_a_token in (code, signed_in.refresh_token or "", product.secret, product.key):
        with pytest.raises(Unauthorized):
            await tenants.authenticate(not_a_token)
    for not_a_code in (signed_in.access_token, signed_in.refresh_token or "", made.token, own):
        await refused(tenants.oauth.exchange(program.exchanging(not_a_code)), OAuthError.INVALID_GRANT)
    for not_a_refresh_token in (signed_in.access_token, code, made.token, own):
        await refused(tenants.oauth.refresh(program.refreshing(not_a_refresh_token)), OAuthError.INVALID_GRANT)
