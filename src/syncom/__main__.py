"""``syncom`` and ``python -m syncom``."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from syncom.cli.main import run

    raise SystemExit(run())


if __name__ == "__main__":
    main()
