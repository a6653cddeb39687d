"""Counters for Prometheus, in its text format 0.0.4."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from functools import lru_cache
from typing import Any

#: Upper bounds in seconds.
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_AREAS = ("/syncom/v1", "/t/", "/inbox", "/healthz", "/readyz", "/metrics")


@lru_cache(maxsize=1024)
def _area(path: str) -> str:
    return next((area for area in _AREAS if path.startswith(area)), "other")


class Metrics:
    """What this process has answered."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[str, int]] = Counter()
        self._slower: Counter[float] = Counter()
        self._seconds = 0.0

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count one answer. Paths are grouped: a label for each would grow without end."""
        self._answers[_area(path), status] += 1
        self._seconds += seconds
        place = bisect_left(_BOUNDS, seconds)
        if place < len(_BOUNDS):
            self._slower[_BOUNDS[place]] += 1

    def text(self, pool: dict[str, Any]) -> str:
        """The page. ``pool`` holds the numbers of the connection pool."""
        total = sum(self._answers.values())
        lines = ["# HELP syncom_http_requests_total Answered requests.", "# TYPE syncom_http_requests_total counter"]
        for (area, status), count in sorted(self._answers.items()):
            lines.append(f'syncom_http_requests_total{{area="{area}",status="{status}"}} {count}')
        lines += [
            "# HELP syncom_http_request_seconds Time from the request to the first byte of its answer.",
            "# TYPE syncom_http_request_seconds histogram",
        ]
        below = 0
        for bound in _BOUNDS:
            below += self._slower[bound]
            lines.append(f'syncom_http_request_seconds_bucket{{le="{bound}"}} {below}')
        lines += [
            f'syncom_http_request_seconds_bucket{{le="+Inf"}} {total}',
            f"syncom_http_request_seconds_sum {self._seconds:.6f}",
            f"syncom_http_request_seconds_count {total}",
        ]
        for name, value in sorted(pool.items()):
            lines += [f"# TYPE syncom_database_{name} gauge", f"syncom_database_{name} {value}"]
        return "\n".join(lines) + "\n"
