"""A loss or a rule by name (a file in `losses/` or `dynamics/`) or by the path of a user's .py file.

`find.loss("quartic")`, `find.dynamics("capped")`, `find.dynamics("path/to/mine.py")`; `find.losses()` and
`find.rules()` list the names.  A user's file is code that is run, like pytest's conftest.py.  Every mistake is a
ValueError of one sentence.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from math import log2
from pathlib import Path
from types import ModuleType
from typing import Any

from dynbench.columns import is_taken
from dynbench.definition import digest
from dynbench.dynamics.base import Dynamics
from dynbench.files import run_file
from dynbench.losses._check import check_bounds, check_domain, check_loss, check_score, check_texts, is_number, tupled
from dynbench.losses._critical import check_critical, check_points
from dynbench.losses._facts import check_facts, completed
from dynbench.losses._gradient import check_gradient
from dynbench.losses.base import LISTS, Loss, defaults
from dynbench.lowest import global_places, wraps

HOME = Path(__file__).parent
STEP = ("x", "g", "value", "norm", "lr", "state")  # what a rule is told, in this order, before its parameters


def losses() -> list[str]:
    """Names of the losses that come with dynbench."""
    return names("losses")


def rules() -> list[str]:
    """Names of the rules that come with dynbench."""
    return names("dynamics")


def names(folder: str) -> list[str]:
    return sorted(f.stem for f in (HOME / folder).glob("*.py") if f.stem != "base" and not f.stem.startswith("_"))


def loss(name: str, dim: int | None = None, parameters: Mapping[str, float] | None = None) -> Loss:
    """The loss of that name or file; `dim` fixes the dimension of one that leaves it free.

    Its minima and walls are those at `parameters` (default: its own defaults).  What a user's file
    declares is compared with its function, once.  Raises ValueError, one sentence.
    """
    module, label = load(str(name), "losses", "loss")
    found = getattr(module, "loss", None)
    if not isinstance(found, Loss):
        raise ValueError(f"{name} defines no loss: it must end in `loss = Loss(...)`, with Loss from dynbench")
    found = without_lists(found)
    owner = f"loss {label!r}"
    for field in ("value", "grad", "value_grad", "score"):
        check_callable(owner, field, getattr(found, field, None))
    if found.value_grad is not None:
        known = defaults_of(owner, found.value_grad, 2)
    elif found.dim == 1 and found.value is not None and found.grad is not None:
        known = defaults_of(owner, found.value, 1)
        check_signature(owner, found.grad, 1, known)
    else:
        raise ValueError(f"{owner} needs `value_grad`, or `value` and `grad` where dim=1")
    check_bounds(owner, found.bounds, known)
    if found.score is not None:
        check_signature(owner, found.score, 1, known)
    found = replace(found, name=label, files=getattr(module, "__files__", {}), digest=declared(module, found))
    if found.functions:
        check_domain(owner, found)
        for field, function in found.functions.items():
            check_callable(owner, field, function)
            if found.takes_dim and next(iter(inspect.signature(function).parameters), "") != "dim":
                raise ValueError(f"{owner}: {field} must take `dim` first, as the loss leaves its dimension free")
            check_signature(owner, function, int(found.takes_dim), known)
    if found.functions and found.takes_dim and dim is None:  # no minima before there is a dimension
        loss(name, found.default_dim, parameters)  # but mistakes are told
        return found
    if found.functions or parameters or dim is not None:
        found = settled(found, dim, parameters)
    check_loss(owner, found)
    places = global_places(found)
    if places and not places[0]:
        first = places.index(True)
        raise ValueError(f"{owner}: minimum {first} lies below minimum 0, which must be a global one: put it first")
    if wraps(found) and len(found.minima) % 2 == 0:  # labels modulo 2^63 then miss whole coordinates
        most = int(63 / log2(len(found.minima)))
        raise ValueError(
            f"{owner}: {len(found.minima)} minima a coordinate in {found.dim} dimensions are more basins than can be"
            f" told apart (2^63): take at most {most} dimensions"
        )
    check_points(owner, found)
    if found.score is not None:
        check_score(owner, found)
    if found.minima:
        found = completed(found)
    if str(name).endswith(".py"):  # ours are compared by tests
        agreed(owner, found)
    return found


def without_lists(found: Loss) -> Loss:
    """The loss with tuples where its file has lists or arrays."""
    fields = {name: getattr(found, name) for name in ("domain", "dims", *LISTS)}
    changed = {name: new for name, old in fields.items() if (new := tupled(old)) is not old}
    return replace(found, **changed) if changed else found


def settled(found: Loss, dim: int | None, parameters: Mapping[str, float] | None) -> Loss:
    """The loss in `dim` dimensions (None: as free as it was) at these parameters."""
    return without_lists(found.bare(dim, parameters))


def declared(module: ModuleType, found: Loss) -> str:
    """The digest of a module's loss, worked out once."""
    before, known = vars(module).get("__digest__", (None, ""))
    if before is not found:
        known = digest(found)
        vars(module)["__digest__"] = found, known
    return known


AGREED: set[tuple[str, int | None, tuple[float, ...]]] = set()  # definitions, dimensions and values looked at


