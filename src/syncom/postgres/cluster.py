"""Making the embedded server's database folder, and setting its password anew when the old one is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from syncom.errors import Unavailable
from syncom.postgres.binaries import Binaries
from syncom.postgres.server_folder import Folder, write_whole
from syncom.postgres.system_user import Identity

#: The superuser role that owns everything.
ROLE = "syncom"


class ServerFailed(Unavailable):
    """The embedded server could not be started; the message says why and what to do."""

    code = "database_not_started"


def create(folder: Folder, installed: Binaries, identity: Identity, *, durable: bool) -> None:
    """Run initdb beside the final place, then rename: a folder called ``data`` is always a whole one.

    Args:
        folder: of the server that has no database yet.
        installed: whose initdb runs.
        identity: the owner of the new database.
        durable: False skips the fsync of the new files, for tests.

    Raises:
        ServerFailed: foreign files are in the way, or initdb failed.
    """
    if folder.data.exists() and any(folder.data.iterdir()):
        raise ServerFailed(
            f"{folder.data} holds files that are no PostgreSQL database. "
            "Move them away, or set SYNCOM_DATA_DIR to another folder."
        )
    for remains in folder.root.glob("data.new-*"):
        shutil.rmtree(remains) if remains.is_dir() else remains.unlink()
    unfinished = Path(tempfile.mkdtemp(prefix="data.new-", dir=folder.root))
    password = unfinished.with_name(f"{unfinished.name}.password")
    try:
        identity.take(unfinished)
        write_whole(password, folder.read_or_make_password(), mode=0o600)
        identity.take(password)
        _initdb(installed, identity, target=unfinished, password=password, durable=durable)
        unfinished.rename(folder.data)
    finally:
        password.unlink(missing_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)


def set_new_password(folder: Folder, installed: Binaries, identity: Identity) -> None:
    """Make a password and set it by the single-user server, which asks for none. The server must not run.

    Raises:
        ServerFailed: with PostgreSQL's words.
    """
    password = folder.read_or_make_password()
    command = [installed.postgres, "--single", "-D", folder.data, "-c", f"config_file={folder.settings}"]
    outcome = subprocess.run(
        [*command, "-c", "logging_collector=off", "postgres"],
        input=f"ALTER ROLE {ROLE} PASSWORD '{password}'\n",
        capture_output=True,
        text=True,
        cwd=folder.data,
        env=environment(),
        check=False,
        **identity.process_options(),
    )
    if outcome.returncode != 0 or "ERROR:" in outcome.stderr:
        folder.password.unlink()
        raise ServerFailed(f"A new database password could not be set: {outcome.stderr.strip()}")


def environment() -> dict[str, str]:
    """Nothing of ours reaches PostgreSQL: no PG* variables, no locale, no secrets."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _initdb(installed: Binaries, identity: Identity, *, target: Path, password: Path, durable: bool) -> None:
    outcome = subprocess.run(
        [
            installed.initdb,
            f"--pgdata={target}",
            f"--username={ROLE}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            f"--lc-ctype={_character_type()}",
            *(["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if installed.major >= 17 else []),
            "--data-checksums",
            *(["--no-instructions"] if durable else ["--no-instructions", "--no-sync"]),
        ],
        capture_output=True,
        text=True,
        cwd=target,
        env=environment(),
        check=False,
        **identity.process_options(),
    )
    if outcome.returncode != 0:
        reason = outcome.stderr.strip() or outcome.stdout.strip()
        raise ServerFailed(f"No database could be made in {target.parent}. initdb says: {reason}")


def _character_type() -> str:
    """A UTF-8 LC_CTYPE that this machine has, ``C`` when it has none.

    With ``C``, pg_trgm finds no trigrams in Cyrillic and full text search keeps the quotation marks.
    """
    ask = (
        "import locale, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        locale.setlocale(locale.LC_CTYPE, name)\n"
        "    except locale.Error:\n"
        "        continue\n"
        "    print(name)\n"
        "    break\n"
    )
    # In a process of its own: a locale belongs to the whole process, threads included.
    outcome = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ask, "C.UTF-8", "en_US.UTF-8", "UTF-8"],
        capture_output=True,
        text=True,
        check=False,
    )
    return outcome.stdout.strip() or "C"
