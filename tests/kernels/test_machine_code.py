"""The compiled step holds full-width SIMD arithmetic and calls nothing outside itself: no libm, no Numba run time."""

import platform
import re

import llvmlite.binding
import pytest

from dynbench import find
from dynbench.kernels.compile import module_of
from dynbench.kernels.step import RECORDS, Variant
from dynbench.kernels.texts import pair_source

FEATURES = llvmlite.binding.get_host_cpu_features()
pytestmark = [
    pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads x86-64 machine code"),
    pytest.mark.skipif(not FEATURES.get("avx2"), reason="this processor's vectors are narrower than 256 bits"),
]
CASES = {
    "capped on the quartic": ("quartic", 1, "capped", Variant()),
    "noisy gradient on the quartic": ("quartic", 1, "gradient", Variant(noisy=True)),
    "noise in the gradient": ("quartic", 1, "gradient", Variant(gradient_noisy=True)),
    "capped on Himmelblau": ("himmelblau", 2, "capped", Variant()),
    "gradient on Rastrigin-10": ("rastrigin", 10, "gradient", Variant()),
    "rmsprop on Rastrigin-10": ("rastrigin", 10, "rmsprop", Variant()),
    "all records": ("quartic", 1, "sps_max", Variant(record=RECORDS)),
}


def machine_code(name: str, dim: int, rule: str, variant: Variant) -> str:
    """Of the pair's functions, without their door, which tells of errors."""
    text, _ = pair_source(find.loss(name, dim), find.dynamics(rule), variant)
    return asm(text)


def asm(text: str) -> str:
    code = module_of(text).door._library.get_asm_str()
    return "".join(re.findall(r"(?ms)^_ZN\S+:.*?^\.Lfunc_end", code))


@pytest.mark.parametrize("case", CASES)
def test_steps_are_wide_and_call_nothing(case, tmp_path, monkeypatch):
    monkeypatch.setenv("DYNBENCH_CACHE", str(tmp_path))
    code = machine_code(*CASES[case])
    assert len(code) > 1000
    wide = re.findall(r"\bv(?:mul|add|sub|div|sqrt)pd\b[^\n]*%[yz]mm", code)
    assert len(wide) > 15
    if CASES[case][2] == "capped":
        assert re.search(r"\bvdivpd\b[^\n]*%[yz]mm", code)
    # A call goes through an address in a register: `movabsq $name, %rax`.  Only the door calls the step itself.
    named = set(re.findall(r"movabsq\s+\$([A-Za-z_][\w.$]*)", code)) | set(re.findall(r"callq?\s+([A-Za-z_]\S*)", code))
    assert {n for n in named if not re.match(r"_ZN.*(begin|evaluate|advance)", n)} == set()


def test_a_call_of_libm_would_be_seen(tmp_path, monkeypatch):
    """NumPy's sine in the place of our own: the test above would tell."""
    monkeypatch.setenv("DYNBENCH_CACHE", str(tmp_path))
    path = tmp_path / "mine.py"
    text = "import math\n\n\ndef step(x, g, value, norm, lr, state):\n    return -lr * math.sin(g), state\n"
    path.write_text(text, encoding="utf-8")
    text, _ = pair_source(find.loss("quartic"), find.dynamics(str(path)), Variant())
    before, advance = text.split("def advance")
    code = asm(before + "def advance" + advance.replace("elementary_sin(", "np.sin("))
    assert re.search(r"movabsq\s+\$\w*sin\w*|callq?\s+\w*sin", code)
