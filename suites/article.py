"""python -m suites.article: the article reproduced, as a page in results/published/article/.

Su Jianlin, "A dynamical view of optimisation algorithms, part 3: a more global view" (2019-01-08).  Its two figures,
its printed script as written (in NumPy), and the ensemble of suites/article.toml beside it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from dynbench import find
from dynbench.report import figures
from dynbench.report.page import Section, Table, build
from dynbench.report.style import Picture
from dynbench.store import Run, write_whole
from dynbench.sweep import arguments
from dynbench.sweep.__main__ import repeat
from dynbench.sweep.run import run
from dynbench.theory.thresholds import critical_cap, lyapunov

HERE = Path(__file__).parent
TARGET = HERE.parent / "results" / "published" / "article"
STEPS, STEP, CAP, START = 2500, 0.01, 1000, 4
CONFIG = ["--config", "suites/article.toml"]


@dataclass(frozen=True)
class Demo:
    """The article's script as written: its path, and how often its cap binds."""

    x: np.ndarray  # (STEPS + 1,)
    bound: int  # steps at which 1/|g| > 1000
    steepest: float  # largest 1/|g| on the way

    @property
    def escape(self) -> int:
        """First step left of the maximum between the two minima."""
        return int(np.argmax(self.x < find.loss("quartic_article").separators[0]))


def f(x):
    return x * (x - 1) * (x - 3) * (x - 3) + 1.62276


def g(x):
    return -9 + 30 * x - 21 * x**2 + 4 * x**3


def demo() -> Demo:
    """The article's loop, expression by expression (its arithmetic decides the outcome: the dynamics are chaotic)."""
    xs, bound, steepest = [np.float64(START)], 0, 0.0
    for _ in range(STEPS):
        x = xs[-1]
        inverse = abs(g(x)) / g(x) ** 2
        bound, steepest = bound + (inverse > CAP), max(steepest, float(inverse))
        delta = -np.sign(g(x)) * min(inverse, CAP) * f(x)
        xs.append(x + delta * STEP)
    return Demo(np.array(xs), int(bound), steepest)


def curve() -> Picture:
    """The article's first figure: a function of one variable with two minima."""
    figure = Figure(figsize=(8.2, 3.6))
    axes = figure.add_subplot()
    x = np.linspace(-0.2, 4.2, 500)
    axes.plot(x, f(x), color="black")
    for minimum in find.loss("quartic_article").minima:
        axes.plot(minimum.x, [minimum.value], "o", color="#d55e00")
        place = f"x = {minimum.x[0]:.4f}, L = {minimum.value:.4g}"
        axes.annotate(place, (minimum.x[0], minimum.value), xytext=(0, -16), textcoords="offset points", ha="center")
    axes.set(xlabel="x", ylabel="L(x)", ylim=(-0.7, 6), title="L = x(x - 1)(x - 3)² + 1.62276")
    figure.subplots_adjust(left=0.08, right=0.97, bottom=0.15, top=0.9)
    return Picture("curve", figure, "The article's curve: a global minimum near 0.4069 and a false one at 3.")


def trajectory(path: Demo) -> Picture:
    """The article's second figure: where its script goes."""
    figure = Figure(figsize=(8.2, 3.6))
    axes = figure.add_subplot()
    axes.plot(np.arange(STEPS + 1) * STEP, path.x, color="#009e73", linewidth=1)
    axes.set(xlabel="t", ylabel="θ(t)", title=f"The article's script as written: it leaves at step {path.escape}")
    figure.subplots_adjust(left=0.08, right=0.97, bottom=0.15, top=0.9)
    alt = f"The script's path: it falls to 3, jumps about there, leaves at step {path.escape} and ends near 0.407."
    return Picture("trajectory", figure, alt)


