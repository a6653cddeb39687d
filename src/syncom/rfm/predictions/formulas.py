"""What customers will do, from what they did: the BG/NBD and the Gamma-Gamma model.

Both are fitted by maximum likelihood and predict in closed form. Sources: P. Fader, B. Hardie, K. Lee, "Counting Your
Customers" the Easy Way (Marketing Science 24, 2005), for BG/NBD; P. Fader, B. Hardie, The Gamma-Gamma Model of Monetary
Value (2013). Of each customer the models need how often they came back, when they came last, and how long ago they came
first; time is in weeks, and several orders of one day are one purchase.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special  # pyright: ignore[reportMissingTypeStubs]

Floats = NDArray[np.float64]

# SciPy has no types.
_optimize, _special = cast("Any", optimize), cast("Any", special)
minimize: Callable[..., Any] = _optimize.minimize
betaln: Callable[..., Floats] = _special.betaln
gammaln: Callable[..., Floats] = _special.gammaln
hyp2f1: Callable[..., Floats] = _special.hyp2f1

#: Parameters are looked for between these, as logarithms: beyond, all customers are alike or none are.
_LOG_BOUNDS = (-12.0, 12.0)
#: Where the search begins, one after the other: the likelihood is flat far from its peak.
_STARTS = (0.0, -1.0, 1.0)


def fit_purchases(repeats: Floats, recency: Floats, age: Floats) -> tuple[Floats, float]:
    """``r, alpha, a, b`` of BG/NBD, and the log-likelihood.

    Shapes: one of each for every customer. ``repeats``: purchases after the first; ``recency``: weeks from the first to
    the last; ``age``: weeks from the first until now.
    """
    # Customers who did the same are many: they are counted once, with a weight.
    like, weights = np.unique(np.column_stack((repeats, recency, age)), axis=0, return_counts=True)
    x, last, until = like.T

    def likelihood(logs: Floats) -> float:
        r, alpha, a, b = np.exp(logs)
        came_back = x > 0
        stays = -(r + x) * np.log(alpha + until)
        # Who came back may have left after the last purchase. Who did not could not leave: one leaves after a repeat.
        left = np.where(
            came_back,
            np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + last),
            -np.inf,
        )
        each = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        each += betaln(a, b + x) - betaln(a, b) + np.logaddexp(stays, left)
        return float(weights @ each)

    logs, best = _highest(likelihood, 4)
    return np.exp(logs), best


def fit_values(repeats: Floats, mean: Floats) -> tuple[Floats, float]:
    """``p, q, gamma`` of Gamma-Gamma, and the log-likelihood, from customers who came back.

    ``mean``: what a purchase after the first came to on average; more than zero.
    """

    def likelihood(logs: Floats) -> float:
        p, q, v = np.exp(logs)
        each = -betaln(p * repeats, q) + q * np.log(v) + (p * repeats - 1) * np.log(mean)
        each += p * repeats * np.log(repeats) - (p * repeats + q) * np.log(v + mean * repeats)
        return float(np.sum(each))

    logs, best = _highest(likelihood, 3)
    return np.exp(logs), best


def _highest(likelihood: Callable[[Floats], float], parameters: int) -> tuple[Floats, float]:
    """Where the likelihood is highest, and how high."""

    def depth(logs: Floats) -> float:
        with np.errstate(all="ignore"):
            found = -likelihood(logs)
        return found if np.isfinite(found) else 1e300

    bounds = [_LOG_BOUNDS] * parameters
    # Downhill first: it finds the valley from afar, and the gradient its bottom.
    found: list[Any] = [
        minimize(
            depth,
            minimize(depth, np.full(parameters, start), method="Nelder-Mead", bounds=bounds).x,
            method="L-BFGS-B",
            bounds=bounds,
        )
        for start in _STARTS
    ]
    best = min(found, key=_depth_of)
    return np.asarray(best.x, dtype=np.float64), -float(best.fun)


def _depth_of(found: Any) -> float:
    return float(found.fun)


def alive(parameters: Floats, repeats: Floats, recency: Floats, age: Floats) -> Floats:
    """The probability that a customer has not left for good. Of who did not come back the model says 1 always."""
    r, alpha, a, b = parameters
    odds = np.log(a) - np.log(b + np.maximum(repeats, 1) - 1)
    odds = odds + (r + repeats) * (np.log(alpha + age) - np.log(alpha + recency))
    return np.where(repeats > 0, 1 / (1 + np.exp(np.minimum(odds, 700))), 1.0)


def expected_purchases(parameters: Floats, weeks: float, repeats: Floats, recency: Floats, age: Floats) -> Floats:
    """How many purchases to expect in the next weeks."""
    r, alpha, a, b = parameters
    if abs(a - 1) < 1e-6:
        a = 1 + 1e-6  # the formula divides by a - 1, and what it says is continuous there
    z = weeks / (alpha + age + weeks)
    with np.errstate(all="ignore"):
        grown = hyp2f1(r + repeats, b + repeats, a + b + repeats - 1, z)
        found: Floats = (a + b + repeats - 1) / (a - 1) * (1 - (1 - z) ** (r + repeats) * grown)
    found = found * alive(parameters, repeats, recency, age)
    # Of hundreds of purchases the series overflows: then as many as if nobody left.
    most: Floats = alive(parameters, repeats, recency, age) * (r + repeats) / (alpha + age) * weeks
    found = np.where(np.isfinite(found), found, most)
    return np.minimum(np.maximum(found, 0), most)


def next_purchase(parameters: Floats, repeats: Floats, recency: Floats, age: Floats) -> Floats:
    """In how many weeks it is as likely as not that a customer has bought again; infinite: never so likely."""
    r, alpha, _, _ = parameters
    present = alive(parameters, repeats, recency, age)
    with np.errstate(all="ignore"):
        return np.where(
            present > 0.5,
            (alpha + age) * ((1 - 0.5 / present) ** (-1 / (r + repeats)) - 1),
            np.inf,
        )


def expected_value(parameters: Floats, repeats: Floats, mean: Floats) -> Floats:
    """What a purchase of a customer comes to on average, as far as one can know; after one alone: as of all."""
    p, q, v = parameters
    return p * (v + repeats * mean) / (p * repeats + q - 1)
