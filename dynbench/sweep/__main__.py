"""python -m dynbench.sweep: from the command line to a folder of results and a table."""

import json
import math
import shlex
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dynbench.doors import answered, replied
from dynbench.progress import Bar
from dynbench.sweep import arguments

if TYPE_CHECKING:
    import pandas as pd

    from dynbench.sweep.grid import Plan
    from dynbench.sweep.limits import Estimate
    from dynbench.sweep.run import Job, Result

DONE, PARTIAL = 0, 3  # see `doors` for the others


def main(argv: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    kept = "interrupted: finished chunks are kept, and the same command goes on from there"
    return replied(lambda: swept(arguments.read(argv), argv), kept)


def swept(request: arguments.Request, argv: list[str]) -> int:
    from dynbench.store import Run
    from dynbench.sweep import limits
    from dynbench.sweep.axes import whole
    from dynbench.sweep.grid import Plan

    how = request.how
    workers = whole(how.workers, "--workers", 1, 4096) if how.workers is not None else None
    chunk = whole(how.chunk, "--chunk", 1, 10**9) if how.chunk is not None else None
    sweep = arguments.sweep_of(request)
    plan = Plan(sweep)
    cost = limits.estimate(plan, workers)
    if how.dry_run:
        print(dry(plan, cost, Path(how.out), how.json))
        return DONE

    from dynbench.sweep.run import LARGEST_BATCH, ChunksFailed, Job, run_job

    command, job = repeat(argv), Job(plan)
    if cost.much and not Run(Path(how.out) / job.name).finished:  # else it is only shown again
        limits.check_room(cost, Path(how.out))
        limits.check_much(cost, how.yes, how.quiet)
    bar = Bar(plan.updates, quiet=how.quiet or how.json, beyond="splitting" if sweep.rare else "")
    try:
        with bar:
            result = run_job(job, how.out, workers, chunk or LARGEST_BATCH, bar.update, command, how.self_check)
    except ChunksFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return PARTIAL
    pictures = drawn(result, plan)
    if how.json:
        print(as_json(result, plan))
    elif not how.quiet:
        print(told(job, result, pictures, command))
    return DONE


def repeat(argv: list[str]) -> str:
    """The command that repeats a run: without the flags that change no result."""
    kept: list[str] = []
    skip = False
    for place, word in enumerate(argv):
        name, equals, _ = word.partition("=")
        if skip or name in ("--json", "--quiet", "-q", "--yes", "--no-self-check"):
            skip = False
        elif name in ("--workers", "--chunk", "--out"):
            skip = not equals and place + 1 < len(argv)
        else:
            kept.append(word)
    return shlex.join(["python", "-m", "dynbench.sweep", *kept])


def dry(plan: "Plan", cost: "Estimate", out: Path, as_object: bool) -> str:
    """How much work a sweep is, and whether it would begin unasked."""
    from dynbench.sweep import limits

    free = limits.room(out)
    if as_object:
        return json.dumps(
            {"schema": 1, "trajectories": cost.trajectories, "updates": cost.updates, "seconds": cost.seconds,
             "bytes": cost.bytes, "bytes_free": free, "needs_yes": cost.much}
        )  # fmt: skip
    lines = [
        f"{cost.trajectories} trajectories of {plan.sweep.steps} steps: {cost.updates:.3g} updates, {cost.words}."
        " Nothing was run."
    ]
    if plan.sweep.until is not None:
        lines.append("--until may add to this, up to 1e11 updates.")
    if cost.bytes > free:
        lines.append(f"It would be refused: the disk of {out} has {limits.size(free)} free.")
    elif cost.much:
        lines.append("It needs --yes, or a yes on the terminal.")
    return " ".join(lines)


def drawn(result: "Result", plan: "Plan") -> list[str]:
    """Draws the pictures, unless they are there; what cannot be drawn or stored is told on stderr."""
    from dynbench.report import figures

    there = sorted(result.directory.glob("*.png"))
    if result.fresh or not there:
        try:
            made = figures.drawings(result, plan.loss)
            there = figures.save(made.pictures, result.directory)
            missing = list(made.missing)
        except BaseException as error:  # all pictures or none: the same command draws them again
            for picture in result.directory.glob("*.png"):
                picture.unlink()
            if not isinstance(error, Exception):
                raise
            there, missing = [], [f"the pictures are missing ({type(error).__name__}: {error})"]
        for sentence in missing:
            print(f"note: {sentence}", file=sys.stderr)
    return [path.name for path in there]


def clean(value: Any) -> Any:
    """JSON has neither nan nor infinity: null stands for what is not there."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def as_json(result: "Result", plan: "Plan") -> str:
    def rows(table: "pd.DataFrame") -> list[dict[Hashable, Any]]:
        return [{k: clean(v) for k, v in row.items()} for row in table.astype(object).to_dict("records")]

    content = {
        "schema": 1, "run": result.manifest["run"], "directory": str(result.directory), "updates": result.updates,
        "kernel_seconds": result.kernel_seconds, "cells": rows(result.cells), "summary": rows(result.summary()),
    }  # fmt: skip
    if plan.sweep.until is not None:
        from dynbench.sweep.until import not_reached

        content["not_reached"] = not_reached(result.cells, plan)  # places in `cells`
    return json.dumps(content, allow_nan=False)


def told(job: "Job", result: "Result", pictures: list[str], command: str) -> str:
    """The table, and then where things are and how fast it went."""
    from dynbench.outcomes.aggregate import BINNED
    from dynbench.outcomes.probe import is_capped_flow, is_plain_gradient
    from dynbench.sweep.definition import elsewhere
    from dynbench.sweep.grid import is_noisy
    from dynbench.sweep.printed import printed
    from dynbench.sweep.table import begun, nowhere, wrapped

    plan = job.plan
    lines = [f"{plan.loss.name}: L = {plan.loss.formula}", ""]
    starts = job.sweep.starts.words(plan.loss)
    capped = {a.dynamics.name for a in plan.arms if is_capped_flow(a.dynamics)}
    gradient = {a.dynamics.name for a in plan.arms if is_plain_gradient(a.dynamics)}
    cells = result.cells
    lines.append(printed(result.summary(), job.context, starts, capped, gradient, nowhere(cells), begun(cells)))
    if job.sweep.keep == "cells":
        lines += wrapped(BINNED)
    if job.sweep.until is not None:
        from dynbench.sweep.until import words

        lines += words(result.cells, plan)
    if plan.sweep.rare and not all(is_noisy(rows).all() for rows in plan.arms):
        lines.append("--rare: what has no noise cannot be split, and stays as it was counted.")
    lines += ["", f"results   {result.directory}", f"pictures  {', '.join(pictures) or 'none'}", f"again     {command}"]
    lines.append(f"report    {shlex.join(['python', '-m', 'dynbench.report', str(result.directory)])}")
    lines += elsewhere(result.manifest)
    if result.fresh and result.kernel_seconds > 0:
        rate = result.updates / result.kernel_seconds / 1e9
        split = f" ({result.split_steps:.3g} of them of splitting)" if result.split_steps else ""
        if not split and result.updates < 0.99 * int(cells["n"].sum()) * job.context.steps:
            split = " (what rests stops early)"
        lines.append(
            f"speed     {result.updates:.3g} updates{split} in {result.kernel_seconds:.2f} s of kernels,"
            f" {rate:.2f} G updates/s"
        )
    else:
        there = "another run had all its rows" if result.fresh else "this run was already there"
        lines.append(f"speed     nothing was computed: {there}")
    if result.self_check:
        lines.append(f"checked   {result.self_check}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(answered(main))
