"""The settings of the embedded server, written anew at every start so that an upgrade changes them.

Measured on a 2-core, 24 GiB machine: ``synchronous_commit`` off gains nothing on grouped commits and loses
acknowledged rows, so it stays on; ``jit`` costs more than it brings on short statements; a large
``max_wal_size`` spares imports and sends the double writing of pages after each checkpoint; a large ``min_wal_size``
keeps log files for reuse, since making a new one stops every commit for some 100 ms.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import psutil

_MIB = 1 << 20
_GIB = 1 << 30
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))

HOST_BASED_ACCESS = """\
# Written by Syncom at every start. A password for everybody, from this machine only.
local  all  all                scram-sha-256
host   all  all  127.0.0.1/32  scram-sha-256
"""


def memory_limit() -> int:
    """Bytes of memory that this process may count on: the machine's, or the container's if that is less."""
    limit = psutil.virtual_memory().total
    for path in _CGROUP_LIMITS:
        try:
            limit = min(limit, int(path.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return limit


def shared_buffers(memory: int) -> int:
    """An eighth of the memory, between 128 MiB and 2 GiB, in bytes."""
    return min(max(memory // 8, 128 * _MIB), 2 * _GIB)


def max_wal_size(disk: int) -> int:
    """4 GiB, or on small disks a sixteenth of the disk, but never under 256 MiB; in bytes."""
    return max(min(4 * _GIB, disk // 16), 256 * _MIB)


def min_wal_size(disk: int) -> int:
    """A quarter of ``max_wal_size``, in bytes."""
    return max_wal_size(disk) // 4


def render(
    *,
    database: Path,
    log_folder: Path,
    access_file: Path,
    socket_folder: Path,
    port: int,
    tcp: bool,
    preload: str,
    local_file: Path,
    overrides: Mapping[str, str],
) -> str:
    """The whole ``postgresql.conf``."""
    disk = shutil.disk_usage(database).total
    settings: dict[str, str] = {
        "data_directory": str(database),
        "hba_file": str(access_file),
        "listen_addresses": "127.0.0.1" if tcp else "",
        "port": str(port),
        "unix_socket_directories": str(socket_folder),
        "unix_socket_permissions": "0700",
        "password_encryption": "scram-sha-256",
        "max_connections": "200",
        "shared_buffers": f"{shared_buffers(memory_limit()) // _MIB}MB",
        "dynamic_shared_memory_type": _shared_memory_type(),
        "huge_pages": "try",
        "shared_preload_libraries": preload,
        "jit": "off",
        "random_page_cost": "1.1",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": f"{max_wal_size(disk) // _MIB}MB",
        "min_wal_size": f"{min_wal_size(disk) // _MIB}MB",
        "checkpoint_timeout": "15min",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "datestyle": "iso, ymd",
        "lc_messages": "C",
        "default_text_search_config": "pg_catalog.simple",
        # Seven files at most, each overwritten after a week.
        "logging_collector": "on",
        "log_directory": str(log_folder),
        "log_filename": "postgresql-%a.log",
        "log_file_mode": "0600",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_line_prefix": "%m [%p] %a ",
        "log_checkpoints": "off",
        "log_lock_waits": "on",
        "log_startup_progress_interval": "10s",
        **overrides,
    }
    lines = [
        "# Written by Syncom at every start: changes here are lost.",
        f"# Settings of your own go into {local_file.name} beside this file; they win over these.",
        *(f"{name} = '{_quoted(value)}'" for name, value in settings.items()),
        f"include_if_exists '{_quoted(str(local_file))}'",
    ]
    return "\n".join(lines) + "\n"


def _shared_memory_type() -> str:
    """Containers often have 64 MB of /dev/shm, too little for a parallel query; System V has no limit."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - only its size is read
    if shared_memory.is_dir() and shutil.disk_usage(shared_memory).total < 256 * _MIB:
        return "sysv"
    return "posix"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
