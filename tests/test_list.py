"""`python -m dynbench.list`: complete, readable, quick."""

import json
import subprocess
import sys

import pytest

from dynbench import find
from dynbench.list import main

pytestmark = pytest.mark.quick


def test_table_names_everything_within_the_terminal(capsys):
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    first = [line.split()[0] for line in lines if line[:1].strip()]
    assert first == ["Losses", *find.losses(), "Rules", *find.rules()]
    text = " ".join(" ".join(lines).split())
    for loss in map(find.loss, find.losses()):
        assert loss.formula in text
        assert loss.source in text
    for rule in map(find.dynamics, find.rules()):
        assert rule.formula in text
        assert rule.source in text


def test_json_is_one_strict_object(capsys):
    assert main(["--json"]) == 0

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    listed = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert list(listed) == ["losses", "dynamics"]
    assert [one["name"] for one in listed["losses"]] == find.losses()
    assert [one["name"] for one in listed["dynamics"]] == find.rules()
    for one in listed["losses"]:
        assert {"name", "formula", "source", "dim", "minima", "parameters"} <= set(one)
        assert len(one["minima"]) == len(find.loss(one["name"]).minima)
    quartic = next(one for one in listed["losses"] if one["name"] == "quartic")
    assert quartic["dim"] == 1
    assert quartic["minima"][1] == {
        "x": [3.0],
        "value": 1.6227594466382319,
        "curvatures": [12.0],
        "barrier": 2.079790696638232,
        "distance": 1.1569296691827465,
    }
    capped = next(one for one in listed["dynamics"] if one["name"] == "capped")
    assert capped["parameters"] == {"cap": 1000.0, "f_star": 0.0}
    assert capped["defaults"] == {"f_star": "lmin"}
    assert capped["bounds"]["cap"] == [0.0, None]
    bowl = next(one for one in listed["losses"] if one["name"] == "quadratic")
    assert bowl["minima"][0]["barrier"] is None
    assert bowl["dim"] is None


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ("--js", "no flag --js, did you mean --json?"),  # it is not taken for --json
        ("--jsn", "no flag --jsn, did you mean --json?"),
        ("extra", "unrecognized arguments: extra"),
    ],
)
def test_usage_errors(flag, sentence, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([flag])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"


def test_it_loads_nothing_heavy():
    script = (
        "import sys; from dynbench.list import main; main(['--json']); "
        "sys.exit(any(m in sys.modules for m in ('numpy', 'numba', 'pandas', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=False).returncode == 0
