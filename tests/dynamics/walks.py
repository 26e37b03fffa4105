"""Single steps and whole runs of a rule in plain Python."""

from dynbench import find
from dynbench.dynamics.base import Dynamics

QUARTIC = find.loss("quartic")
ON_QUARTIC = (QUARTIC.value, QUARTIC.grad)
L_STAR = QUARTIC.minima[1].value


def once(rule: Dynamics, g, value=2.0, norm=None, lr=0.1, x=1.0, **parameters):
    """The displacement of a first step."""
    given = tuple({**rule.parameters, **parameters}.values())
    state = rule.start(lr, *given) if rule.start else ()
    dx, after = rule.step(x, g, value, abs(g) if norm is None else norm, lr, state, *given)
    assert isinstance(after, tuple)
    assert len(after) == len(state)
    return dx


def walk(rule: Dynamics | str, x, steps, value, grad, lr=0.01, **parameters):
    """All places x_0 ... x_n of a one-dimensional run."""
    rule = find.dynamics(rule) if isinstance(rule, str) else rule
    given = tuple({**rule.parameters, **parameters}.values())
    state = rule.start(lr, *given) if rule.start else ()
    places = [x]
    for _ in range(steps):
        g = grad(x)
        dx, state = rule.step(x, g, value(x), abs(g), lr, state, *given)
        x += dx
        places.append(x)
    return places


def quadratic(stiffness, height=0.0):
    return (lambda x: height + 0.5 * stiffness * x * x), (lambda x: stiffness * x)
