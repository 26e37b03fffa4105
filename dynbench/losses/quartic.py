"""Quartic: L = (x - a)² ((x - r)² + s), the article's curve x(x - 1)(x - 3)² lifted so that its minimum is exactly 0.

a = (9 - √33)/8 is the global minimum, 3 the false one, b = (9 + √33)/8 the maximum between them; r = (19 + √33)/8
and s = 5(√33 - 5)/16.  The sum of squares cannot dip below zero by rounding, and L' = 4(x - a)(x - b)(x - 3) keeps
its relative accuracy at all three critical points.
Source: Su (2019), the example of its last section.  Deviation: the lift is (165√33 - 117)/512 = 1.622759446638...
where the article rounds it to 1.62276 (`quartic_article` keeps that).
"""

from dynbench.losses.base import Loss, Minimum

A = 0.406929669182746417518673566473
B = 1.84307033081725358248132643353
R = 3.09307033081725358248132643353
S = 0.232675827043133956203316083818


def value(x):
    u = x - A
    v = x - R
    return u * u * (v * v + S)


def grad(x):
    return 4.0 * (x - A) * ((x - B) * (x - 3.0))


loss = Loss(
    formula="x(x - 1)(x - 3)² + (165√33 - 117)/512",
    source="Su 2019, example, with its minimum lifted to exactly 0",
    domain=((0.0, 5.0),),
    dim=1,
    value=value,
    grad=grad,
    separators=(B,),
    minima=(
        Minimum(
            x=(A,),
            value=0.0,
            curvatures=(14.8960549622588037372198965029,),  # (33 + 15√33)/8
            barrier=3.70255014327646378466933942288,  # 165√33/256
            distance=1.43614066163450716496265286705,  # √33/4
        ),
        Minimum(
            x=(3.0,),
            value=1.62275944663823189233466971144,  # (165√33 - 117)/512
            curvatures=(12.0,),
            barrier=2.07979069663823189233466971144,  # (165√33 + 117)/512
            distance=1.15692966918274641751867356647,  # (15 - √33)/8
        ),
    ),
    quench_lr=0.005,
)
