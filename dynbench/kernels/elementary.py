"""exp, log, sin, cos and tanh as branch-free arithmetic on one float: the same text in Python and in SIMD lanes.

Why not `math.*`: a call to libm keeps LLVM from vectorising the loop around it, and its last bit depends on
the libm at hand.  Here there are only +, -, *, / and bit casts in one fixed order.  So the compiled lanes, plain
Python and any IEEE machine give the same bits, as long as nothing fuses a multiplication with an addition.
NaN comes out as NaN, but its sign and payload are left open.

Both branches of a conditional expression are evaluated, so special values are computed harmlessly and replaced
at the end.  Integers stay within 64 bits before every shift, because Python's do not wrap and NumPy's do.
Plain Python may warn about inf - inf: run it under `np.errstate(all="ignore")`.

Polynomials: Remez exchange in 60 digits (mpmath) on the reduced interval, coefficients rounded to doubles.
Reductions: W. J. Cody & W. Waite, Software Manual for the Elementary Functions, 1980.
Stated errors are the largest measured against mpmath, in units in the last place of the true result.
"""

import numpy as np

INF = float("inf")
NAN = float("nan")

# Adding 1.5 * 2**52 rounds a small double to an integer and leaves that integer in the low bits of the sum.
ROUND = 6755399441055744.0

LOG2_E = 1.4426950408889634
LN2_HIGH = 0.6931471805601177  # 40 bits: times an exponent (11 bits) it is exact
LN2_LOW = -1.7239444525614835e-13

# pi/2 as a sum: 25 bits in each of the first four parts, so that an integer up to 2**27 times a part is exact.
# The fifth brings the sum to 158 bits: a double may be as near as 2**-61 to a multiple of pi/2, and the remainder
# must be right to 53 bits even there.
HALF_PI_1 = 1.5707963109016418
HALF_PI_2 = 1.5893254712295857e-08
HALF_PI_3 = 6.123233932053594e-17
HALF_PI_4 = 6.368317055225283e-25
HALF_PI_5 = 1.082856673921914e-32
TWO_OVER_PI = 0.6366197723675814
LARGEST_ANGLE = 210828714.13315654  # 2**27 * pi/2
TURN_LOW = 6.123233995736766e-17  # pi/2 minus the double next to it


def bits(x: float) -> int:
    """The 64 bits of x as an integer, which is negative where the sign bit is set."""
    return int(np.float64(x).view(np.int64))


def wrapping_add(a: int, b: int) -> int:
    """a + b modulo 2^64.  Unsigned, as Numba tells LLVM that no sum of signed integers wraps."""
    total = np.int64(a).view(np.uint64) + np.int64(b).view(np.uint64)
    return int(np.uint64(total).view(np.int64))


def wrapping_sub(a: int, b: int) -> int:
    """a - b modulo 2^64, as `wrapping_add`."""
    difference = np.int64(a).view(np.uint64) - np.int64(b).view(np.uint64)
    return int(np.uint64(difference).view(np.int64))


def exp_tail(r: float) -> float:
    """exp(r) - 1 - r for |r| <= ln(2)/2, a polynomial of degree 11 with relative error 2**-56 of exp(r)."""
    p = 2.511291101183863e-08
    p = p * r + 2.762382149585918e-07
    p = p * r + 2.755723336127947e-06
    p = p * r + 2.4801511826265458e-05
    p = p * r + 0.00019841269896330493
    p = p * r + 0.0013888888924910147
    p = p * r + 0.008333333333318054
    p = p * r + 0.04166666666660308
    p = p * r + 0.1666666666666668
    p = p * r + 0.5000000000000002
    return r * r * p


def exp(x: float) -> float:
    """e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln(2)/2.

    Domain: the whole line; exp(-inf) = 0, exp(inf) = inf, inf above 709.78, gradual underflow down to -745.13.
    Error: 0.95 ulp.
    """
    y = 710.0 if x > 710.0 else x
    y = -746.0 if y < -746.0 else y
    t = y * LOG2_E + ROUND
    n = t - ROUND
    r = (y - n * LN2_HIGH) - n * LN2_LOW
    p = 1.0 + (r + exp_tail(r))
    # 2^n in two factors, each with a normal exponent: only the last product rounds, to a subnormal or to inf.
    # The mask takes n + 2046, which is positive, so the shift needs no sign.
    biased = (np.float64(t).view(np.int64) + 2046) & 0xFFF
    first = biased >> 1
    second = biased - first
    return p * np.int64(first << 52).view(np.float64) * np.int64(second << 52).view(np.float64)


