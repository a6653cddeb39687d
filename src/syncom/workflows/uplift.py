"""How much more often one group converts than another, and how sure that is. Pure."""

from __future__ import annotations

from math import exp, log, sqrt
from typing import Final

import msgspec

#: Quantile of the normal distribution for 95 % in the middle.
_Z: Final = 1.959964


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    low: float
    high: float


class Uplift(msgspec.Struct, frozen=True, kw_only=True):
    """The rate of those who went in, against that of those held out. 0.02 is two of a hundred."""

    #: Difference of the rates, and where it lies with 95 % confidence.
    absolute: float
    absolute_interval: Interval
    #: The difference as a part of the rate of those held out: 0.25 is a quarter more; None: none of them converted.
    relative: float | None
    #: None: nobody of one group converted.
    relative_interval: Interval | None
    #: The interval of the difference leaves out zero.
    significant: bool


def uplift(converted: int, contacts: int, control_converted: int, control_contacts: int) -> Uplift | None:
    """Of two groups; None when one is empty.

    The interval of the difference is Newcombe's hybrid score interval (R. G. Newcombe, "Interval estimation for the
    difference between independent proportions: comparison of eleven methods", Statistics in Medicine 17, 1998, method
    10) from Wilson's interval of each rate; it holds for small groups and rates near zero. That of the ratio is by
    logarithms (D. Katz et al., "Obtaining confidence intervals for the risk ratio in cohort studies", Biometrics 34,
    1978).
    """
    if not contacts or not control_contacts:
        return None
    rate, control = converted / contacts, control_converted / control_contacts
    one, other = wilson(converted, contacts), wilson(control_converted, control_contacts)
    difference = rate - control
    low = difference - sqrt((rate - one.low) ** 2 + (other.high - control) ** 2)
    high = difference + sqrt((one.high - rate) ** 2 + (control - other.low) ** 2)
    ratio = None
    if converted and control_converted:
        spread = _Z * sqrt(1 / converted - 1 / contacts + 1 / control_converted - 1 / control_contacts)
        middle = log(rate / control)
        ratio = Interval(low=exp(middle - spread) - 1, high=exp(middle + spread) - 1)
    return Uplift(
        absolute=difference,
        absolute_interval=Interval(low=low, high=high),
        relative=difference / control if control else None,
        relative_interval=ratio,
        significant=low > 0 or high < 0,
    )


def wilson(converted: int, contacts: int) -> Interval:
    """Where a rate lies with 95 % confidence (E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22, 1927)."""
    rate = converted / contacts
    square = _Z**2
    middle = (rate + square / (2 * contacts)) / (1 + square / contacts)
    spread = _Z * sqrt(rate * (1 - rate) / contacts + square / (4 * contacts**2)) / (1 + square / contacts)
    return Interval(low=max(0.0, middle - spread), high=min(1.0, middle + spread))
