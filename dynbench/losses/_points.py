"""Points that fill a box evenly, the same in every process."""

from collections.abc import Iterator, Sequence


def evenly(box: Sequence[tuple[float, float]], count: int) -> Iterator[list[float]]:
    """`count` points of the box, one (lo, hi) a coordinate.

    Kronecker's sequence u_k = frac(1/2 + k a), a_d = phi^-(d + 1), phi^(dim + 1) = phi + 1 (M. Roberts
    2018), k from 1.
    """
    dim = len(box)
    phi = 2.0
    for _ in range(64):
        phi = (1.0 + phi) ** (1.0 / (dim + 1))
    steps = [phi ** -(d + 1.0) for d in range(dim)]
    for k in range(1, count + 1):
        yield [lo + (hi - lo) * ((0.5 + k * a) % 1.0) for a, (lo, hi) in zip(steps, box, strict=True)]
