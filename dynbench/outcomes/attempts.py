"""Attempts that succeed after some time or fail at their budget: intervals of mean times.

Two things are uncertain and independent of each other: how often attempts fail, and how long a success takes.  A
standard error of the times taken together misses failures that were not seen: of 20 attempts that all succeeded early
it says that the mean is early, and with one failure in 20 it would not be.  So each has limits of its own, Clopper and
Pearson's and Student's on the scale of the log odds m/(N - m), and the deviations from the estimate are added in
square (MOVER: Donner and Zou 2002).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dynbench.batch import Floats, Integers
from dynbench.outcomes.intervals import Interval, interval, student


@dataclass(frozen=True)
class Attempts:
    """What is known of each cell's attempts, (cells,) each; times in steps."""

    n: Integers
    k: Integers  # successes
    total: Floats  # time of all successes
    squares: Floats  # sum of the squared deviations of those times from their mean; nan: not known
    budget: Floats  # of a failure
    longest: Floats  # no success takes longer

    @property
    def several(self) -> NDArray[np.bool_]:
        """Where budgets differ."""
        return np.asarray(~np.isclose(self.budget, self.longest, rtol=1e-12) & (self.n > 0))

    @property
    def mean(self) -> Floats:
        """Time of a success; nan where there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.total / self.k

    @property
    def spent(self) -> Floats:
        """Time of all attempts."""
        return (self.n - self.k) * self.budget + self.total

    def limits(self, confidence: float) -> Interval:
        """Of the mean time of a success: 0 and the longest where fewer than two are known."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            error = np.sqrt(self.squares / (self.k - 1.0) / self.k)
            odds = self.mean / (self.longest - self.mean)
            width = student(self.k, confidence) * error * self.longest / (self.mean * (self.longest - self.mean))
            low, high = odds * np.exp(-width), odds * np.exp(width)
            lo = np.where(np.isfinite(low), self.longest * low / (1.0 + low), 0.0)
            hi = np.where(np.isfinite(high), self.longest * high / (1.0 + high), self.longest)
        lo, hi = np.where(self.squares > 0, lo, self.mean), np.where(self.squares > 0, hi, self.mean)
        several = (self.k > 1) & ~np.isnan(self.squares)
        return np.where(several, lo, 0.0), np.where(several, hi, self.longest)

    def restricted_mean(self, confidence: float = 0.95) -> tuple[Floats, Floats, Floats]:
        """(value, lo, hi) of the mean time to the success or to the budget; nan where n = 0."""
        lo, hi = self.limits(confidence)
        fewest, most = interval(self.k, self.n, confidence)
        with np.errstate(invalid="ignore", divide="ignore"):
            p = self.k / self.n
            spared = np.where(self.k > 0, self.budget - self.mean, 0.0)  # by a success
            value = self.spent / self.n
            low = value - np.hypot(spared * (most - p), p * (self.mean - lo))
            high = value + np.hypot(spared * (p - fewest), p * (hi - self.mean))
        none = (self.k == 0) & (self.n > 0)
        low = np.where(none, self.budget * (1.0 - most), np.maximum(low, 0.0))
        return value, low, np.where(none, self.budget, np.minimum(high, self.budget))

    def effort(self, confidence: float = 0.95) -> tuple[Floats, Floats, Floats]:
        """(value, lo, hi) of the mean time to a success where failures are begun anew; inf: never reached."""
        lo, hi = self.limits(confidence)
        fewest, most = interval(self.k, self.n, confidence)
        with np.errstate(invalid="ignore", divide="ignore"):
            lost, least, highest = (self.budget * (1.0 / p - 1.0) for p in (self.k / self.n, most, fewest))
            value = self.spent / self.k
            low = value - np.hypot(lost - least, self.mean - lo)
            high = value + np.hypot(highest - lost, hi - self.mean)
        none = (self.k == 0) & (self.n > 0)
        high = np.where(none, np.inf, high)
        return value, np.where(none, least, np.maximum(low, 0.0)), high