def log_positive(x: float) -> float:
    """ln x for a positive normal x; anything else gives nonsense (`log` is the function for the whole line).

    x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt 2), s = f / (2 + f):
    ln(1 + f) = 2 artanh s = f - f^2/2 + s (f^2/2 + R(s^2)), with R of degree 7.
    The form is that of FreeBSD's e_log.c, which keeps f itself exact; so it is accurate relatively near 1 as well.
    """
    # Bits of 1 minus bits of sqrt(1/2), added: the exponent field then changes at sqrt(1/2) instead of at 1.
    i = np.float64(x).view(np.int64) + 0x00095F619980C433
    m = np.int64((i & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD).view(np.float64)
    # The biased exponent becomes a double through the low bits of 2^52.
    k = np.int64(((i >> 52) & 0xFFF) | 0x4330000000000000).view(np.float64) - 4503599627371519.0
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = 0.14756586695948504
    p = p * z + 0.15318224634218666
    p = p * z + 0.1818338964255967
    p = p * z + 0.2222220221646108
    p = p * z + 0.2857142870322629
    p = p * z + 0.39999999999614183
    p = p * z + 0.6666666666666698
    half_square = 0.5 * f * f
    return k * LN2_HIGH - ((half_square - (s * (half_square + z * p) + k * LN2_LOW)) - f)


def log(x: float) -> float:
    """ln x, see `log_positive`.

    Domain: the whole line, subnormals included; log(0) = -inf, nan below 0, log(inf) = inf.
    Error: 0.78 ulp, and near 1 too.
    """
    tiny = x < 2.2250738585072014e-308
    y = x * 18014398509481984.0 if tiny else x  # 2^54 makes a subnormal normal
    y = y if x > 0.0 else 1.0
    y = y if x < INF else 1.0
    shift = -54.0 if tiny else 0.0
    inside = log_positive(y) + shift * LN2_HIGH + shift * LN2_LOW
    outside = -INF if x == 0.0 else NAN
    result = outside if x <= 0.0 else inside
    return result if x < INF else x


def remainder(x: float) -> tuple[float, float, int]:
    """x - n pi/2 as a sum of two doubles, n = round(2 x / pi), and an integer whose last two bits are those of n."""
    t = x * TWO_OVER_PI + ROUND
    n = t - ROUND
    a = (x - n * HALF_PI_1) - n * HALF_PI_2  # exact
    # From here on a difference rounds, and (old - new) - subtrahend is what it lost, exactly.
    w = n * HALF_PI_3
    b = a - w
    lost = (a - b) - w
    w = n * HALF_PI_4
    c = b - w
    lost = lost + (((b - c) - w) - n * HALF_PI_5)
    r = c + lost
    return r, (c - r) + lost, int(np.float64(t).view(np.int64))


def sine(r: float, c: float) -> float:
    """sin r + c cos r, sin r = r + r^3 S(r^2), S of degree 5: sin(r + c) for |r| <= pi/4 and c below r's last bit."""
    z = r * r
    p = 1.5902434061033783e-10
    p = p * z + -2.5050865085082273e-08
    p = p * z + 2.7557314455525486e-06
    p = p * z + -0.00019841269832324658
    p = p * z + 0.008333333333326134
    p = p * z + -0.16666666666666652
    return r + (z * r * p + c * (1.0 - 0.5 * z))


def cosine(r: float, c: float) -> float:
    """cos(r + c), as `sine`: cos r - c sin r, cos r = 1 - r^2/2 + r^4 C(r^2), C of degree 5."""
    z = r * r
    p = -1.1371028966548152e-11
    p = p * z + 2.0875951699947064e-09
    p = p * z + -2.7557316099231985e-07
    p = p * z + 2.4801587295759776e-05
    p = p * z + -0.0013888888888884507
    p = p * z + 0.04166666666666666
    half = 0.5 * z
    w = 1.0 - half
    return w + (((1.0 - w) - half) + (z * z * p - r * c))


def sin(x: float) -> float:
    """sin x = sin r, cos r, -sin r or -cos r for n mod 4 = 0, 1, 2, 3, where n = round(2 x / pi), r = x - n pi/2.

    Domain: |x| <= 2^27 pi/2 = 2.1e8, where n times each part of pi/2 is exact; nan beyond it.  sin(-0.0) = -0.0.
    Error: 0.76 ulp; at the doubles next to multiples of pi/2 it is 0.50.
    """
    r, c, n = remainder(x)
    s = cosine(r, c) if (n & 1) != 0 else sine(r, c)
    s = -s if (n & 2) != 0 else s
    s = x if x == 0.0 else s  # keeps the sign of zero
    s = s if x <= LARGEST_ANGLE else NAN
    return s if x >= -LARGEST_ANGLE else NAN


def cos(x: float) -> float:
    """cos x = cos r, -sin r, -cos r or sin r for n mod 4 = 0, 1, 2, 3, with n and r as in `sin`.

    Domain: |x| <= 2^27 pi/2 = 2.1e8, as for `sin`; nan beyond it.
    Error: 0.77 ulp; at the doubles next to multiples of pi/2 it is 0.50.
    """
    r, c, n = remainder(x)
    s = sine(r, c) if (n & 1) != 0 else cosine(r, c)
    s = -s if ((n + 1) & 2) != 0 else s
    s = s if x <= LARGEST_ANGLE else NAN
    return s if x >= -LARGEST_ANGLE else NAN


def sincos_turns(u: float) -> tuple[float, float]:
    """(sin 2 pi u, cos 2 pi u), from sin and cos of pi f / 2 with n = round(4 u), f = 4 u - n.

    Domain: |u| <= 2^48 (made for [0, 1)); the reduction is exact, and multiples of 1/4 give exactly 0, 1 and -1.
    Error: 1.6 ulp.
    """
    v = 4.0 * u
    t = v + ROUND
    f = v - (t - ROUND)
    z = f * f
    p = 5.636360964983951e-08
    p = p * z + -3.5986623357240436e-06
    p = p * z + 0.00016044115637073864
    p = p * z + -0.004681754133122526
    p = p * z + 0.07969262624609326
    p = p * z + -0.6459640975062455
    s = f * 1.5707963267948966 + f * (z * p + TURN_LOW)
    p = -6.32378446176759e-09
    p = p * z + 4.7106326463832675e-07
    p = p * z + -2.5202037593197276e-05
    p = p * z + 0.000919260274331133
    p = p * z + -0.020863480763325074
    p = p * z + 0.25366950790104736
    p = p * z + -1.2337005501361697
    c = 1.0 + z * p
    quadrant = np.float64(t).view(np.int64)
    swap = (quadrant & 1) != 0
    sine = np.float64(c if swap else s).view(np.int64) ^ ((quadrant >> 1) << 63)
    cosine = np.float64(s if swap else c).view(np.int64) ^ (((quadrant + 1) >> 1) << 63)
    return np.int64(sine).view(np.float64), np.int64(cosine).view(np.float64)


def tanh(x: float) -> float:
    """tanh x = E / (E + 2) with E = e^(2 x) - 1 = 2^n (e^r - 1) + (2^n - 1), of |x|, and the sign put back.

    Domain: the whole line; odd, tanh(inf) = 1, and x itself where x is tiny.
    Error: 2.3 ulp.
    """
    y = -2.0 * x if x < 0.0 else 2.0 * x
    y = 44.0 if y > 44.0 else y  # tanh 22 rounds to 1
    t = y * LOG2_E + ROUND
    n = t - ROUND
    r = (y - n * LN2_HIGH) - n * LN2_LOW
    scale = np.int64(((np.float64(t).view(np.int64) + 1023) & 0x7FF) << 52).view(np.float64)
    e = scale * (r + exp_tail(r)) + (scale - 1.0)
    result = e / (e + 2.0)
    result = -result if x < 0.0 else result
    return x if x == 0.0 else result
