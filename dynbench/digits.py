"""How many digits numbers need to be told apart: values that differ are never written alike."""

from collections.abc import Iterable, Mapping

FEWEST, MOST = 6, 17  # significant digits of a setting; 17 tell any two floats apart
NO_PLACES: Mapping[str, int] = {}  # the digits of settings, by name, where none needs more


def digits(values: Iterable[float], fewest: int = FEWEST) -> int:
    """The smallest number of significant digits, at least `fewest`, with which different values are written
    differently; nan is no value."""
    distinct = {value for value in values if value == value}
    for count in range(fewest, MOST):
        if len({f"{value:.{count}g}" for value in distinct}) == len(distinct):
            return count
    return MOST


def numeral(value: float, places: int = FEWEST, fewest: int = FEWEST) -> str:
    """A number in at most so many significant digits, and in `fewest` where these are all it has."""
    for count in range(fewest, places):
        if float(text := f"{value:.{count}g}") == value:
            return text
    return f"{value:.{places}g}"


def exact(value: float) -> str:
    """A number in as many digits as give it back; up to ten of them before the point are written out."""
    return numeral(value, MOST, 10)
