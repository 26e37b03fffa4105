"""What a rule is: the displacement of one coordinate in one step.

One file beside this one is one rule; its name is the file's name.  It ends in `dynamics = Dynamics(...)`.
The functions are plain Python on floats, in a form that can be lifted to SIMD lanes: assignments,
conditional expressions, one return; module constants and `math.*` may be used.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dynbench.losses.base import defaults


@dataclass(frozen=True)
class Dynamics:
    """A rule x <- x + dx, coordinate by coordinate.  A zero gradient means no move, sign(0) = 0."""

    step: Callable[..., tuple[float, tuple[float, ...]]]
    # step(x, g, value, norm, lr, state, *parameters) -> (dx, state):
    # the coordinate x, its gradient component g, the loss value, norm = |grad L| (abs(g) in 1-D),
    # the Euler step lr, and this coordinate's own memory, a tuple of floats
    source: str  # equation number in the article, or the paper
    start: Callable[..., tuple[float, ...]] | None = None  # start(lr, *parameters) -> state; None: no memory
    limited: Callable[..., bool] | None = None  # same arguments as step: whether a cap binds (for --record limited)
    # where a parameter is defined, {"cap": (0, inf)}; outside: a usage error
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict, compare=False)
    # parameters whose default is the loss's: {"f_star": "lmin"} is Lmin, put in when a sweep is planned;
    # the signature keeps a number, for plain Python
    defaults: dict[str, str] = field(default_factory=dict, compare=False)
    # parameters that are decay rates a step: a memory m <- decay m + ... lasts lr/(1 - decay) in the time of the ODE
    decays: tuple[str, ...] = ()
    formula: str = ""  # first line of the file's docstring; `find` fills it in
    name: str = ""  # the file's name; `find` fills it in
    # a user's file and what it read beside it, path -> content (None: not kept); `find` fills it in
    files: Mapping[str, bytes | None] = field(default_factory=dict, compare=False, repr=False)

    @property
    def parameters(self) -> dict[str, float]:
        """Names and defaults, read off the signature."""
        return defaults(self.step, after=6)

    def parameters_on(self, lowest: float) -> dict[str, float]:
        """Names and defaults on a loss whose lowest value is `lowest`; nan where that is needed and not known."""
        return self.parameters | dict.fromkeys(self.defaults, lowest)
