"""The browser of this machine, and who signs in with it."""

from __future__ import annotations

import os
import shutil
from typing import Final

import pytest

CHROMIUM: Final = os.environ.get("SYNCOM_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
#: Marks of a test file.
MARKS: Final = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
    pytest.mark.timeout(180),
]
#: Of admin@example.com, the first user.
PASSWORD: Final = "correct horse battery staple"
