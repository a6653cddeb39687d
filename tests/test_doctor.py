"""Each finding of the doctor, against real sockets, folders, databases and SMTP servers."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import trustme
from aiosmtpd import smtp
from aiosmtpd.controller import Controller
from psycopg.conninfo import make_conninfo

from syncom import doctor
from syncom.doctor import BounceTarget, Finding, SigningTarget, SmtpTarget, Tls
from syncom.postgres import binaries
from syncom.postgres.embedded import EmbeddedServer

ROOT = os.geteuid() == 0


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[EmbeddedServer]:
    folder = open_folder()
    settings = {"fsync": "off", "shared_buffers": "16MB"}
    async with EmbeddedServer(folder, settings=settings, tcp=True) as server:
        yield server
    shutil.rmtree(folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = open_folder()
    yield folder
    shutil.rmtree(folder)


def open_folder() -> Path:
    """Directly under /tmp: the system user cannot enter pytest's folders when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="syncom-doctor-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


async def run_sql(dsn: str, *statements: str) -> None:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            await connection.execute(statement.encode())


async def test_a_healthy_installation_has_no_problems(folder: Path, free_port: int) -> None:
    key = folder / "secret.key"
    key.write_bytes(b"k")
    key.chmod(0o600)
    async with greeting(b"220 ready\r\n") as smtp_port:
        findings = await doctor.examine(
            host="127.0.0.1",
            port=free_port,
            inbox_port=free_port,
            data_dir=folder,
            database_url=None,
            secret_key_file=key,
            smtp_senders=[SmtpTarget(name="relay", host="127.0.0.1", port=smtp_port)],
        )
    assert [finding.check for finding in findings] == [
        "HTTP port",
        "Inbox port",
        "Data folder",
        "Secret key",
        "Embedded database",
        "Sender relay",
    ]
    assert [finding for finding in findings if not finding.ok] == []


async def test_with_a_database_address_the_embedded_server_is_not_looked_at(
    folder: Path, free_port: int, server: EmbeddedServer
) -> None:
    findings = await doctor.examine(
        host="127.0.0.1",
        port=free_port,
        inbox_port=free_port,
        data_dir=folder,
        database_url=server.dsn,
        secret_key_file=folder / "secret.key",
    )
    assert findings[-1] == Finding(check="Database", ok=True, note="PostgreSQL 18, database syncom")


