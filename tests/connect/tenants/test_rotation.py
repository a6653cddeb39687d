"""Refreshing, losing answers, stealing and revoking in any order: who is served, and who is shut out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncom.connect.tenants.model import OAuthRefused
from syncom.connect.tenants.service import TenantsService
from syncom.errors import Unauthorized
from syncom.postgres.pool import Database
from syncom.security import Keyring
from tests.clocks import StandingClock
from tests.connect.tenants.people import FewPeople, member
from tests.connect.tenants.signing_in import Program

GRACE = 30


class Model:
    """What should be: tokens by who was given them, told by the rules and not by the code."""

    def __init__(self, token: str) -> None:
        self.alive = True
        self.parent: dict[str, str | None] = {token: None}
        self.used_at: dict[str, float] = {}
        self.closed: set[str] = set()

    def may(self, token: str, now: float) -> bool:
        """Whether it is served, noting what that does."""
        if not self.alive:
            return False
        if token in self.closed:
            served = False
        elif token not in self.used_at:
            served = True
            self.used_at[token] = now
            self.closed |= {
                other
                for other, parent in self.parent.items()
                if parent is not None and parent == self.parent[token] and other not in (token, *self.used_at)
            }
        else:
            children = [other for other, parent in self.parent.items() if parent == token]
            in_time = now - self.used_at[token] <= GRACE
            served = in_time and not any(child in self.used_at for child in children) and len(children) < 5
        self.alive = served
        return served


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("refresh"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.sampled_from([1, 20, 40])),
        st.tuples(st.just("revoke"), st.integers(0, 60)),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
async def test_whatever_happens_to_refresh_tokens_two_never_go_on_with_one_sign_in(
    kept_database: Database, steps: list[tuple[str, int]]
) -> None:
    start = datetime.now(UTC)
    clock, people = StandingClock(start), FewPeople()
    tenants = TenantsService(kept_database, Keyring(b"k" * 32), clock, people=people)
    async with kept_database.system() as connection:
        row = await (
            await connection.execute("INSERT INTO accounts (name) VALUES ('Acme') RETURNING account_id")
        ).fetchone()
        assert row is not None
        person = await (
            await connection.execute(
                "INSERT INTO users (email, name, password_hash) VALUES (%s, 'Ann', 'x') RETURNING user_id",
                (f"ann{row[0]}@example.com",),
            )
        ).fetchone()
        assert person is not None
    ann = member(row[0], person[0])
    people.people[person[0]] = [ann]
    program = Program()
    answer = await program.sign_in(tenants, ann, await tenants.tenant(row[0], "default"))
    tokens, access = [answer.refresh_token or ""], [answer.access_token]
    model = Model(tokens[0])
    for step, number in steps:
        if step == "wait":
            clock.time += timedelta(seconds=number)
        elif step == "revoke" and number < 3:
            await tenants.oauth.revoke({"token": tokens[number % len(tokens)]})
            model.alive = False
        elif step == "refresh":
            token = tokens[number % len(tokens)]
            expected = model.may(token, (clock.time - start).total_seconds())
            try:
                answer = await tenants.oauth.refresh(program.refreshing(token))
            except OAuthRefused:
                assert not expected
                continue
            assert expected
            tokens.append(answer.refresh_token or "")
            access.append(answer.access_token)
            model.parent[tokens[-1]] = token
    for token in access:
        try:
            await tenants.authenticate(token)
        except Unauthorized:
            assert not model.alive
        else:
            assert model.alive
