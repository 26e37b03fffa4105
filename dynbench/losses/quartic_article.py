"""The article's quartic: L = x(x - 1)(x - 3)² + 1.62276, with the gradient as its code expands it.

Source: Su (2019), the listing below its equation (11), operation for operation.  The rounded constant leaves
Lmin = 5.53361768e-7 > 0, and the expanded gradient loses digits near the minima: to rules that use the value, the
global minimum is one more false one.  `quartic` is the same curve without either.
"""

from dynbench.losses.base import Loss, Minimum

A = 0.406929669182746417518673566473  # (9 - √33)/8
B = 1.84307033081725358248132643353  # (9 + √33)/8


def value(x):
    return x * (x - 1) * (x - 3) * (x - 3) + 1.62276


def grad(x):
    return -9 + 30 * x - 21 * x**2 + 4 * x**3


loss = Loss(
    formula="x(x - 1)(x - 3)² + 1.62276",
    source="Su 2019, example, as in its code",
    domain=((0.0, 5.0),),
    dim=1,
    value=value,
    grad=grad,
    separators=(B,),
    minima=(
        Minimum(
            x=(A,),
            value=5.53361768107665330288562259106e-7,  # 1.62276 - (165√33 - 117)/512
            curvatures=(14.8960549622588037372198965029,),
            barrier=3.70255014327646378466933942288,
            distance=1.43614066163450716496265286705,
        ),
        Minimum(
            x=(3.0,),
            value=1.62276,
            curvatures=(12.0,),
            barrier=2.07979069663823189233466971144,
            distance=1.15692966918274641751867356647,
        ),
    ),
    quench_lr=0.005,
)