def agreed(owner: str, found: Loss) -> None:
    """Compares what a file declares with its function, unless that was done before."""
    fixed = found if found.dim is not None else found.at(found.default_dim)
    key = fixed.digest, fixed.dim, fixed.values
    if key in AGREED:
        return
    moves = "minima" in fixed.functions
    try:
        check_gradient(owner, fixed)
        check_facts(owner, fixed, curved=not fixed.values or moves)
        check_critical(owner, fixed)
    except ValueError as error:
        if not fixed.values:
            raise
        values = ", ".join(f"{n} = {v:g}" for n, v in fixed.parameters.items())
        advice = "" if moves else "; `minima` and `separators` may be functions of the parameters"
        raise ValueError(f"{error} (at {values}{advice})") from error
    AGREED.add(key)


def dynamics(name: str) -> Dynamics:
    """The rule of that name or file.  A file with only a `step` (and `start`, `limited`, ...) is a rule as well."""
    module, label = load(str(name), "dynamics", "rule")
    found = getattr(module, "dynamics", None)
    if found is None and callable(getattr(module, "step", None)):
        given = {
            k: getattr(module, k) for k in ("start", "limited", "bounds", "source", "defaults") if hasattr(module, k)
        }
        found = Dynamics(module.step, **{"source": f"user file {Path(name).name}", **given})
    if not isinstance(found, Dynamics):
        raise ValueError(f"{name} defines no rule: give it a function `step({', '.join(STEP)}, ...)`")
    owner = f"rule {label!r}"
    check_texts(owner, source=found.source, formula=found.formula)
    for field in ("step", "start", "limited"):
        check_callable(owner, field, getattr(found, field))
    known = defaults_of(owner, found.step, len(STEP))
    if found.start is not None:
        check_signature(owner, found.start, 1, known)
    if found.limited is not None:
        check_signature(owner, found.limited, len(STEP), known)
    check_bounds(owner, found.bounds, known)
    check_defaults(owner, found.defaults, known)
    text = inspect.getdoc(module) or inspect.getdoc(found.step) or ""
    files = getattr(module, "__files__", {})
    return replace(found, name=label, formula=found.formula or text.partition("\n")[0], files=files)


def check_defaults(owner: str, defaults: Mapping[str, str], known: Mapping[str, float]) -> None:
    """Each names a parameter, and the one thing of a loss that can be a default."""
    fits = isinstance(defaults, Mapping) and all(name in known and text == "lmin" for name, text in defaults.items())
    if not fits:
        raise ValueError(
            f"{owner}: `defaults` says which parameters are the loss's lowest value where none is given, like"
            f" {{'f_star': 'lmin'}}, not {defaults!r}"
        )


def check_pair(loss: Loss, dynamics: Dynamics) -> None:
    """Every parameter is one flag, one axis and one column, so each name may be used once."""
    for owner, known in ((f"loss {loss.name!r}", loss.parameters), (f"rule {dynamics.name!r}", dynamics.parameters)):
        for parameter in known:
            if is_taken(parameter):
                raise ValueError(f"the parameter {parameter!r} of {owner} has a name that sweeps use: rename it")
    for parameter in loss.parameters:
        if parameter in dynamics.parameters:
            raise ValueError(
                f"loss {loss.name!r} and rule {dynamics.name!r} both have a parameter {parameter!r}: rename one of them"
            )


def load(name: str, folder: str, kind: str) -> tuple[ModuleType, str]:
    """The module behind a name or a path, and its label."""
    if name.endswith(".py"):
        return run_file(Path(name)), Path(name).stem
    known = names(folder)
    if name not in known:
        raise ValueError(f"no {kind} called {name!r}{nearest(name, known)}; or give the path of a .py file.")
    return importlib.import_module(f"dynbench.{folder}.{name}"), name


def nearest(name: str, known: Sequence[str]) -> str:
    """`, did you mean 'quartic'? Known: ...`, the rest of a sentence that names what is not known."""
    close = get_close_matches(name, known, 1)
    return (f", did you mean {close[0]!r}? " if close else ". ") + f"Known: {', '.join(known)}"


def check_callable(owner: str, field: str, found: object) -> None:
    if found is not None and not inspect.isfunction(found):
        raise ValueError(f"{owner}: `{field}` must be a function written with `def`, not {found!r}")


def defaults_of(owner: str, function: Callable[..., Any], after: int) -> dict[str, float]:
    """Its parameters and defaults; an error where it takes too few arguments or one has no numeric default."""
    arguments = inspect.signature(function).parameters.values()
    for argument in arguments:
        if argument.kind not in (argument.POSITIONAL_ONLY, argument.POSITIONAL_OR_KEYWORD):
            raise ValueError(
                f"{owner}: {function.__name__} takes {argument.name!r} behind or with a `*`: "
                f"write its parameters plainly, like `{argument.name}=1.0`"
            )
    if len(arguments) < after:
        raise ValueError(f"{owner}: {function.__name__} needs {after} arguments, and has {len(arguments)}")
    for argument in list(arguments)[after:]:
        if not is_number(argument.default):
            raise ValueError(f"{owner}: every parameter of {function.__name__} needs a number as its default")
    return defaults(function, after)


def check_signature(owner: str, function: Callable[..., Any], after: int, known: dict[str, float]) -> None:
    """All functions of one loss or rule take the same parameters in the same order, with the same defaults."""
    found = defaults_of(owner, function, after)
    if list(found.items()) != list(known.items()):
        raise ValueError(f"{owner}: {function.__name__} must take the parameters {known}, in this order, not {found}")
