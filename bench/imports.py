"""Importing contacts from CSV against a hand-written COPY and merge.

The file has twelve columns, 5 % of its rows repeat an earlier contact with a changed value, 1 % are
bad. The import does everything a user's import does: it detects the file, checks and normalises every
cell, recognises contacts by three identities, keeps the consent history, writes the file of errors,
moves its resume point with every batch.

The floor is what an expert would write by hand for this one clean file: COPY of the file as it is into
an unlogged staging table, then one statement for each 20,000 rows that drops repeats, joins identities,
inserts contacts, identities and consent events with the same indexes, and updates known contacts where
something differs. It checks nothing: it trusts the form of every value, and leaves out rows without an
@. Both leave the same contacts and identities behind, which is verified.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bench.figures import Figure
from syncom.clock import SystemClock
from syncom.contacts.imports.model import ColumnTarget, ImportOptions
from syncom.contacts.imports.service import ImportService
from syncom.contacts.model import FieldType
from syncom.contacts.service import ContactsService
from syncom.postgres.embedded import EmbeddedServer
from syncom.postgres.migrate import migrate
from syncom.postgres.pool import Database


class Measured(NamedTuple):
    """Rows per second of both, and the peak memory of the import's two processes."""

    measured: float
    floor: float
    memory_mib: int
    parser_memory_mib: int


_HEADER = "email,phone,external id,first name,last name,country,region,city,address,postcode,language,points\n"
_FIRST = ("Олена", "Іван", "Марія", "Anna", "John", "Тарас", "Оксана", "Peter")
_LAST = ("Коваленко", "Шевченко", "Smith", "Бондар", "Nowak", "Мельник")
_CITIES = (("Київ", "Київська"), ("Львів", "Львівська"), ("Одеса", "Одеська"), ("Харків", "Харківська"))
_FLOOR_BATCH = 20_000

_STAGING = """
CREATE UNLOGGED TABLE staging (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text, phone text, external_id text, first_name text, last_name text, country text, region text,
    city text, address text, postcode text, language text, points text)
"""
_COPY = """
COPY staging (email, phone, external_id, first_name, last_name, country, region, city, address, postcode,
    language, points) FROM STDIN (FORMAT csv, HEADER)
"""
_MERGE = """
WITH batch AS MATERIALIZED (
    SELECT DISTINCT ON (email) * FROM staging
    WHERE n > %(low)s AND n <= %(high)s AND email LIKE '%%@%%' ORDER BY email, n DESC
), known AS MATERIALIZED (
    SELECT b.*, i.contact_id FROM batch b
    LEFT JOIN identities i ON i.account_id = %(account)s AND i.kind = 1 AND i.value = b.email
), fresh AS MATERIALIZED (
    SELECT *, nextval('contact_ids') AS new_id FROM known WHERE contact_id IS NULL
), contacts_added AS (
    INSERT INTO contacts (account_id, bucket, contact_id, email, phone, external_id, first_name, last_name,
        country, region, city, address, postcode, language, fields, email_state, sms_state)
    SELECT %(account)s, (new_id & 255)::smallint, new_id, email, nullif(phone, ''), external_id, first_name,
        last_name, country, region, city, address, postcode, language,
        jsonb_build_object(%(field)s::text, points::int), 2, CASE WHEN phone <> '' THEN 2 ELSE 0 END
    FROM fresh
), identities_added AS (
    INSERT INTO identities (account_id, kind, value, contact_id)
    SELECT %(account)s, 1, email, new_id FROM fresh
    UNION ALL SELECT %(account)s, 2, phone, new_id FROM fresh WHERE phone <> ''
    UNION ALL SELECT %(account)s, 3, external_id, new_id FROM fresh
    ON CONFLICT DO NOTHING
), consents_added AS (
    INSERT INTO consent_events (account_id, bucket, contact_id, channel, state, source)
    SELECT %(account)s, (new_id & 255)::smallint, new_id, 1, 2, 'import' FROM fresh
    UNION ALL
    SELECT %(account)s, (new_id & 255)::smallint, new_id, 2, 2, 'import' FROM fresh WHERE phone <> ''
)
UPDATE contacts c SET first_name = k.first_name, last_name = k.last_name, country = k.country,
    region = k.region, city = k.city, address = k.address, postcode = k.postcode, language = k.language,
    fields = c.fields || jsonb_build_object(%(field)s::text, k.points::int), updated_at = now()
FROM known k
WHERE c.account_id = %(account)s AND c.bucket = (k.contact_id & 255)::smallint AND c.contact_id = k.contact_id
    AND (c.first_name, c.last_name, c.country, c.region, c.city, c.address, c.postcode, c.language)
        IS DISTINCT FROM
        (k.first_name, k.last_name, k.country, k.region, k.city, k.address, k.postcode, k.language)
"""
_PROOF = """
SELECT (SELECT count(*) FROM contacts), (SELECT count(*) FROM identities),
    (SELECT count(*) FROM consent_events),
    (SELECT sum(hashtextextended(concat_ws('|', email, phone, external_id, first_name, last_name, country,
        region, city, address, postcode, language, fields->>%(field)s, email_state, sms_state), 0))
        FROM contacts),
    (SELECT sum(hashtextextended(kind || value, 0)) FROM identities)
"""


