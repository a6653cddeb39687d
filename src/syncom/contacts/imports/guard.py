"""The apostrophe that keeps a spreadsheet from running a cell as a formula.

A cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break is a formula to Excel, LibreOffice
and Google Sheets (OWASP, "CSV Injection"). The export puts an apostrophe before it. Plain signed numbers,
such as a phone ``+380501234567`` or ``-12.5``, can run nothing and are left alone. A cell that already
begins with apostrophes before such a character gets one more, so that the import can take one off and every
cell comes back as it was.
"""

from __future__ import annotations

import re

_RISKY = re.compile(r"'*[=+\-@\t\r\n]")
_PLAIN_NUMBER = re.compile(r"[+-]\d+(?:[.,]\d+)?")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")


def guard(cell: str) -> str:
    """The cell as it may stand in an exported file."""
    if _RISKY.match(cell) and not _PLAIN_NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def unguard(cell: str) -> str:
    """The cell as it was before :func:`guard`."""
    return cell[1:] if _GUARDED.match(cell) else cell
