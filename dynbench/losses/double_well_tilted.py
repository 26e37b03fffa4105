"""Tilted double well: L = (x² - 1)²/4 + x/10 - min = (x - a)² ((x + a)² + s)/4, with s = 2(a² - 1).

a < b < c are the roots of L' = x³ - x + 1/10: the global minimum, the maximum, the false minimum.  Written as a
sum of squares L is exactly 0 at a and never negative, and L' = (x - a)(x - b)(x - c) is accurate at every root.
Source: the textbook double well of Kramers' problem, tilted.
"""

from dynbench.losses.base import Loss, Minimum

A = -1.046680531804602261158656312
B = 0.101031257881010817688354341214
C = 0.945649273923591443470301970782
S = 0.191080271317530011108141852869


def value(x):
    u = x - A
    v = x + A
    return 0.25 * (u * u) * (v * v + S)


def grad(x):
    return (x - A) * ((x - B) * (x - C))


loss = Loss(
    formula="(x² - 1)²/4 + x/10 + 0.102386073800036...",
    source="textbook double well, tilted, its minimum lifted to exactly 0",
    domain=((-2.0, 2.0),),
    dim=1,
    value=value,
    grad=grad,
    separators=(B,),
    minima=(
        Minimum(
            x=(A,),
            value=0.0,
            curvatures=(2.2866204069762950166622127793,),  # 3a² - 1
            barrier=0.357411589373857404687172378701,
            distance=1.14771178968561307884701065321,
        ),
        Minimum(
            x=(C,),
            value=0.199746632026251858239078486324,
            curvatures=(1.68275764781664705195933339792,),  # 3c² - 1
            barrier=0.157664957347605546448093892378,
            distance=0.844618016042580625781947629568,
        ),
    ),
    quench_lr=0.05,
)