class Certificates:
    """Certificates in files, by an authority that nobody knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()

    def files(self, name: str, *, ends: datetime | None = None) -> tuple[Path, Path]:
        issued = self.authority.issue_cert(name, not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=ends)
        issued.cert_chain_pems[0].write_to_path(str(self.folder / "chain.pem"))
        issued.private_key_pem.write_to_path(str(self.folder / "key.pem"))
        return self.folder / "chain.pem", self.folder / "key.pem"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def in_days(days: int) -> datetime:
    return datetime.now(UTC) + timedelta(days=days, hours=1)


@pytest.mark.parametrize(
    ("name", "days", "problem"),
    [
        ("mail.brand.example", 40, ""),
        ("*.brand.example", 40, ""),
        ("mail.brand.example", 5, "ends in 5 days, on "),
        ("mail.brand.example", -2, "ended on "),
        ("brand.example", 40, "is for brand.example, and not for mail.brand.example"),
        ("*.example", 40, "is for *.example, and not for mail.brand.example"),
    ],
)
def test_a_certificate_is_good_for_a_name_and_a_time(
    certificates: Certificates, name: str, days: int, problem: str
) -> None:
    finding = doctor.check_certificate("mail.brand.example", *certificates.files(name, ends=in_days(days)))
    assert finding.ok == (not problem)
    assert problem in finding.problem
    if finding.ok:
        assert finding.note.startswith(f"good for {days} days, until ")
    else:
        assert finding.remedy


def test_files_that_hold_no_certificate_are_reported(certificates: Certificates) -> None:
    certificate, key = certificates.files("localhost")
    missing = doctor.check_certificate("", certificate, key.with_name("none.pem"))
    assert missing.problem == f"{key.with_name('none.pem')} cannot be read: No such file or directory."
    key.write_text("nothing")
    assert "no PEM certificate and key" in doctor.check_certificate("", certificate, key).problem


async def test_the_bounce_port_is_free_taken_by_others_or_answers(
    certificates: Certificates, free_port: int, taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(port: int, files: tuple[Path, Path] | None = None) -> Finding:
        return doctor.check_bounce_port(BounceTarget(host="127.0.0.1", port=port, files=files))

    assert look(free_port) == Finding(
        check="Bounce port", ok=True, note=f"127.0.0.1:{free_port} is free: `syncom up` listens there"
    )
    assert f"SYNCOM_BOUNCE_PORT={taken_port + 1}" in look(taken_port).remedy
    # From here on the test itself counts as Syncom.
    monkeypatch.setattr(doctor, "_is_syncom", lambda process: True)
    async with greeting(b"220 ready\r\n") as port:
        finding = await asyncio.to_thread(look, port)
        assert finding.ok
        assert "without STARTTLS; this machine alone reaches it: set SYNCOM_BOUNCE_HOST=0.0.0.0" in finding.note
        older = await asyncio.to_thread(look, port, certificates.files("localhost"))
        assert "does not offer STARTTLS" in older.problem
    async with greeting(b"421 4.3.2 Too many connections\r\n") as port:
        finding = await asyncio.to_thread(look, port)
        assert "does not answer as a mail server: 421 4.3.2 Too many" in finding.problem


async def test_the_bounce_port_is_looked_at_where_there_is_one(
    folder: Path, free_port: int, certificates: Certificates
) -> None:
    findings = await doctor.examine(
        host="127.0.0.1",
        port=free_port,
        inbox_port=free_port,
        data_dir=folder,
        database_url=None,
        secret_key_file=folder / "secret.key",
        bounces=BounceTarget(host="192.0.2.1", port=free_port, files=certificates.files("localhost")),
    )
    by_check = {finding.check: finding for finding in findings}
    assert "SYNCOM_BOUNCE_HOST" in by_check["Bounce port"].remedy
    assert by_check["Bounce certificate"].ok


def test_a_taken_port_names_its_holder_and_another_port(taken_port: int) -> None:
    finding = doctor.check_port("HTTP port", "127.0.0.1", taken_port, "SYNCOM_PORT")
    assert not finding.ok
    if sys.platform == "linux":
        assert f"(pid {os.getpid()})" in finding.problem
    assert finding.remedy.endswith(f"SYNCOM_PORT={taken_port + 1}")


def test_a_port_that_syncom_itself_serves_is_no_problem(tmp_path: Path) -> None:
    program = tmp_path / "syncom"
    program.write_text(
        "import socket, time\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\n"
        "print(s.getsockname()[1], flush=True)\ntime.sleep(600)\n"
    )
    process = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        finding = doctor.check_port("HTTP port", "127.0.0.1", int(process.stdout.readline()), "SYNCOM_PORT")
        assert finding.ok
        assert f"served by Syncom (pid {process.pid})" in finding.note
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_this_machine_is_reported(host: str, free_port: int) -> None:
    finding = doctor.check_port("HTTP port", host, free_port, "SYNCOM_PORT")
    assert finding.problem == f"{host} is not an address of this machine."
    assert "SYNCOM_HOST" in finding.remedy


def test_a_data_folder_below_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = doctor.check_data_folder(tmp_path / "file" / "data", embedded=False)
    assert not finding.ok
    assert "cannot be written" in finding.problem
    assert "SYNCOM_DATA_DIR" in finding.remedy


@pytest.mark.skipif(ROOT, reason="root may write everywhere")
def test_a_read_only_data_folder_is_reported(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written" in doctor.check_data_folder(tmp_path / "data", embedded=False).problem


def test_a_full_disk_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ENOUGH_DISK", 1 << 62)
    finding = doctor.check_data_folder(folder / "data", embedded=False)
    assert "GB of free disk space" in finding.problem


@pytest.mark.skipif(not ROOT, reason="only root runs the database as another user")
def test_a_folder_that_the_system_user_cannot_enter_is_named(folder: Path) -> None:
    folder.chmod(0o700)
    finding = doctor.check_data_folder(folder / "inner" / "data", embedded=True)
    assert finding.problem.endswith(f"may not enter {folder}.")
    # Its own data folder is opened at the start.
    assert doctor.check_data_folder(folder, embedded=True).ok
    # An external database needs no system user.
    assert doctor.check_data_folder(folder / "inner" / "data", embedded=False).ok


def test_a_secret_key_that_others_can_read_is_reported_and_repaired_by_the_remedy(tmp_path: Path) -> None:
    key = tmp_path / "secret.key"
    assert doctor.check_secret_key_file(key).note.endswith("will be made at the first start")
    key.touch(mode=0o644)
    key.chmod(0o644)
    finding = doctor.check_secret_key_file(key)
    assert "(mode 0644)" in finding.problem
    subprocess.run(finding.remedy.removeprefix("Run: ").split(), check=True)
    assert doctor.check_secret_key_file(key).ok


def test_a_secret_key_below_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in doctor.check_secret_key_file(tmp_path / "file" / "secret.key").problem


async def test_the_state_of_the_embedded_server_is_told(folder: Path, server: EmbeddedServer) -> None:
    assert doctor.check_embedded_server(folder).note == "will be made at the first start"
    assert doctor.check_embedded_server(server.data_dir).note == "is running"


async def test_an_exposed_database_password_is_reported(server: EmbeddedServer) -> None:
    server.folder.password.chmod(0o644)
    finding = doctor.check_embedded_server(server.data_dir)
    server.folder.password.chmod(0o600)
    assert finding.remedy == f"Run: chmod 600 {server.folder.password}"


def test_embedded_data_of_a_version_that_is_not_here_are_reported(folder: Path) -> None:
    (folder / "postgres" / "data").mkdir(parents=True)
    (folder / "postgres" / "data" / "PG_VERSION").write_text("14\n")
    finding = doctor.check_embedded_server(folder)
    assert finding.problem.startswith("The data was written by PostgreSQL 14;")
    assert "Install PostgreSQL 14" in finding.remedy


async def test_an_address_that_is_none_is_reported_with_an_example() -> None:
    finding = await doctor.check_database("my database")
    assert finding.remedy.endswith("postgresql://USER:PASSWORD@HOST:5432/DATABASE")


async def test_a_database_server_that_is_down_is_reported(free_port: int) -> None:
    finding = await doctor.check_database(f"postgresql://me@127.0.0.1:{free_port}/syncom")
    assert finding.problem == f"No database server answers at 127.0.0.1, port {free_port}."


async def test_an_unknown_database_host_is_reported() -> None:
    finding = await doctor.check_database("postgresql://me@no-such-host.invalid/syncom")
    assert finding.problem == "There is no machine called no-such-host.invalid."


async def test_a_wrong_password_is_reported_without_showing_it(server: EmbeddedServer) -> None:
    finding = await doctor.check_database(make_conninfo(server.tcp_dsn, password="hunter2"))
    assert finding.problem == "The database server refuses the password of the user syncom."
    assert "hunter2" not in str(finding)


async def test_a_missing_database_is_reported(server: EmbeddedServer) -> None:
    finding = await doctor.check_database(make_conninfo(server.dsn, dbname="nowhere"))
    assert finding.problem == "The server has no database nowhere."
    assert finding.remedy.startswith("Make it with: createdb nowhere.")


async def test_a_version_that_syncom_does_not_know_is_reported(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "SUPPORTED", range(15, 18))
    finding = await doctor.check_database(server.dsn)
    assert finding.problem == "The server is PostgreSQL 18; Syncom runs on 15 to 17."


async def test_a_user_who_may_not_create_tables_is_reported_and_helped_by_the_remedy(
    server: EmbeddedServer,
) -> None:
    await run_sql(server.dsn, "CREATE ROLE guest LOGIN PASSWORD 'g'", "CREATE DATABASE guests")
    address = make_conninfo(server.dsn, user="guest", password="g", dbname="guests")
    finding = await doctor.check_database(address)
    assert finding.problem == "The user guest may not create tables in the database guests."
    await run_sql(server.dsn, finding.remedy.split(" run: ")[1])
    assert (await doctor.check_database(address)).ok


async def test_a_read_only_server_is_reported(server: EmbeddedServer) -> None:
    finding = await doctor.check_database(make_conninfo(server.dsn, options="-c default_transaction_read_only=on"))
    assert finding.problem == "The server is read-only, as a standby is."


async def test_a_database_for_one_language_is_reported(server: EmbeddedServer) -> None:
    await run_sql(
        server.dsn,
        "CREATE DATABASE narrow ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'",
    )
    finding = await doctor.check_database(make_conninfo(server.dsn, dbname="narrow"))
    assert finding.problem == "The database narrow has the encoding SQL_ASCII."


@asynccontextmanager
async def greeting(first_words: bytes) -> AsyncIterator[int]:
    """An SMTP server of few words: greets, answers everything with 250, ends at QUIT."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first_words)
        while first_words and (line := await reader.readline()):
            writer.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 fine\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def checked_smtp(**target: object) -> Finding:
    return await asyncio.to_thread(
        doctor.check_smtp,
        SmtpTarget(name="relay", host="127.0.0.1", **target),  # pyright: ignore[reportArgumentType]
    )


