"""Columns that say on which lists a contact is and what it agreed to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from syncom.clock import SystemClock
from syncom.contacts.imports import standing
from syncom.contacts.imports.model import ColumnTarget, ImportOptions, ImportState, ImportStatus, Proposal
from syncom.contacts.imports.service import ImportService
from syncom.contacts.model import Channel, ConsentChange, ContactInput, SubscriptionState, UpsertOptions
from syncom.contacts.service import ContactsService, set_consents
from syncom.postgres.pool import Database


@pytest.fixture
async def contacts(database: Database) -> AsyncIterator[ContactsService]:
    service = ContactsService(database, SystemClock())
    yield service
    await service.close()


@pytest.fixture
def imports(database: Database, contacts: ContactsService, tmp_path: Path) -> ImportService:
    return ImportService(database, contacts, tmp_path, SystemClock(), batch_rows=3, lease_seconds=1.0)


async def _propose(imports: ImportService, account_id: int, text: str) -> Proposal:
    async def chunks() -> AsyncIterator[bytes]:
        yield text.encode()

    return await imports.propose(account_id, await imports.store(account_id, "people.csv", chunks()))


async def _import(imports: ImportService, account_id: int, text: str, **options: Any) -> ImportStatus:
    proposal = await _propose(imports, account_id, text)
    created = await imports.create(account_id, proposal.file, ImportOptions(**options))
    return await imports.run(created.import_id)


async def _targets(imports: ImportService, account_id: int, text: str) -> list[str]:
    return [column.target.target for column in (await _propose(imports, account_id, text)).columns]


async def _history(database: Database, account_id: int) -> list[tuple[Any, ...]]:
    """Email address, channel, state, day, what the file said of the source."""
    async with database.tenant(account_id) as connection:
        cursor = await connection.execute(
            "SELECT c.email, e.channel, e.state, e.source, e.detail ->> 'source', e.occurred_at::date::text"
            " FROM consent_events e JOIN contacts c USING (account_id, bucket, contact_id)"
            " ORDER BY c.email, e.consent_event_id"
        )
        return await cursor.fetchall()


async def _states(database: Database, account_id: int) -> dict[str, tuple[int, int]]:
    async with database.tenant(account_id) as connection:
        rows = await (await connection.execute("SELECT email, email_state, sms_state FROM contacts")).fetchall()
    return {row[0]: (row[1], row[2]) for row in rows}


async def _members(database: Database, account_id: int) -> set[tuple[str, str]]:
    async with database.tenant(account_id) as connection:
        cursor = await connection.execute(
            "SELECT l.name, c.email FROM list_members m JOIN lists l USING (account_id, list_id)"
            " JOIN contacts c USING (account_id, bucket, contact_id)"
        )
        return {(row[0], row[1]) for row in await cursor.fetchall()}


async def test_each_row_has_its_own_state_with_its_date_and_source_in_the_history(
    imports: ImportService, database: Database, account_id: int
) -> None:
    status = await _import(
        imports,
        account_id,
        "Email,Phone,Subscription,SMS consent,Consent date,Consent source\n"
        "a@x.com,+380501234561,subscribed,no,2021-03-04,fair\n"
        "b@x.com,,Unsubscribed,,05.06.2022 10:30,\n"
        "c@x.com,,pending,,,page\n"
        "d@x.com,+380501234564,none,,,\n"
        "e@x.com,,,,,\n",
    )
    assert (status.created, status.updated, status.unchanged, status.failed) == (5, 0, 0, 0)
    assert await _states(database, account_id) == {
        "a@x.com": (2, 3),
        "b@x.com": (3, 0),
        "c@x.com": (1, 0),
        "d@x.com": (0, 2),
        "e@x.com": (2, 0),
    }
    today = datetime.now(UTC).date().isoformat()
    assert await _history(database, account_id) == [
        ("a@x.com", 1, 2, "import", "fair", "2021-03-04"),
        ("a@x.com", 2, 3, "import", "fair", "2021-03-04"),
        ("b@x.com", 1, 3, "import", None, "2022-06-05"),
        ("c@x.com", 1, 1, "import", "page", today),
        ("d@x.com", 2, 2, "import", None, today),
        ("e@x.com", 1, 2, "import", None, today),
    ]


async def test_nobody_is_subscribed_again_and_an_older_no_does_not_undo_a_newer_yes(
    imports: ImportService, contacts: ContactsService, database: Database, account_id: int
) -> None:
    rows = [ContactInput(email=f"{name}@x.com") for name in "abc"]
    made = await contacts.upsert(account_id, rows, UpsertOptions(consent=SubscriptionState.NONE))
    yes, no = SubscriptionState.SUBSCRIBED, SubscriptionState.UNSUBSCRIBED
    async with database.system() as connection:
        await set_consents(
            connection,
            [
                ConsentChange(
                    account_id=account_id,
                    contact_id=made.contact_ids[place] or 0,
                    channel=Channel.EMAIL,
                    state=state,
                    source="page",
                    occurred_at=datetime(2024, 1, 1, tzinfo=UTC),
                )
                for place, state in enumerate((no, yes, yes))
            ],
        )
    status = await _import(
        imports,
        account_id,
        "email,email_state,consent_at\na@x.com,subscribed,2025-01-01\nb@x.com,no,2023-12-31\nc@x.com,no,2024-01-02\n",
    )
    assert await _states(database, account_id) == {"a@x.com": (3, 0), "b@x.com": (2, 0), "c@x.com": (3, 0)}
    assert (status.updated, status.unchanged) == (1, 2)


async def test_rows_of_one_contact_act_in_their_order(
    imports: ImportService, database: Database, account_id: int
) -> None:
    await _import(
        imports, account_id, "email,email_state\na@x.com,subscribed\na@x.com,unsubscribed\nA@x.com,subscribed\n"
    )
    assert [row[2] for row in await _history(database, account_id)] == [2, 3]


async def test_lists_are_made_when_missing_and_joined_by_name(
    imports: ImportService, contacts: ContactsService, database: Database, account_id: int, other_account_id: int
) -> None:
    await contacts.lists.create(account_id, "News")
    await contacts.lists.create(other_account_id, "VIP")
    text = "email,Groups\na@x.com,news; VIP ;\nb@x.com,\nc@x.com,VIP\nd@x.com,Vip;VIP\n"
    status = await _import(imports, account_id, text, list_name="Everybody")
    assert (status.created, status.failed) == (4, 0)
    assert await _members(database, account_id) == {
        ("News", "a@x.com"), ("VIP", "a@x.com"), ("VIP", "c@x.com"), ("VIP", "d@x.com"),
        *(("Everybody", f"{name}@x.com") for name in "abcd"),
    }  # fmt: skip
    assert len(await contacts.lists.all(account_id)) == 3
    again = await _import(imports, account_id, text)
    assert (again.unchanged, again.failed) == (4, 0)
    assert len(await _members(database, account_id)) == 8


async def test_cells_that_say_nothing_clear_are_errors_of_their_rows(
    imports: ImportService, database: Database, account_id: int
) -> None:
    header = ("email", "email_state", "consent_at", "lists")
    status = await _import(
        imports,
        account_id,
        "email,state,when,where\n"
        "a@x.com,perhaps,,\nb@x.com,yes,yesterday,\nc@x.com,yes,2999-01-01,\n"
        f"d@x.com,yes,,{'x' * 300}\ne@x.com,yes,,{';'.join(map(str, range(51)))}\n"
        "f@x.com,yes,2020-01-01,fine\nnobody,no,,\n",
        mapping=tuple(ColumnTarget(target=target) for target in header),
    )
    assert (status.created, status.failed) == (1, 6)
    path = await imports.errors_path(account_id, status.import_id)
    assert path is not None
    lines = path.read_text("utf-8-sig").splitlines()[1:]
    assert [line.split(",")[:2] for line in lines] == [
        ["2", "state"], ["3", "when"], ["4", "when"], ["5", "where"], ["6", "where"], ["8", "email"],
    ]  # fmt: skip
    assert "is no state; write subscribed, unsubscribed, unconfirmed or none" in lines[0]
    assert await _states(database, account_id) == {"f@x.com": (2, 0)}


async def test_a_column_that_names_too_many_lists_stops_the_import(
    imports: ImportService, account_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "MAX_LISTS", 4)
    text = "email,lists\n" + "".join(f"p{number}@x.com,list {number}\n" for number in range(9))
    status = await _import(imports, account_id, text)
    assert status.state is ImportState.FAILED
    assert "more than 4 lists" in status.problem
    assert status.created == 3


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("email,Subscribed\na@x.com,yes\nb@x.com,No\n", ["email", "email_state"]),
        ("email,Подписка,Дата подписки\na@x.com,да,2020-01-02\n", ["email", "email_state", "consent_at"]),
        # Not every cell is a state, so the column may be anything.
        ("email,Subscription\na@x.com,yes\nb@x.com,gold\n", ["email", ""]),
        ("email,Subscription,Consent date\na@x.com,,soon\n", ["email", "", ""]),
        ("email,SMS status,Lists\na@x.com,active,A;B\n", ["email", "sms_state", "lists"]),
        ("email,Unsubscribed\na@x.com,yes\n", ["email", ""]),
    ],
)
async def test_columns_are_proposed_where_their_content_bears_out_their_name(
    imports: ImportService, account_id: int, text: str, targets: list[str]
) -> None:
    assert await _targets(imports, account_id, text) == targets
