"""What a bench returns, and where it is kept."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
#: One line a figure and run, kept in the repository.
HISTORY = FOLDER / "history.jsonl"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One row of the table. ``better`` says whether a high or a low ratio is good."""

    issue: str
    name: str
    measured: float
    #: What the floor did in the same run; None where the figure stands alone.
    floor: float | None
    unit: str
    must: float
    aim: float
    better: str = "higher"

    @property
    def ratio(self) -> float:
        """Measured over floor, or the measured value itself where there is no floor."""
        return self.measured / self.floor if self.floor else self.measured

    @property
    def met(self) -> bool:
        return self.ratio >= self.must if self.better == "higher" else self.ratio <= self.must


class Skipped(Exception):
    """A tool this figure needs is not here; the words say which, and how to get it."""


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def save(figures: Sequence[Figure]) -> None:
    """Write results.json whole, and append to the history."""
    commit = _commit()
    date = datetime.now(UTC).isoformat(timespec="seconds")
    rows = [_row(figure, date, commit) for figure in figures]
    present = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else []
    fresh = {row["name"] for row in rows}
    RESULTS.write_text(
        json.dumps([row for row in present if row["name"] not in fresh] + rows, indent=2) + "\n", encoding="utf-8"
    )
    with HISTORY.open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")


def _row(figure: Figure, date: str, commit: str) -> dict[str, object]:
    row: dict[str, object] = asdict(figure)
    del row["better"]
    row["measured"] = round(figure.measured, 4)
    row["floor"] = round(figure.floor, 4) if figure.floor is not None else None
    row |= {"ratio": round(figure.ratio, 4), "met": figure.met, "date": date, "commit": commit}
    return row


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"
