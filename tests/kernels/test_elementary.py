"""elementary: errors against mpmath, special values, the same bits compiled and plain, and no libm in a lane loop."""

import math
import platform
import re
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import llvmlite.binding
import numpy as np
import pytest
from mpmath import floor, mp, mpf
from mpmath import log as mp_log
from numba import njit

from dynbench.kernels import elementary

pytestmark = pytest.mark.quick

EXACT = {"exp": mp.exp, "log": mp.ln, "sin": mp.sin, "cos": mp.cos, "tanh": mp.tanh}
ALLOWED = {"exp": 1.0, "log": 1.0, "sin": 1.0, "cos": 1.0, "tanh": 3.0}  # ulp
LARGEST = elementary.LARGEST_ANGLE


def linked(*modules: ModuleType) -> dict[str, Any]:
    """Every function of the modules, compiled the way the linker does it: each sees the others compiled."""
    scope: dict[str, Any] = {}
    for module in modules:
        for name, thing in vars(module).items():
            if not isinstance(thing, FunctionType):
                scope[name] = thing
            elif thing.__module__ == module.__name__:
                copy = FunctionType(thing.__code__, scope, name)
                scope[name] = njit(error_model="numpy", forceinline=True)(copy)
    return scope


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    return linked(elementary)


def mapped(f: Callable[[float], float]) -> Callable[[np.ndarray, np.ndarray], None]:
    """A compiled loop over the lanes of an array."""

    @njit(error_model="numpy")
    def loop(x, y):
        for group in range(x.size // 64):
            for i in range(64):
                y[64 * group + i] = f(x[64 * group + i])

    return loop


def values(f: Callable[[float], float], x: np.ndarray) -> np.ndarray:
    """f of an array, compiled; in whole groups of 64 lanes."""
    padded = np.concatenate([x, np.ones(-x.size % 64)])
    y = np.empty_like(padded)
    mapped(f)(padded, y)
    return y[: x.size]


def plain(name: str, x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.array([getattr(elementary, name)(float(v)) for v in x])


def same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Equal to the last bit and in the sign of zero; any nan equals any other."""
    return (a.view(np.int64) == b.view(np.int64)) | (np.isnan(a) & np.isnan(b))


def ulps(y: float, exact: mpf) -> float:
    """Error in units of the last place of the exact value (the subnormal spacing below 2^-1022)."""
    exponent = -1074 if exact == 0 else max(int(floor(mp_log(abs(exact), 2))) - 52, -1074)
    return float(abs(mpf(float(y)) - exact) / mpf(2) ** exponent)


def near_multiples(rng: np.random.Generator) -> np.ndarray:
    """The doubles next to multiples of pi/2, from the first to the last of the domain."""
    last = 2**27
    ends = [np.arange(1, 100), last - np.arange(1, 50)]
    n = np.concatenate([*ends, 2 ** np.arange(7, 27), rng.integers(100, last, 300)])
    with mp.workprec(200):
        x = np.array([float(int(k) * mp.pi / 2) for k in n])
    return np.concatenate([x, np.nextafter(x, 0.0), np.nextafter(x, math.inf), -x])


def points(name: str) -> np.ndarray:
    """The domain of a function: broad, dense and hard parts of it, with no special values."""
    rng = np.random.default_rng(20240601)
    if name == "exp":
        parts = [rng.uniform(-1, 1, 400), rng.uniform(-745.1, 709.7, 400), rng.uniform(-745.1, -708, 300)]
    elif name == "log":
        bits = [rng.integers(1, 0x7FF0000000000000, 400), rng.integers(1, 2**52, 200)]
        near = 1 + rng.choice([-1, 1], 400) * 10 ** rng.uniform(-16, -1, 400)
        edge = math.sqrt(0.5) + np.arange(-9, 9) / 2**53  # where the exponent taken out changes
        parts = [*(b.view(np.float64) for b in bits), rng.uniform(0.5, 2, 400), near, edge]
    elif name == "tanh":
        parts = [rng.uniform(-1, 1, 500), rng.uniform(-23, 23, 300), 10 ** rng.uniform(-320, 1, 300)]
    else:
        size = 10 ** rng.uniform(-320, math.log10(LARGEST), 300)
        parts = [
            rng.uniform(-4, 4, 500),
            rng.uniform(-LARGEST, LARGEST, 300),
            size,
            near_multiples(rng),
            [LARGEST, -LARGEST],
        ]
    return np.concatenate(parts)


@pytest.mark.parametrize("name", EXACT)
def test_error_against_mpmath(name: str, compiled: dict[str, Any]) -> None:
    x = points(name)
    y = values(compiled[name], x)
    with mp.workprec(200):
        errors = np.array([ulps(b, EXACT[name](mpf(float(a)))) for a, b in zip(x, y, strict=True)])
    worst = int(np.argmax(errors))
    assert errors[worst] <= ALLOWED[name], f"{name}({x[worst]!r})"


@pytest.mark.parametrize("which", [0, 1])
def test_turns_against_mpmath(which: int) -> None:
    u = np.concatenate([np.random.default_rng(7).integers(0, 2**53, 800) / 2**53, np.arange(0, 8) / 8])
    with mp.workprec(200):
        f = (mp.sinpi, mp.cospi)[which]
        errors = [ulps(elementary.sincos_turns(float(v))[which], f(2 * mpf(float(v)))) for v in u]
    assert max(errors) <= 2.0


def test_quarter_turns_are_exact() -> None:
    assert [elementary.sincos_turns(q / 4) for q in range(4)] == [(0, 1), (1, 0), (0, -1), (-1, 0)]


NAN, INF = math.nan, math.inf
SPECIAL = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (709.79, INF), (1e300, INF), (-745.14, 0.0),
            (-1e300, 0.0), (-745.13, 5e-324), (5e-324, 1.0)],
    "log": [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-INF, NAN), (-1.0, NAN), (-5e-324, NAN), (NAN, NAN),
            (5e-324, -744.4400719213812), (1.7976931348623157e308, 709.782712893384)],
    "sin": [(0.0, 0.0), (-0.0, -0.0), (5e-324, 5e-324), (-5e-324, -5e-324), (INF, NAN), (-INF, NAN), (NAN, NAN),
            (np.nextafter(LARGEST, INF), NAN), (-1e300, NAN), (1.7e308, NAN)],
    "cos": [(0.0, 1.0), (-0.0, 1.0), (5e-324, 1.0), (1e-9, 1.0), (INF, NAN), (-INF, NAN), (NAN, NAN),
            (-np.nextafter(LARGEST, INF), NAN), (1e300, NAN), (1.7e308, NAN)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (5e-324, 5e-324), (-1e-310, -1e-310), (1e-17, 1e-17), (INF, 1.0), (-INF, -1.0),
             (NAN, NAN), (22.5, 1.0), (1e300, 1.0), (-1e308, -1.0), (1.7e308, 1.0)],
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_special_values(name: str, compiled: dict[str, Any]) -> None:
    x, expected = np.array(SPECIAL[name]).T.copy()
    for got in (values(compiled[name], x), plain(name, x)):
        assert same(got, expected).all(), list(zip(x, got, expected, strict=True))


@pytest.mark.parametrize("name", EXACT)
def test_compiled_and_plain_agree_to_the_last_bit(name: str, compiled: dict[str, Any]) -> None:
    # Random bits reach every exponent, both signs, infinities' neighbours and nans.
    anything = np.random.default_rng(3).integers(-(2**63), 2**63 - 1, 1500).view(np.float64)
    x = np.concatenate([points(name), anything, [math.inf, -math.inf, math.nan, 0.0, -0.0]])
    assert same(values(compiled[name], x), plain(name, x)).all()


def test_turns_compiled_and_plain_agree_to_the_last_bit(compiled: dict[str, Any]) -> None:
    turns = compiled["sincos_turns"]
    for u in np.random.default_rng(4).random(1000):
        assert turns(u) == elementary.sincos_turns(float(u))


@pytest.mark.parametrize("name", ["sin", "tanh"])
def test_odd(name: str) -> None:
    x = points(name)
    assert same(plain(name, -x), -plain(name, x)).all()


def libm_calls(assembly: str) -> list[str]:
    return re.findall(r"\b(?:exp|log|sin|cos|tanh|sincos)\b(?=,|\s|@)", assembly)


def assembly_of(f: Callable[[float], float]) -> str:
    loop = mapped(f)
    loop(np.ones(64), np.ones(64))
    return next(iter(loop.inspect_asm().values()))


@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64") or not llvmlite.binding.get_host_cpu_features().get("avx2"),
    reason="the names of the packed instructions are those of AVX",
)
@pytest.mark.parametrize("name", EXACT)
def test_lane_loop_is_packed_and_free_of_libm(name: str, compiled: dict[str, Any]) -> None:
    libm = getattr(math, name)
    assert libm_calls(assembly_of(njit(lambda x: libm(x))))  # the search does find a call
    assembly = assembly_of(compiled[name])
    assert not libm_calls(assembly)
    assert re.search(r"vmulpd.*%[yz]mm", assembly)
    assert "vfmadd" not in assembly
    assert "vpmullq" not in assembly
