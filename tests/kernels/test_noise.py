"""noise: the published vectors of Philox, the same bits compiled and plain, moments, distributions, independence."""

import re
from types import FunctionType
from typing import Any

import llvmlite.binding
import numpy as np
import pytest
from numba import njit
from scipy import stats

from dynbench.kernels import elementary, noise

pytestmark = pytest.mark.quick

# Random123's known answers: four words of counter, two of key -> four words.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
ALPHA = 1e-3  # of each statistical test; seeds are fixed, so they pass or fail for good
COUNT = 200_000


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    """The functions compiled as the linker does it."""
    scope: dict[str, Any] = {}
    for module in (elementary, noise):
        for name, thing in vars(module).items():
            if not isinstance(thing, FunctionType):
                scope[name] = thing
            elif thing.__module__ == module.__name__:
                scope[name] = njit(error_model="numpy", forceinline=True)(FunctionType(thing.__code__, scope, name))
    return scope


@pytest.fixture(scope="module")
def draw(compiled: dict[str, Any]) -> Any:
    """draw(steps, coordinate, streams, seed, first) -> pairs (2, steps, streams) of normals, from a first pair on."""
    normals = compiled["normals"]

    @njit(error_model="numpy")
    def fill(out, coordinate, stream, seed, first):
        for k in range(out.shape[1]):
            for i in range(stream.size):
                out[0, k, i], out[1, k, i] = normals(first + k, coordinate, stream[i], seed)

    def draw(pairs: int, coordinate: int, stream: np.ndarray, seed: int, first: int = 0) -> np.ndarray:
        out = np.empty((2, pairs, stream.size))
        fill(out, coordinate, stream, seed, first)
        return out

    return draw


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(counter: str, key: str, answer: str, compiled: dict[str, Any]) -> None:
    arguments = [*words(counter), *words(key)]
    assert list(noise.philox(*arguments)) == words(answer)
    assert list(compiled["philox"](*arguments)) == words(answer)
    columns: list[Any] = [np.array([word, 0]) for word in arguments]
    assert [int(column[0]) for column in noise.philox(*columns)] == words(answer)


def test_compiled_and_plain_agree_to_the_last_bit(draw: Any) -> None:
    stream = np.random.default_rng(5).integers(-(2**63), 2**63 - 1, 70)
    for seed, coordinate in [(0, 0), (-1, 3), (2**63 - 1, 2 | noise.GRADIENT)]:
        drawn = draw(10, coordinate, stream, seed)
        for k in range(10):
            plain = [noise.normals(k, coordinate, s, seed) for s in stream]  # s: NumPy's int64
            assert (drawn[:, k] == np.array(plain).T).all()
            assert plain[0] == noise.normals(k, coordinate, int(stream[0]), seed)
        assert (draw(10, coordinate, stream.view(np.uint64), seed) == drawn).all()


def test_noise_does_not_repeat_in_1e12_steps(draw: Any) -> None:
    """The pair's high half goes into the coordinate's word; where it is 0 the numbers are those of before."""
    known = {
        (0, 0, 1, 2): ("0x1.a5573696f768dp+0", "0x1.d5a9cb6544430p-1"),
        (2**32 - 1, 4095, -5, 7): ("0x1.333b4329084cep-4", "-0x1.662f9ede40b24p-1"),
        (1249, 3 | noise.GRADIENT, 2**63 - 1, 2**64 - 1): ("0x1.200aa3a01f7fep+0", "0x1.42352adbe0743p-4"),
    }
    for arguments, pair in known.items():
        assert tuple(z.hex() for z in noise.normals(*arguments)) == pair
    pairs = [0, 1, 2**32 - 1, 2**32, 2**32 + 1, 7 * 2**32, 5 * 10**11, 2**42 - 1]
    drawn = [noise.normals(k, d | use, 3, 4) for k in pairs for d in (0, 1, 7, 4095) for use in (0, noise.GRADIENT)]
    assert len(set(drawn)) == len(drawn)
    stream = np.arange(70)
    late = draw(1, 2, stream, 9, 2**32 + 5)
    assert (late[:, 0] == np.array([noise.normals(2**32 + 5, 2, s, 9) for s in stream]).T).all()
    assert (late != draw(1, 2, stream, 9, 5)).all()


def test_a_uint64_is_its_bits_as_int64() -> None:
    assert noise.normals(1, 2, 2**64 - 5, 2**64 - 7) == noise.normals(1, 2, -5, -7)


@pytest.mark.skipif(
    not llvmlite.binding.get_host_cpu_features().get("avx2"), reason="the names of the packed instructions are AVX's"
)
def test_lane_loop_is_packed(compiled: dict[str, Any]) -> None:
    normals = compiled["normals"]

    @njit(error_model="numpy")
    def lanes(out, stream, pair, seed):
        for i in range(64):
            s, c = normals(pair, 0, stream[i], seed)
            out[i] = s + c

    lanes(np.empty(64), np.arange(64), 0, 0)
    assembly = next(iter(lanes.inspect_asm().values()))
    for instruction in ("vmulpd", "vpmuludq", "vsqrtpd"):
        assert re.search(instruction + ".*%[yz]mm", assembly)
    assert "vpmullq" not in assembly


def test_vector_width_does_not_matter(draw: Any) -> None:
    stream = np.arange(67)
    whole = draw(4, 0, stream, 1)
    assert all((draw(4, 0, stream[i : i + 1], 1)[..., 0] == whole[..., i]).all() for i in range(67))


