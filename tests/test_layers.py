"""Who may import whom, read off the import statements: each layer only what stands before it."""

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

HOME = Path(__file__).parents[1] / "dynbench"
LAYERS = (("doors", "progress", "columns", "current_folder", "digits", "flags"), ("losses",), ("dynamics",),
          ("basins", "batch", "definition", "files", "find", "lowest"), ("kernels", "scale"), ("backends",),
          ("outcomes", "theory"), ("store",), ("sweep",), ("report",))  # fmt: skip
HEIGHT = {name: height for height, layer in enumerate(LAYERS) for name in layer}
FRONT_DOORS = {"__init__.py", "compare.py", "explain.py", "list.py", "replay.py"}  # commands, as is every __main__.py
PUBLIC = {"Loss", "Minimum", "Dynamics", "Arm", "Sweep", "run", "__version__"}  # names of dynbench itself
FILES = [p for p in sorted(HOME.rglob("*.py")) if str(p.relative_to(HOME)) not in FRONT_DOORS and p.stem != "__main__"]


def imported(path: Path) -> set[str]:
    """First parts of what a file imports of dynbench, at any depth of its text: `kernels`, `find`, ..."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{a.name}" for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return {name.split(".")[1] for name in found if name.startswith("dynbench.")}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(HOME)))
def test_a_file_imports_only_what_stands_before_it(path):
    layer = path.relative_to(HOME).parts[0].removesuffix(".py")
    assert layer in HEIGHT, f"{layer} has no place among the layers"
    known = imported(path)
    assert known <= set(HEIGHT) | PUBLIC, "not a layer"
    assert {name for name in known & set(HEIGHT) if HEIGHT[name] > HEIGHT[layer]} == set()
