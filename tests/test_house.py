"""What keeps the house in order: arrows between rooms, a schema that could be distributed, local statements."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from syncom.postgres.migrate import PARTITIONED
from syncom.postgres.pool import Database
from syncom.settings import HELP, Settings

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "syncom"

#: Tables whose rows belong to a contact: distributed by bucket.
CONTACT_OWNED = {
    "contacts",
    "consent_events",
    "list_members",
    "contact_statistics",
    "orders",
    "refunds",
    "ledger",
    "activity",
    "engagements",
    "merged_contacts",
    "message_params",
    "message_claims",
    "bulk_changes",
    "bounces",
    "erased_contacts",
    "events",
    "enrolments",
    "deleted_contacts",
    "contact_channels",
    "contact_categories",
    "declined_categories",
    "confirmations",
    "rfm_scores",
    "rfm_history",
    "contact_predictions",
    "contact_segments",
    "segment_moves",
    "attributions",
    "workflow_calls",
    "workflow_messages",
    "abandoned_carts",
    "inbound_texts",
}
#: Distributed by value: looked up before the contact is known.
BY_VALUE = {
    "identities",
    "order_identities",
    "recent_events",
    "event_keys",
    "short_links",
    "suppressions",
    "bounce_strikes",
    "deleted_identities",
    "erased_addresses",
    "site_visitors",
    "carts",
    "peer_messages",
    "waiting_receipts",
    "inbound_text_ids",
    "incomplete_texts",
}
#: Plain tables of the coordinator: the queue, sessions, jobs.
COORDINATOR = {
    "campaign_chunks",
    "bulk_actions",
    "messages",
    "workers",
    "sessions",
    "inbox_messages",
    "bounce_spool",
    "activity_writers",
    "activity_journal",
    "followed_events",
    "contact_changes",
    "attribution_queue",
    "followed_moves",
}


async def owned_tables(database: Database) -> set[str]:
    """Tables with a bucket, partitions under their parents' names; a place in a piece of work is none."""
    async with database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'bucket'"
                " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace"
            )
        ).fetchall()
    return {row[0] for row in rows} - COORDINATOR


async def test_every_table_with_a_bucket_is_known_to_these_rules(database: Database) -> None:
    assert await owned_tables(database) == CONTACT_OWNED


async def test_every_unique_key_of_a_contact_owned_table_contains_the_bucket(database: Database) -> None:
    async with database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT t.relname, i.indexrelid::regclass::text, array_agg(a.attname::text ORDER BY k.place)"
                " FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid"
                " CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (number, place)"
                " JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number"
                " WHERE i.indisunique AND NOT t.relispartition AND t.relname = ANY(%s)"
                " GROUP BY 1, 2",
                (sorted(CONTACT_OWNED),),
            )
        ).fetchall()
    assert rows
    for table, index, columns in rows:
        assert columns[:2] == ["account_id", "bucket"], f"{index} of {table} begins {columns[:2]}"


async def test_foreign_keys_exist_only_where_they_could_be_distributed(database: Database) -> None:
    """A shared (reference) table may be pointed at by shared tables; nobody points at a distributed one."""
    async with database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint"
                " WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
                " AND conrelid::regclass::text NOT LIKE 'procrastinate%'"
            )
        ).fetchall()
    for table, target in rows:
        assert target not in CONTACT_OWNED | BY_VALUE | COORDINATOR, f"{table} points at {target}"
        assert table not in CONTACT_OWNED | BY_VALUE, f"{table} has a foreign key"


async def test_facts_are_partitioned_by_month(database: Database) -> None:
    async with database.system() as connection:
        rows = await (await connection.execute("SELECT relname FROM pg_class WHERE relkind = 'p'")).fetchall()
    assert {row[0] for row in rows} == set(PARTITIONED)


async def test_every_table_of_an_account_has_row_level_security(database: Database) -> None:
    async with database.system() as connection:
        rows = await (
            await connection.execute(
                "SELECT c.relname, c.relrowsecurity, has_table_privilege('syncom_tenant', c.oid, 'SELECT')"
                " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id'"
                " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace"
            )
        ).fetchall()
    for table, secured, readable in rows:
        assert secured or not readable, f"{table} can be read by a tenant without row-level security"


async def test_a_tenant_sees_no_credentials_and_no_other_account(
    database: Database, account_id: int, other_account_id: int
) -> None:
    async with database.tenant(account_id) as connection:
        rows = await (await connection.execute("SELECT account_id FROM accounts")).fetchall()
        assert rows == [(account_id,)]
    for table in ("users", "sessions", "api_keys"):
        with pytest.raises(Exception, match="permission denied"):
            async with database.tenant(account_id) as connection:
                await connection.execute(f"SELECT * FROM {table}")
    with pytest.raises(Exception, match="permission denied"):
        async with database.tenant(account_id) as connection:
            await connection.execute("SELECT secret FROM senders")
    with pytest.raises(Exception, match="row-level security"):
        async with database.tenant(account_id) as connection:
            await connection.execute("INSERT INTO lists (account_id, name) VALUES (%s, 'x')", (other_account_id,))


def statements() -> list[tuple[str, str]]:
    """Every named statement of every .sql file beside the migrations."""
    found: list[tuple[str, str]] = []
    for path in sorted(SOURCE.rglob("*.sql")):
        if path.parent.name == "migrations":
            continue
        for part in re.split(r"^-- name: ", path.read_text("utf-8"), flags=re.MULTILINE)[1:]:
            name, _, body = part.partition("\n")
            found.append((f"{path.relative_to(SOURCE)}:{name}", re.sub(r"--.*", "", body)))
    return found


@pytest.mark.parametrize(("name", "body"), statements(), ids=[name for name, _ in statements()])
def test_no_statement_locks_rows_across_buckets(name: str, body: str) -> None:
    """Multi-shard FOR UPDATE does not exist on a distributed engine."""
    if not re.search(r"\bFOR (NO KEY )?(UPDATE|SHARE)\b", body):
        return
    tables = {word.lower() for word in re.findall(r"\b(?:FROM|JOIN|UPDATE)\s+(\w+)", body)}
    if tables & CONTACT_OWNED:
        assert re.search(r"\bbucket\b", body), (
            f"{name} locks rows of {tables & CONTACT_OWNED} without naming the bucket"
        )


def test_no_sql_is_made_of_strings_with_values_in_them() -> None:
    """Values are bound. NOTIFY, which cannot bind, is written as pg_notify()."""
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        assert not re.search(r"execute\(\s*f[\"']", text), f"{path.name} formats SQL"
        assert not re.search(r"[\"']NOTIFY ", text), f"{path.name} writes NOTIFY as text"


def test_arrows_between_rooms_point_one_way() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    found = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[-3000:]


def test_dangerous_calls_are_nowhere() -> None:
    banned = re.compile(r"\b(eval|exec)\(|import pickle|yaml\.load\(|shell=True|verify=False|os\.system\(")
    for path in SOURCE.rglob("*.py"):
        assert not banned.search(path.read_text("utf-8")), path


def test_every_setting_is_documented_once() -> None:
    assert list(HELP) == list(Settings.__struct_fields__)
    readme = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for name in HELP:
        assert readme.count(f"`SYNCOM_{name.upper()}`") == 1, name


def test_no_path_of_a_machine_and_no_registry_is_named() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in listed:
        if name.endswith(("uv.lock", "LICENSE")) or name == "tests/test_house.py":
            continue
        path = ROOT / name
        if not path.is_file():
            continue
        text = path.read_text("utf-8", errors="ignore")
        assert "/work/" not in text, name
        assert "pypi.org" not in text, name
