"""The folder of an embedded server, and the locks in it. :mod:`syncom.postgres.embedded` draws it."""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Folder:
    """The paths of one embedded server."""

    root: Path

    @classmethod
    def inside(cls, data_dir: Path) -> Folder:
        """The server's folder inside an installation's data folder."""
        return cls(data_dir.absolute() / "postgres")

    @property
    def data(self) -> Path:
        """The database itself (PGDATA)."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """Folder of the server's log files."""
        return self.root / "log"

    @property
    def run(self) -> Path:
        """Folder of the unix socket, when its path is short enough."""
        return self.root / "run"

    @property
    def programs(self) -> Path:
        """Where copies of the PostgreSQL programs go that the system user could not reach otherwise."""
        return self.root / "programs"

    @property
    def password(self) -> Path:
        """The password of the role ``syncom``."""
        return self.root / "password"

    @property
    def lock(self) -> Path:
        """Held by the process that supervises the server."""
        return self.root / "lock"

    @property
    def users(self) -> Path:
        """Held, shared, by every process that asked for the server."""
        return self.root / "users"

    @property
    def start_log(self) -> Path:
        """What the last start said before its log file was open."""
        return self.root / "start.log"

    @property
    def settings(self) -> Path:
        """``postgresql.conf``, ours."""
        return self.root / "postgresql.conf"

    @property
    def local_settings(self) -> Path:
        """``local.conf``, the administrator's."""
        return self.root / "local.conf"

    @property
    def access(self) -> Path:
        """``pg_hba.conf``, ours."""
        return self.root / "pg_hba.conf"

    def major(self) -> int | None:
        """The PostgreSQL version that wrote the data; None before the first start."""
        try:
            return int((self.data / "PG_VERSION").read_text().strip())
        except (FileNotFoundError, ValueError):
            return None

    def read_or_make_password(self) -> str:
        """The stored password, made now when there is none."""
        if not self.password.exists():
            write_whole(self.password, secrets.token_urlsafe(24), mode=0o600)
        return self.password.read_text()


class FileLock:
    """An ``flock`` on a file, freed by the kernel when its holder dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def shared(cls, path: Path) -> FileLock | None:
        """Hold it together with others; None while somebody holds it alone."""
        return cls._taken(path, fcntl.LOCK_SH)

    @classmethod
    def exclusive(cls, path: Path) -> FileLock | None:
        """Hold it alone; None while anybody holds it."""
        return cls._taken(path, fcntl.LOCK_EX)

    @classmethod
    def _taken(cls, path: Path, kind: int) -> FileLock | None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def become_exclusive(self) -> bool:
        """Whether nobody else holds it. When somebody does, the lock is lost (flock(2))."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let it go."""
        os.close(self._descriptor)


def make_folders(path: Path) -> None:
    """Make the missing folders of a path.

    What root makes can be passed through by the system user, whatever the umask; what others make is private.
    """
    root = os.geteuid() == 0
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        if root:
            folder.chmod(0o711 if folder == path else 0o755)
        elif folder == path:
            folder.chmod(0o700)


def is_ours(data_dir: Path) -> bool:
    """Whether the modes of this folder are ours to change: root owns it, and it is nobody's home."""
    homes = {Path(entry.pw_dir) for entry in pwd.getpwall()}
    return data_dir.stat().st_uid == 0 and data_dir != Path("/") and data_dir not in homes


def write_whole(path: Path, text: str, *, mode: int) -> None:
    """Write a file whole or not at all, never through a link that somebody put in its place."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)