@pytest.mark.statistics
@pytest.mark.parametrize("coordinate", [0, 5 | noise.GRADIENT])
def test_normals_are_normal(draw: Any, coordinate: int) -> None:
    """alpha = 1e-3 for each comparison, n = 200 000, seed 11."""
    for z in draw(1000, coordinate, np.arange(COUNT // 1000), 11).reshape(2, -1):
        assert stats.kstest(z, "norm").pvalue > ALPHA
        for power, mean, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
            score = (np.mean(z**power) - mean) / np.sqrt(variance / z.size)
            assert 2 * stats.norm.sf(abs(score)) > ALPHA, power


def uncorrelated(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether values, and sizes, of two samples pass a test of correlation at level ALPHA."""
    pairs = [(a, b), (a * a, b * b), (a, b * b), (a * a, b)]
    return all(stats.pearsonr(x.ravel(), y.ravel()).pvalue > ALPHA for x, y in pairs)


@pytest.mark.statistics
def test_normals_are_independent(draw: Any) -> None:
    """alpha = 1e-3 for each of four correlations, n = 200 000, seeds 12 and 13.

    Compared: sine with cosine, neighbours in time, in streams and in coordinates, other and gradient noise, two seeds.
    """
    stream = np.arange(COUNT // 1000)
    z = draw(1000, 0, stream, 12)
    assert uncorrelated(z[0], z[1])
    assert uncorrelated(z[1, :-1], z[0, 1:])
    assert uncorrelated(z[0, :-1], z[0, 1:])
    assert uncorrelated(z[..., :-1], z[..., 1:])
    assert uncorrelated(z, draw(1000, 1, stream, 12))
    assert uncorrelated(z, draw(1000, noise.GRADIENT, stream, 12))
    assert uncorrelated(z, draw(1000, 0, stream, 13))


@pytest.mark.statistics
def test_uniforms() -> None:
    """alpha = 1e-3, n = 200 000, seed 14."""
    index = np.arange(COUNT)
    u = noise.uniforms(index, 0, 0, 14)
    assert u.min() >= 0.0
    assert u.max() < 1.0
    assert stats.kstest(u, "uniform").pvalue > ALPHA
    for other in (noise.uniforms(index, 1, 0, 14), noise.uniforms(index, 0, 1, 14), noise.uniforms(index, 0, 0, 15)):
        assert uncorrelated(u, other)


def test_uniforms_have_53_bits() -> None:
    scaled = noise.uniforms(np.arange(100), 0, 0, 1) * 2.0**53
    assert (scaled == np.floor(scaled)).all()
    assert (scaled % 2 == 1).any()


def test_uniforms_depend_on_their_arguments_alone() -> None:
    index = np.array([[0, 1, 2], [3, 4, 2**40]])
    u = noise.uniforms(index, 2, 3, -9)
    assert u.shape == index.shape
    assert u[1, 1] == noise.uniforms(4, 2, 3, -9)
    assert (noise.uniforms(index.astype(np.uint64), 2, 3, -9) == u).all()
    assert noise.uniforms(np.uint64(2**64 - 1), 2, 3, -9) == noise.uniforms(-1, 2, 3, -9)
    assert noise.uniforms(np.empty(0, np.int64), 0, 0, 0).shape == (0,)


def test_streams_are_distinct() -> None:
    x0 = np.stack([np.linspace(-3, 3, 1000), np.zeros(1000)])
    starts = np.concatenate([x0, x0[::-1]], axis=1)  # swapped coordinates are other starts
    ids = np.concatenate([noise.streams(starts, np.full(2000, repeat)) for repeat in range(10)])
    assert ids.dtype == np.uint64
    assert np.unique(ids).size == ids.size


def test_a_stream_depends_on_its_start_and_repeat_alone() -> None:
    x0 = np.array([[0.5, 0.0, -0.0], [1.0, -0.0, 0.0]])
    ids = noise.streams(x0, np.array([4, 7, 7]))
    assert ids[1] == ids[2]
    assert ids[0] == noise.streams(x0[:, :1], np.array([4]))[0]
    assert ids[0] != noise.streams(x0[:, :1], np.array([5]))[0]
    assert (noise.streams(np.asfortranarray(x0), np.array([4, 7, 7], np.uint64)) == ids).all()


def test_a_stream_of_a_known_start() -> None:
    """The chain written out in Python's integers."""
    state, full = 0, 2**64 - 1
    for word in (int(np.float64(1.5).view(np.uint64)), 3):
        state = ((state ^ word) + 0x9E3779B97F4A7C15) & full
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & full
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & full
        state ^= state >> 31
    assert noise.streams(np.array([[1.5]]), np.array([3]))[0] == state


def test_streams_of_neighbouring_starts_are_unlike() -> None:
    """A change of one bit changes about 32 of the 64 (mean over 52 x 1000 pairs within 0.1)."""
    x = np.linspace(1.0, 2.0, 1000)
    repeat = np.zeros(1000, np.int64)
    base = noise.streams(x[None], repeat)
    near = [(x.view(np.uint64) ^ np.uint64(1 << bit)).view(np.float64) for bit in range(52)]
    flips = [noise.streams(other[None], repeat) for other in near]
    changed = np.mean([np.bitwise_count(base ^ other).mean() for other in flips])
    assert abs(changed - 32) < 0.1
