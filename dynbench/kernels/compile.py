"""Compiles kernels ahead of time, several processes at once: compilation holds the interpreter's lock."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from dynbench.kernels.cache_folder import writable_directory
from dynbench.kernels.native import Code, keep, kept, path_of, read, write
from dynbench.kernels.rewrite import CannotLift


def module_of(text: str) -> ModuleType:
    """A kernel's text as a module, compiled now.  Raises CannotLift where it does not compile."""
    path = path_of(text)
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules[path.stem] = module
    try:
        exec(compile(text, str(path), "exec", dont_inherit=True), module.__dict__)
    except OSError:  # the disk's fault, not the text's
        raise
    except Exception as error:
        raise CannotLift(f"{first_line(text)} does not compile: {reason(error)}") from error
    finally:
        sys.modules.pop(path.stem, None)
    return module


def translate(text: str) -> Code:
    """The machine code of a kernel's text, which is put beside it as well."""
    compiled = module_of(text).door
    library = compiled._library
    _, _, (code, _) = library.serialize_using_object_code()
    called = (f.name for f in library._final_module.functions if f.is_declaration and not f.name.startswith("llvm."))
    made = Code(compiled.native_name, tuple(sorted(called)), code)
    keep(text, made)
    return made


def first_line(text: str) -> str:
    """What a kernel's text is made from, for an error message."""
    return "the kernel" + text.partition("\n")[0].removeprefix('"""Written by dynbench').partition(";")[0]


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


def compile_all(texts: Sequence[str], workers: int) -> int:
    """Sees to it that the machine code of every text is there; how many had to be compiled, between processes.

    This process begins with the first, which had better be the longest; the others deal out the rest from the back.
    They are told the texts' files, and leave a file alone that does not hold the text it is named for.
    """
    missing = [text for text in texts if kept(text) is None]
    rest = missing[:0:-1]
    shares = [[str(write(text)) for text in rest[k :: workers - 1]] for k in range(min(workers - 1, len(rest)))]
    helpers = [
        subprocess.Popen(
            [sys.executable, "-m", "dynbench.kernels.compile", *share],
            env={**os.environ, "DYNBENCH_CACHE": str(writable_directory())},
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


def translate_missing(texts: Sequence[str]) -> None:
    """Compiles those that nobody has compiled until it is their turn."""
    for text in texts:
        if kept(text) is None:
            write(text)
            translate(text)


if __name__ == "__main__":
    translate_missing([text for name in sys.argv[1:] if (text := read(Path(name))) is not None])
