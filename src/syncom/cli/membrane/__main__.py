"""``python -m syncom.cli.membrane``."""

from __future__ import annotations

from syncom.cli.membrane.main import main

main()