def story(path: Demo, result: Run) -> Section:
    """What was found, in words made of measured numbers."""
    loss = find.loss("quartic_article")
    threshold = critical_cap(loss.minima[1], STEP)
    cells = result.cells[result.cells["start_basin"] == 1].set_index(["dynamics", "cap", "temperature"])
    capped = cells.loc["capped"].reset_index()
    silent, loud = capped[capped["escaped"] == 0]["cap"].max(), capped[capped["escaped"] > 0]["cap"].min()
    best = capped.loc[capped["p_escape"].idxmax()]
    horizon = np.log(2.0**53) / lyapunov(STEP)
    p = dict(zip(capped["cap"], capped.to_dict("records"), strict=True))
    noise = cells.loc["gradient"].reset_index().set_index("temperature")
    rows = result.trajectories
    ours = rows[(rows["dynamics"] == "capped") & (rows["cap"] == CAP)]
    same = ours[ours["x0"] == START].iloc[0]
    left = f"leaves at step {same['t_exit']}" if same["t_exit"] >= 0 else f"is still there after {STEPS} steps"
    share = (ours["limited"] > 0).mean()

    def interval(row) -> str:
        return f"{row['p_escape']:.3f} [{row['p_escape_lo']:.3f}, {row['p_escape_hi']:.3f}]"

    rough = noise.loc[0.6095]
    paragraphs = (
        f"The article's script, run as written in NumPy, leaves the false minimum at step {path.escape} and ends at "
        f"x = {float(path.x[-1])!r}, L = {float(f(path.x[-1]))!r}.",
        f"Its cap M = 1000 never binds: on {path.bound} of {STEPS} steps is 1/|g| above 1000 (the largest is "
        f"{path.steepest:.1f}). What the script shows is the uncapped flow, overshooting with a finite step. In the "
        f"ensemble from x0 in [3.9, 4.1] the cap binds at least once for {share:.1%} of the starts: at a close approach "
        f"to the false minimum, or at the end near the global one, whose value 5.5e-7 is not 0 either.",
        f"In continuous time no cap helps: the capped flow has the orbits of gradient flow. Escapes are made by the "
        f"step, and begin at the cap at which the longest step from the false minimum reaches the basin's boundary, "
        f"M = D/(h L*) = {threshold:.3f}. Measured: no escape among 4001 starts at any cap up to {silent:g}, the first "
        f"ones at {loud:g}.",
        f"Above the threshold a larger M is worse, not better: P(escape within {STEPS} steps) is {interval(best)} at "
        f"M = {best['cap']:g}, {interval(p[1000.0])} at M = 1000 and {interval(p[1e6])} at M = 1e6.",
        f"The single path proves little. The same start x0 = 4 with the same cap, evaluated as dynbench's kernels do "
        f"(the same formula, another order of operations), {left}. Near the false minimum an error grows by a factor "
        f"e^{lyapunov(STEP):.3f} a step, so that after {horizon:.0f} steps there the last bit of x has grown to the size "
        f"of the basin: only the ensemble is meaningful. Half of all starts have left by step "
        f"{p[1000.0]['t_exit_median']:.0f}; of those that leave, half by step {p[1000.0]['t_exit_median_escaped']:.0f}.",
        f"Gaussian noise of temperature T = 0.6095 added to gradient descent escapes about as often, "
        f"{interval(rough)}, but cannot stay: its last L is within 1e-3 of the minimum in {rough['p_final']:.3f} of the "
        f"runs, against {p[1000.0]['p_final']:.3f} for the cap of 1000 and {best['p_final']:.3f} at M = {best['cap']:g}."
        f" The article's doubt, that noise does better, is thus half right on this curve: it is as good at leaving, and "
        f"needs to be switched off to arrive.",
    )
    step = str(same["t_exit"]) if same["t_exit"] >= 0 else f"not in {STEPS}"
    typical = f"{p[1000.0]['t_exit_median_escaped']:.0f} (median of those that leave)"
    last, value = float(path.x[-1]), float(f(path.x[-1]))
    medians = [f"{ours[column].median():.4g} (median)" for column in ("x_final", "loss_final")]
    beside = Table(
        "The article's script beside the ensemble (cap 1000)",
        ("", "article's script in NumPy", "dynbench, x0 = 4", "ensemble, 4001 starts in [3.9, 4.1]"),
        (
            ("leaves at step", str(path.escape), step, typical),
            ("last x", repr(last), f"{same['x_final']:.16g}", medians[0]),
            ("last L", repr(value), f"{same['loss_final']:.16g}", medians[1]),
            (
                "steps at which the cap binds",
                str(path.bound),
                str(same["limited"]),
                f"{ours['limited'].mean():.1f} (mean)",
            ),
        ),
    )
    return Section("The article, reproduced", paragraphs, pictures=(curve(), trajectory(path)), tables=(beside,))


def main() -> int:
    """Runs the experiment (or takes it from results/runs) and writes the page, its pictures and its tables."""
    result = run(arguments.sweep_of(arguments.read(CONFIG)), command=repeat(CONFIG))
    path = demo()
    section = story(path, result)
    pictures = {**figures.draw_all(result), "curve": section.pictures[0], "trajectory": section.pictures[1]}
    TARGET.mkdir(parents=True, exist_ok=True)
    figures.save({n: p for n, p in pictures.items() if n != "sample_paths"}, TARGET)
    title = "A more global view of optimisation algorithms, reproduced"
    write_whole(TARGET / "index.html", build([result], title, [section]).encode())
    for name in ("cells.csv", "manifest.json"):
        write_whole(TARGET / name, (result.directory / name).read_bytes())
    print(f"{TARGET.relative_to(HERE.parent)}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
