"""Window and rate give way when the SMSC says so, and come back."""

from __future__ import annotations

from syncom.clock import SystemClock
from syncom.messages.channels.sms.smpp.pace import Pace


class StillClock(SystemClock):
    """Its seconds pass when a test says so."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self._seconds = 1_000.0

    def monotonic(self) -> float:
        return self._seconds

    def pass_seconds(self, seconds: float) -> None:
        self._seconds += seconds


def test_the_window_is_halved_and_grows_by_one_a_window() -> None:
    clock = StillClock()
    pace = Pace(40, clock)
    pace.refused()
    assert pace.window == 20
    # What the same window said is one refusal.
    pace.refused()
    assert pace.window == 20
    for _ in range(20):
        pace.accepted()
    assert pace.window == 21
    for _ in range(2_000):
        pace.accepted()
    assert pace.window == 40


def test_after_a_refusal_nothing_goes_for_a_second_and_for_longer_when_refusals_go_on() -> None:
    clock = StillClock()
    pace = Pace(40, clock)
    rests: list[float] = []
    for _ in range(6):
        pace.refused()
        rests.append(pace.wait())
        clock.pass_seconds(rests[-1] + 0.001)
    assert 0.8 <= rests[0] <= 1.2
    assert 4.0 <= rests[-1] <= 6.0
    assert rests[0] < rests[1] < rests[2]
    assert pace.window == 1
    assert pace.is_blocked
    pace.accepted()
    assert not pace.is_blocked


def test_the_rate_is_halved_from_what_went_through_and_is_forgotten_in_time() -> None:
    clock = StillClock()
    pace = Pace(40, clock)
    assert pace.wait() == 0
    for _ in range(1_000):
        pace.accepted()
    clock.pass_seconds(10)
    pace.refused()
    clock.pass_seconds(pace.wait() + 0.001)
    went = 0
    for _ in range(1_000):
        if pace.wait() == 0:
            pace.sent()
            went += 1
        clock.pass_seconds(0.001)
    # 100 a second went; 50 may, and a little more with every second.
    assert 45 <= went <= 65
    clock.pass_seconds(61)
    for _ in range(10_000):
        assert pace.wait() == 0
        pace.sent()