async def run(rows: int = 1_000_000) -> list[Figure]:
    """Both on one durable embedded server with its default settings, each in a fresh database."""
    # On a disk, where fsync costs what it costs; not the whole application, whose memory is not the import's.
    folder = Path(tempfile.mkdtemp(prefix="syncom-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    server = EmbeddedServer(folder / "data")
    try:
        found = await measure(await server.start(), rows)
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"  import: {found.memory_mib} MiB, its parser: {found.parser_memory_mib} MiB at most")
    return [
        Figure(
            issue="01",
            name="import contacts from CSV",
            measured=found.measured,
            floor=found.floor,
            unit="rows/s",
            must=0.25,
            aim=0.5,
        )
    ]


async def measure(dsn: str, rows: int) -> Measured:
    """Measure both on fresh databases of the server at ``dsn``."""
    with tempfile.TemporaryDirectory(prefix="syncom-bench-") as folder:
        path = Path(folder) / "contacts.csv"
        bad = write_file(path, rows)
        async with _fresh_database(dsn, "floor") as own:
            account, field = await _account(own)
            floor_seconds = await _floor(own, path, account, field)
            floor_proof = await _proof(own, field)
        async with _fresh_database(dsn, "import") as own:
            _, field = await _account(own)
            imported = await _in_own_process(own, path)
            proof = await _proof(own, field)
    if proof != floor_proof:
        raise RuntimeError(f"the import left {proof}, the floor {floor_proof}")
    if imported["failed"] != bad:
        raise RuntimeError(f"{imported['failed']} rows were refused, {bad} are bad")
    return Measured(
        measured=rows / imported["seconds"],
        floor=rows / floor_seconds,
        memory_mib=imported["memory_mib"],
        parser_memory_mib=imported["parser_memory_mib"],
    )


def write_file(path: Path, rows: int) -> int:
    """Make the CSV file; returns how many of its rows are bad."""
    chance = random.Random(20_260_101)
    bad = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(_HEADER)
        for place in range(rows):
            dice = chance.random()
            who = chance.randrange(place) if dice < 0.05 and place else place
            email = f"user{who}@example{who % 97}.com"
            if 0.05 <= dice < 0.06:
                bad += 1
                email = f"user{who}.example.com"
            phone = f"+38067{who:07}" if who % 5 else ""
            city, region = _CITIES[chance.randrange(4)]
            file.write(
                f"{email},{phone},ext-{who},{_FIRST[who % 8]},{_LAST[who % 6]},UA,{region},{city},"
                f'"вул. Шевченка, {who % 200}",{79000 + who % 1000},uk,{who % 1000}\n'
            )
    return bad


@asynccontextmanager
async def _fresh_database(dsn: str, purpose: str) -> AsyncIterator[str]:
    name = sql.Identifier(f"syncom_bench_{purpose}_{os.getpid()}")
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        await connection.execute("CHECKPOINT")
    own = make_conninfo(dsn, dbname=f"syncom_bench_{purpose}_{os.getpid()}")
    try:
        await migrate(own)
        yield own
    finally:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


async def _account(dsn: str) -> tuple[int, str]:
    """An account with the custom field ``points``; the ids of both."""
    async with Database(dsn) as database:
        async with database.system() as connection:
            cursor = await connection.execute("INSERT INTO accounts (name) VALUES ('Bench') RETURNING account_id")
            row = await cursor.fetchone()
            assert row is not None
        contacts = ContactsService(database, SystemClock())
        field = await contacts.fields.create(row[0], key="points", name="Points", type=FieldType.NUMBER)
        await contacts.close()
    return row[0], str(field.field_id)


async def _floor(dsn: str, path: Path, account: int, field: str) -> float:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        started = time.perf_counter()
        await connection.execute(_STAGING)
        async with connection.cursor() as cursor:
            async with cursor.copy(_COPY) as copy:
                with path.open("rb") as file:
                    while block := file.read(1 << 18):
                        await copy.write(block)
            await cursor.execute("ANALYZE staging")
            await cursor.execute("SELECT max(n) FROM staging")
            row = await cursor.fetchone()
            assert row is not None
            for low in range(0, row[0], _FLOOR_BATCH):
                await cursor.execute(
                    _MERGE, {"low": low, "high": low + _FLOOR_BATCH, "account": account, "field": field}
                )
        await connection.execute("DROP TABLE staging")
        return time.perf_counter() - started


async def _proof(dsn: str, field: str) -> tuple[Any, ...]:
    """Counts and sums over what was left behind, free of ids and order."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        row = await (await connection.execute(_PROOF, {"field": field})).fetchone()
        assert row is not None
        return tuple(row)


async def _in_own_process(dsn: str, path: Path) -> dict[str, Any]:
    """The import in a fresh process, so that its memory is its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.imports", "--import", dsn, str(path)),
        cwd=Path(__file__).parents[1],
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the import ended with {process.returncode}")
    return json.loads(output)


async def _import(dsn: str, path: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="syncom-bench-") as folder:
        async with Database(dsn) as database:
            contacts = ContactsService(database, SystemClock())
            imports = ImportService(database, contacts, Path(folder), SystemClock())
            file = await imports.store(1, path.name, _chunks(path))
            started = time.perf_counter()
            mapping = [ColumnTarget(target=column.target.target) for column in (await imports.propose(1, file)).columns]
            created = await imports.create(1, file, ImportOptions(mapping=tuple(mapping)))
            status = await imports.run(created.import_id)
            seconds = time.perf_counter() - started
            await contacts.close()
    if status.problem:
        raise RuntimeError(status.problem)
    return {
        "seconds": seconds,
        "failed": status.failed,
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "parser_memory_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10,
    }


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def main() -> None:
    """``python -m bench.imports DSN [--rows N]``: on the server at DSN, with the memory of the import."""
    if sys.argv[1:2] == ["--import"]:
        print(json.dumps(asyncio.run(_import(sys.argv[2], Path(sys.argv[3])))))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("dsn")
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    found = asyncio.run(measure(arguments.dsn, arguments.rows))
    print(f"{found._asdict()} ratio {found.measured / found.floor:.2f}")


if __name__ == "__main__":
    main()
