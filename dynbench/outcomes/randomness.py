"""What a probability is over: the column `randomness`.

With noise and several seeds from each start trajectories are no independent draws from the law of x0: those of one
start share it.  What they are is independent given the starts, each with a probability of its own; the number of
successes then varies less than a binomial one of the same mean, so that the intervals hold for the mean over these very
starts (Hoeffding 1956), whatever the law of x0.  Where random starts ran once each, trajectories are independent draws
of start and noise together.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

BOTH = "noise and uniform starts"
LAWS = {"point": "none", "grid": "grid starts", "uniform": "uniform starts"}
MEANING = {  # randomness -> in a sentence
    "noise": "With noise, a probability is over the noise alone, from these very starts.",
    BOTH: "With noise, a probability is over the noise and the random starts, each of which ran once.",
    "uniform starts": "Without noise, a probability is over the random starts.",
    "grid starts": "Without noise, a probability is over these starts; its interval is as if they were random.",
    "none": "Without noise and from a single start nothing is random: no interval.",
}


def randomness(noisy: NDArray[np.bool_], alone: NDArray[np.bool_], starts: str, repeated: bool) -> list[str]:
    """The column for cells, (cells,): whether they have noise, whether they are a single start.

    `starts`: how those were drawn, a key of LAWS or `randomness` in full; `repeated`: with several seeds each.
    """
    law = LAWS.get(starts, starts)
    with_noise = BOTH if law == "uniform starts" and not repeated else "noise"
    quiet = np.where(alone, "none", law)
    return [with_noise if some else str(other) for some, other in zip(noisy, quiet, strict=True)]


def sentences(kinds: Iterable[str]) -> list[str]:
    """What the probabilities of a table are over."""
    known = set(kinds)
    return [text for kind, text in MEANING.items() if kind in known]