async def test_an_smtp_server_that_is_down_is_reported(free_port: int) -> None:
    finding = await checked_smtp(port=free_port)
    assert finding.problem == f"No SMTP server answers at 127.0.0.1:{free_port}: Connection refused."


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (b"554 5.7.1 you are listed\r\n", "refuses us: 554 5.7.1 you are listed"),
        (b"421 try later\r\n", "refuses us: 421 try later"),
        (b"", "does not talk as an SMTP server should: Connection unexpectedly closed."),
    ],
)
async def test_an_smtp_server_that_turns_us_away_is_quoted(words: bytes, problem: str) -> None:
    async with greeting(words) as port:
        finding = await checked_smtp(port=port)
    assert finding.problem == f"127.0.0.1:{port} {problem}"


async def test_encryption_that_the_server_does_not_offer_is_reported() -> None:
    async with greeting(b"220 ready\r\n") as port:
        assert "cannot do what the sender asks for" in (await checked_smtp(port=port, tls=Tls.STARTTLS)).problem
        assert "does not speak TLS as set" in (await checked_smtp(port=port, tls=Tls.IMPLICIT)).problem


async def test_a_wrong_smtp_password_is_reported_without_showing_it(free_port: int) -> None:
    def refuse(
        server: smtp.SMTP, session: smtp.Session, envelope: object, mechanism: str, data: object
    ) -> smtp.AuthResult:
        return smtp.AuthResult(success=False, handled=False)

    controller = Controller(
        object(), hostname="127.0.0.1", port=free_port, authenticator=refuse, auth_require_tls=False
    )
    controller.start()
    try:
        finding = await checked_smtp(port=free_port, username="me", password="hunter2")
    finally:
        controller.stop()
    assert finding.problem.startswith(f"127.0.0.1:{free_port} refuses the user name or password: 535")
    assert "hunter2" not in str(finding)
    assert "hunter2" not in repr(SmtpTarget(name="a", host="b", port=1, password="hunter2"))


def test_a_sender_without_a_verified_domain_is_named_and_one_whose_records_are_gone_is_a_fault() -> None:
    bare = doctor.check_signing(SigningTarget(name="News", from_email="a@brand.example", domain=""))
    assert bare.ok
    assert "syncom domain add brand.example" in bare.note
    target = SigningTarget(name="News", from_email="a@brand.example", domain="brand.example", signs=True)
    assert doctor.check_signing(target).ok
    for broken in (replace(target, problem="The MX record is gone."), replace(target, signs=False)):
        finding = doctor.check_signing(broken)
        assert not finding.ok
        assert "syncom domain check brand.example" in finding.remedy
