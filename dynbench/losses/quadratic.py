"""Quadratic bowl: L = ½ Σ λ_i x_i², its curvatures λ_i geometric from `curvature` to `curvature` × `condition`.

One basin, closed forms for nearly every rule, and one coordinate per time scale: the place to measure stability
limits and rates.  In one dimension λ = `curvature`.  The catalogued curvature is that of the default parameters.
"""

import math

from dynbench.losses.base import Loss, Minimum


def value_grad(x, g, curvature=1.0, condition=1.0):
    ratio = math.exp(math.log(condition) / (len(x) - 1 if len(x) > 1 else 1))
    stiffness = curvature
    total = 0.0
    for d in range(len(x)):
        g[d] = stiffness * x[d]
        total = total + g[d] * x[d]
        stiffness = stiffness * ratio
    return 0.5 * total


loss = Loss(
    formula="½ Σ λ_i x_i², λ_i = curvature × condition^((i - 1)/(n - 1))",
    source="textbook",
    domain=((-1.0, 1.0),),
    dim=None,
    dims=(1, 64),
    value_grad=value_grad,
    separable=True,
    minima=(Minimum(x=(0.0,), value=0.0, curvatures=(1.0,)),),
    bounds={"curvature": (0.0, math.inf), "condition": (1.0, math.inf)},
)
