"""The unprivileged user that PostgreSQL runs as when Syncom is started by root.

PostgreSQL refuses to run as root. Everybody else runs it as themselves.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

#: The system user we make for ourselves.
NAME = "syncom"
_SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


class ProcessOptions(TypedDict, total=False):
    """What ``subprocess`` needs to start a program as somebody else."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The user and group that PostgreSQL's processes and files belong to."""

    name: str
    uid: int
    gid: int

    def process_options(self) -> ProcessOptions:
        """Arguments for ``subprocess``; empty when it is who we are already."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def take(self, path: Path) -> None:
        """Give a file or folder that we just made to this user."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid)


def identity_for(database: Path) -> Identity:
    """Who runs PostgreSQL on this database folder.

    An existing folder is run by its owner; for a new one root makes (or finds) the user ``syncom``, and where
    users cannot be made, as in some containers, takes ``nobody``.
    """
    if os.geteuid() == 0 and _owner(database) is None and _named(NAME) is None:
        _make_system_user()
    return expected_identity(database)


def expected_identity(database: Path) -> Identity:
    """Who would run PostgreSQL there, as far as it can be told without making a user."""
    if os.geteuid() != 0:
        return _known(os.geteuid(), os.getegid())
    nobody = Identity(name="65534", uid=65534, gid=65534)
    return _owner(database) or _named(NAME) or _named("nobody") or nobody


def first_closed_folder(path: Path, identity: Identity) -> Path | None:
    """The topmost folder on the way to ``path`` (itself included, when a folder) that this user cannot enter.

    Judged by the mode bits, as everything here that an administrator has not touched is.
    """
    path = path.resolve()
    for folder in (*reversed(path.parents), path):
        if folder.is_dir() and not may_enter(folder, identity):
            return folder
    return None


def may_enter(folder: Path, identity: Identity) -> bool:
    """Whether the mode bits let this user pass through the folder."""
    if identity.uid == 0:
        return True
    found = folder.stat()
    if found.st_uid == identity.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == identity.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _known(uid: int, gid: int) -> Identity:
    try:
        return Identity(name=pwd.getpwuid(uid).pw_name, uid=uid, gid=gid)
    except KeyError:  # a container started with an arbitrary number
        return Identity(name=str(uid), uid=uid, gid=gid)


def _named(name: str) -> Identity | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Identity(name=name, uid=entry.pw_uid, gid=entry.pw_gid) if entry.pw_uid != 0 else None


def _owner(database: Path) -> Identity | None:
    """The ordinary user that an existing folder belongs to; None for root's, which cannot run PostgreSQL."""
    if not database.exists():
        return None
    found = database.stat()
    return _known(found.st_uid, found.st_gid) if found.st_uid != 0 else None


def _make_system_user() -> None:
    """Make the user ``syncom``, by whichever tool the system has, if it lets us."""
    shell = shutil.which("nologin", path=_SYSTEM_PATH) or "/bin/false"
    for command in (
        ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"],
        ["adduser", "-S", "-D", "-H", "-h", "/nonexistent"],  # BusyBox
    ):
        program = shutil.which(command[0], path=_SYSTEM_PATH)
        if program:
            subprocess.run([program, *command[1:], "-s", shell, NAME], capture_output=True, check=False)
            # Another process may have made it a moment before: ask the user list, not the status.
            if _named(NAME):
                return
