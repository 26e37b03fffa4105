"""Counter-based random numbers: each is a function of its arguments alone, so no order of work can change it.

The generator is Philox4x32-10: J. K. Salmon, M. A. Moraes, R. O. Dror & D. E. Shaw, Parallel random numbers: as easy
as 1, 2, 3, SC'11.  Its counter has four 32-bit words and its key two.  `philox` and `normals` are plain arithmetic on
64-bit integers, to be compiled into SIMD lanes like `elementary`; `uniforms` and `streams` work on whole NumPy arrays.

Words of the counter, the key being the two halves of the seed:

    gradient noise   pair, low half   coordinate + 2^20 pair, high half + 2^31   stream, low half   stream, high half
    other normals    pair, low half   coordinate + 2^20 pair, high half          stream, low half   stream, high half
    uniforms         draw             coordinate + 2^30                          index, low half    index, high half

Coordinates are below 2^20 and pairs of steps below 2^42, hence no two uses ever meet in one counter.
"""

import math
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from dynbench.kernels.elementary import log_positive, sincos_turns

WORD = 0xFFFFFFFF
GRADIENT = 1 << 31  # add it to the coordinate for the noise in gradients
START = 1 << 30  # `uniforms` adds it by itself
Word = Any  # an integer, or an array of integers


def philox_round(
    c0: Word, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word
) -> tuple[Word, Word, Word, Word, Word, Word]:
    """(hi(B c2) ^ c1 ^ k0, lo(B c2), hi(A c0) ^ c3 ^ k1, lo(A c0)) and the next key, k + (0x9E3779B9, 0xBB67AE85).

    A = 0xD2511F53, B = 0xCD9E8D57.  All are uint64, of which only the low 32 bits count: the others hold what shifts
    and products leave there.  The masks tell LLVM that a 32-bit multiplication (vpmuludq) is enough, and cost nothing,
    as it ignores those bits.
    """
    a = (c0 & np.uint64(0xFFFFFFFF)) * np.uint64(0xD2511F53)
    b = (c2 & np.uint64(0xFFFFFFFF)) * np.uint64(0xCD9E8D57)
    n0 = (b >> np.uint64(32)) ^ c1 ^ k0
    n2 = (a >> np.uint64(32)) ^ c3 ^ k1
    k0 = (k0 + np.uint64(0x9E3779B9)) & np.uint64(0xFFFFFFFF)
    k1 = (k1 + np.uint64(0xBB67AE85)) & np.uint64(0xFFFFFFFF)
    return n0, b, n2, a, k0, k1


def philox(c0: Word, c1: Word, c2: Word, c3: Word, k0: Word, k1: Word) -> tuple[Word, Word, Word, Word]:
    """Philox4x32-10, ten rounds of `philox_round`: four random words of the counter (c0, c1, c2, c3), key (k0, k1).

    Words are non-negative and below 2^32: Python's integers, int64 or arrays of int64; the results are int64.
    """
    # Unsigned, as a product of two words may pass 2^63: Numba tells LLVM that no sum or product of int64 does (nsw).
    # LLVM then takes the highest bit for 0, and of a word with bit 31 (GRADIENT) put in by ^ loses that bit.
    c0, c1, c2, c3 = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
    k0, k1 = np.uint64(k0), np.uint64(k1)
    # Ten lines and not a loop: LLVM then vectorises the lanes without having to unroll first.
    c0, c1, c2, c3, k0, k1 = philox_round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = philox_round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = philox_round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = philox_round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = philox_round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = philox_round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = philox_round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = philox_round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = philox_round(c0, c1, c2, c3, k0, k1)
    c0, c1, c2, c3, k0, k1 = philox_round(c0, c1, c2, c3, k0, k1)
    c0, c1 = c0 & np.uint64(0xFFFFFFFF), c1 & np.uint64(0xFFFFFFFF)
    c2, c3 = c2 & np.uint64(0xFFFFFFFF), c3 & np.uint64(0xFFFFFFFF)
    return np.int64(c0), np.int64(c1), np.int64(c2), np.int64(c3)


