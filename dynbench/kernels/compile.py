"""Compiles kernels ahead of time, several processes at once: compilation holds the interpreter's lock."""

import importlib.util
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from dynbench.kernels.native import Code, keep, kept
from dynbench.kernels.rewrite import CannotLift


def module_of(path: Path) -> ModuleType:
    """A kernel's text as a module, compiled now.  Raises CannotLift where it does not compile."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except OSError:  # the disk's fault, not the text's
        raise
    except Exception as error:
        raise CannotLift(f"{first_line(path)} does not compile: {reason(error)}") from error
    finally:
        sys.modules.pop(path.stem, None)
    return module


def translate(path: Path) -> None:
    """Machine code beside a kernel's text."""
    compiled = module_of(path).door
    library = compiled._library
    _, _, (code, _) = library.serialize_using_object_code()
    called = (f.name for f in library._final_module.functions if f.is_declaration and not f.name.startswith("llvm."))
    keep(path, Code(compiled.native_name, tuple(sorted(called)), code))


def first_line(path: Path) -> str:
    """What a kernel's file is made from, for an error message."""
    with path.open(encoding="utf-8") as file:
        return "the kernel" + file.readline().removeprefix('"""Written by dynbench').partition(";")[0]


def reason(error: Exception) -> str:
    """The telling lines of a compiler's many, as one sentence of 200 letters at most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    call = next((line.removeprefix(">>> ") for line in lines if line.startswith(">>> ")), "")
    if call:
        call = re.sub(r"\bnone\b", "None", re.sub(r"Literal\[str\]\((.*?)\)", r"text '\1'", call))
        return f"there is no `{call[:90]}`: a loss or a rule computes with numbers only, not with None, texts or lists"
    telling = [line for line in lines if "Error: " in line or "No implementation" in line or line.startswith("Unknown")]
    plain = [line for line in lines if not line.startswith(("Failed in nopython", "During: ", "File "))]
    told = " ".join(dict.fromkeys([*telling[-1:], *plain[:2]])) or type(error).__name__
    return told if len(told) <= 200 else told[:198] + " …"


def compile_all(paths: Sequence[Path], workers: int) -> int:
    """Sees to it that the machine code of every text is there; how many had to be compiled, between processes.

    This process begins with the first, which had better be the longest; the others deal out the rest from the back.
    """
    missing = [path for path in paths if kept(path) is None]
    rest = missing[:0:-1]
    shares = [rest[k :: workers - 1] for k in range(min(workers - 1, len(rest)))]
    helpers = [
        subprocess.Popen(
            [sys.executable, "-m", "dynbench.kernels.compile", *map(str, share)],
            stderr=subprocess.DEVNULL,  # what fails there fails here again, and is told once
            start_new_session=True,  # an interrupt is for this process, which ends the others
        )
        for share in shares
    ]
    try:
        translate_missing(missing)
        for helper in helpers:
            helper.wait()
    finally:
        for helper in helpers:
            helper.kill()
            helper.wait()
    translate_missing(missing)  # what a helper did not do
    return len(missing)


def translate_missing(paths: Sequence[Path]) -> None:
    """Compiles those that nobody has compiled until it is their turn."""
    for path in paths:
        if kept(path) is None:
            translate(path)


if __name__ == "__main__":
    translate_missing([Path(name) for name in sys.argv[1:]])
