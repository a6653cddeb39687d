"""Named SQL statements from ``.sql`` files.

A statement begins with a line ``-- name: find_contact`` and ends before the next one. Comment lines under the
name say what it returns and which index serves it; they stay in the text, so they show in the server's log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import LiteralString, cast

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def load_sql(package: str, file: str) -> Mapping[str, LiteralString]:
    """The statements of ``file`` in ``package``, by name. Raises ValueError for a name given twice."""
    text = resources.files(package).joinpath(file).read_text("utf-8")
    parts = _NAME.split(text)
    statements: dict[str, LiteralString] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        if name in statements:
            raise ValueError(f"{package}/{file} names {name} twice")
        # A file of this package is as trusted as a literal in its code.
        statements[name] = cast("LiteralString", body.strip().rstrip(";"))
    return MappingProxyType(statements)