def unit(high: int, low: int) -> float:
    """high / 2^32 + (low >> 11) / 2^53, exactly: two words as one of the 2^53 multiples of 2^-53 in [0, 1)."""
    # Words are put in as low bits of 2^20, whose last bit is worth 2^-32, and of 1/2, whose last bit is worth 2^-53:
    # a conversion of int64 to double exists in AVX-512 only.
    a = np.int64(high | 0x4130000000000000).view(np.float64) - 1048576.0
    b = np.int64((low >> 11) | 0x3FE0000000000000).view(np.float64) - 0.5
    return a + b


def uniform_pair(step_pair: int, coordinate: int, stream: int, seed: int) -> tuple[float, float]:
    """(v, u): what `normals` is made from, v in (0, 1] and u in [0, 1) with 53 bits each."""
    high = (int(step_pair) >> 32) & 0x3FF
    # int changes nothing in a compiled lane; NumPy's scalars would warn when a product wraps.
    w0, w1, w2, w3 = philox(
        int(step_pair) & 0xFFFFFFFF,
        (int(coordinate) | (high << 20)) & 0xFFFFFFFF,
        int(stream) & 0xFFFFFFFF,
        (int(stream) >> 32) & 0xFFFFFFFF,
        int(seed) & 0xFFFFFFFF,
        (int(seed) >> 32) & 0xFFFFFFFF,
    )
    return 1.0 - unit(w0, w1), unit(w2, w3)


def radius(v: float) -> float:
    """sqrt(-2 ln v), v in (0, 1]: how far from 0 a pair of normals lies."""
    return math.sqrt(-2.0 * log_positive(v))


def turned(r: float, u: float) -> tuple[float, float]:
    """r sin(2 pi u) and r cos(2 pi u), u in [0, 1)."""
    s, c = sincos_turns(u)
    return r * s, r * c


def normals(step_pair: int, coordinate: int, stream: int, seed: int) -> tuple[float, float]:
    """sqrt(-2 ln v) sin(2 pi u) and sqrt(-2 ln v) cos(2 pi u) of `uniform_pair`: two independent standard normals.

    Source: Box and Muller (1958).  With 53 bits none exceeds 8.58.

    `step_pair` is step // 2; an even step takes the first normal and an odd one the second.  A coordinate with bit 31
    (`GRADIENT`) set gives the noise in gradients, which is independent of all others.  `stream` tells the trajectories
    apart (`streams`).  All four are int64, or uint64 with the same bits.
    """
    v, u = uniform_pair(step_pair, coordinate, stream, seed)
    return turned(radius(v), u)


def uniforms(index: npt.ArrayLike, coordinate: int, draw: int, seed: int) -> npt.NDArray[np.float64]:
    """One uniform in [0, 1) with 53 bits for each index (any shape; int64 or uint64): the random starts."""
    i = np.asarray(index).astype(np.int64)
    flat = i.ravel()  # at least one dimension: NumPy's scalars, unlike its arrays, warn when a product wraps
    low_half, high_half = cast(Any, flat & WORD), cast(Any, (flat >> 32) & WORD)
    counter = draw & WORD, (coordinate | START) & WORD, low_half, high_half
    high, low, _, _ = philox(*counter, seed & WORD, (seed >> 32) & WORD)
    return np.asarray(unit(high, low)).reshape(i.shape)


def streams(x0: npt.NDArray[np.float64], repeat: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """h <- mix((h ^ word) + 0x9E3779B97F4A7C15) over the words of a start, then its repeat number; h = 0 at first.

    x0 (dim, n) gives its bits, -0.0 being taken as 0.0; repeat (n,) are integers; the result is (n,).
    mix is the finaliser of splitmix64 (G. L. Steele, D. Lea & C. H. Flood, Fast splittable pseudorandom number
    generators, OOPSLA'14), a bijection of 64 bits; hence in one dimension starts of one repeat never share a stream.
    """
    bits = (np.ascontiguousarray(x0, dtype=np.float64) + 0.0).view(np.uint64)  # -0.0 + 0.0 = 0.0
    numbers = np.asarray(repeat).astype(np.int64).astype(np.uint64)
    h = np.zeros(bits.shape[1:], np.uint64)
    for word in (*bits, numbers):
        h = (h ^ word) + np.uint64(0x9E3779B97F4A7C15)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        h = h ^ (h >> np.uint64(31))
    return h
