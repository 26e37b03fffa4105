"""p_global against ends that an ODE solver labels: which minimum is global is asked of the values found there."""

from pathlib import Path
from types import FunctionType

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

from dynbench import Arm, Starts, Sweep, find, run
from dynbench.losses.base import Loss
from dynbench.outcomes.intervals import interval
from dynbench.sweep.scales import default_lr

USERS = {
    "wells": '''"""A symmetric double well in each of three coordinates: eight equal minima."""

from dynbench import Loss, Minimum


def value_grad(x, g):
    total = 0.0
    for d in range(len(x)):
        u = x[d] * x[d] - 1.0
        g[d] = x[d] * u
        total = total + 0.25 * (u * u)
    return total


loss = Loss(
    "Σ (x_i² - 1)²/4", "textbook", ((-2.0, 2.0),), 3, separable=True, value_grad=value_grad, separators=(0.0,),
    minima=(Minimum((-1.0,), 0.0, (2.0,), 0.25, 1.0), Minimum((1.0,), 0.0, (2.0,), 0.25, 1.0)), quench_lr=0.1,
)
''',
    "bowl": '''"""A bowl with one minimum, turned so that it is not separable."""

from dynbench import Loss, Minimum


def value_grad(x, g):
    g[0] = 2.0 * x[0] + x[1]
    g[1] = x[0] + 3.0 * x[1]
    return 0.5 * (x[0] * g[0] + x[1] * g[1])


loss = Loss(
    "x² + xy + 1.5 y²", "textbook", ((-2.0, 2.0),), 2, value_grad=value_grad, quench_lr=0.1,
    minima=(Minimum((0.0, 0.0), 0.0, (1.381966011250105, 3.618033988749895), hessian=((2.0, 1.0), (1.0, 3.0))),),
)
''',
}
STEPS = {"rastrigin": 0.002}  # long enough to leave a well in 40 steps
TEMPERATURES = {"himmelblau": (1.0, 20.0), "rastrigin": (5.0, 20.0)}
NEAR = 1e-4  # of the spread of the values: so near the lowest, a minimum is global


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("users")
    for name, text in USERS.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def flow(loss: Loss, x: np.ndarray) -> np.ndarray:
    """L where gradient flow from each column of x (dim, n) comes to rest; NumPy over the loss's own text."""

    def arrays(function):
        return FunctionType(function.__code__, {**function.__globals__, "math": np}, None, function.__defaults__)

    def of(x):
        if loss.value_grad is None:
            return arrays(loss.value)(x[0]), arrays(loss.grad)(x[0])[None]
        g = np.empty_like(x)
        return arrays(loss.value_grad)(x, g), g

    def down(_, z):
        return -of(z.reshape(x.shape))[1].ravel()

    rate = min(min(m.curvatures) for m in loss.minima)
    ended = solve_ivp(down, (0.0, 60.0 / rate), x.ravel(), method="DOP853", rtol=1e-9, atol=1e-9)
    assert ended.success
    value, g = of(ended.y[:, -1].reshape(x.shape))
    assert np.abs(g).max() < 1e-4 * max(max(m.curvatures) for m in loss.minima)
    return value


def ends(rows: pd.DataFrame, dim: int) -> np.ndarray:
    return rows[["x_final"] if dim == 1 else [f"x_final_{d}" for d in range(dim)]].to_numpy().T


@pytest.mark.parametrize("name", [*find.losses(), *USERS])
def test_against_an_ode_solver(name, home, tmp_path):
    """150 uniform starts, 40 noisy steps at two temperatures (seed 0): the same ends, one by one, are global."""
    path = str(home / f"{name}.py") if name in USERS else name
    loss = find.loss(path)
    loss = loss.at(loss.dim or 2)
    axes = {"lr": (STEPS.get(name, default_lr(loss)),), "temperature": TEMPERATURES.get(name, (0.5, 5.0))}
    result = run(Sweep(path, (Arm("gradient", axes),), Starts("uniform", 150), steps=40, dim=loss.dim), out=tmp_path)
    rows = result.trajectories
    assert (rows["status"] != "diverged").all()
    value = flow(loss, ends(rows, loss.dim))
    spread = max(np.ptp(value), max(m.value for m in loss.minima) - min(m.value for m in loss.minima), 1e-3)
    rows["global"] = value <= loss.minimum_value + NEAR * spread
    for _, cell in result.cells.iterrows():
        own = rows[(rows["temperature"] == cell["temperature"]) & (rows["start_basin"] == cell["start_basin"])]
        assert cell["unknown"] == 0
        assert cell["p_global"] == own["global"].mean()
        assert (cell["p_global_lo"], cell["p_global_hi"]) == tuple(map(float, interval(own["global"].sum(), len(own))))
    if name in ("himmelblau", "quadratic", "wells", "bowl"):
        assert (result.cells["p_global"] == 1.0).all()
    else:
        assert 0.0 < rows["global"].mean() < 1.0


def test_what_is_absorbed_in_the_only_minimum_is_at_the_global_one(home, tmp_path):
    """A 2-D bowl, noiseless descent from 100 starts."""
    arm = Arm("gradient", {"lr": (0.25,)})
    cells = run(Sweep(str(home / "bowl.py"), (arm,), Starts("uniform", 100), steps=500, dim=2), out=tmp_path).cells
    assert cells[["converged", "absorbed"]].sum(axis=1).tolist() == [100]
    assert cells["p_global"].tolist() == [1.0]
    assert cells[["inside", "unknown"]].to_numpy().tolist() == [[100, 0]]


def test_a_start_exactly_on_a_barrier_is_in_no_basin(home, tmp_path):
    """It stays there: no exit, no commitment, an end of which no basin is known; its neighbours are as ever."""
    starts = Starts("points", 3, ((0.0, -0.5, 0.5), (1e-300, -0.5, 0.5), (-0.5, -0.5, 0.5)))
    arm = Arm("gradient", {"lr": (0.1,)})
    result = run(Sweep(str(home / "wells.py"), (arm,), starts, steps=100, dim=3), out=tmp_path)
    rows = result.trajectories
    assert rows["start_basin"].tolist() == [-1, 5, 4]
    assert rows["basin_final"].tolist() == [-1, 5, 4]
    assert rows["x_final_0"].iloc[0] == 0.0
    assert rows[["t_exit", "t_commit"]].to_numpy().tolist() == [[-1, -1]] * 3
    cells = result.cells.set_index("start_basin")
    assert cells.loc[-1, ["inside", "escaped", "p_escape", "committed", "p_global"]].isna().all()
    assert cells["unknown"].tolist() == [1, 0, 0]
    assert (cells.loc[-1, "p_global_lo"], cells.loc[-1, "p_global_hi"]) == (0.0, float(interval(1, 1)[1]))
    assert cells.loc[[5, 4], "p_global"].tolist() == [1.0, 1.0]


def test_residence_counts_the_steps_in_any_global_basin(home, tmp_path):
    """All 41 of a symmetric double well in three coordinates, of which many leave their basin."""
    arm = Arm("gradient", {"lr": (0.1,), "temperature": (0.5,)})
    sweep = Sweep(str(home / "wells.py"), (arm,), Starts("uniform", 150), steps=40, dim=3, record=("global_steps",))
    rows = run(sweep, out=tmp_path).trajectories
    assert (rows["t_exit"] >= 0).any()
    assert (rows["global_steps"] == 41).all()
