"""Compiled kernels on disk: machine code named by the hash of all it is made of, and how it comes into a process.

Numba's own disk cache goes stale when a helper in another file changes, never hits when a jitted function is an
argument, and takes 25 ms a module to give back what it holds.  Here a text (see `texts`) stands by itself, and its
name is the sha256 of the text, of the compiler's versions and settings, and of the processor.  So a changed text is
another file, and the cache is never stale.  Beside the text lies its machine code, which LLVM's linker loads in a
millisecond: a process whose kernels are all there never imports Numba.  Its checksum is of the text as well, so
machine code that was made from another text is never taken, and what is compiled is the text in memory.
"""

import ctypes
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from llvmlite import binding

from dynbench.kernels.cache_folder import cache_directory, use_private, writable_directory
from dynbench.kernels.rewrite import CannotLift

SETTINGS = (  # of Numba, which change the code that it makes
    "NUMBA_OPT", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX", "NUMBA_LOOP_VECTORIZE",
    "NUMBA_SLP_VECTORIZE", "NUMBA_BOUNDSCHECK", "NUMBA_DISABLE_INTEL_SVML",
)  # fmt: skip
LIBRARY = (  # what LLVM may call of the system's libraries by itself
    "memset", "memcpy", "memmove", "exp", "exp2", "log", "log2", "log10", "sin", "cos", "tan", "pow", "fma", "fmod",
    "floor", "ceil", "trunc", "rint", "nearbyint", "round",
)  # fmt: skip
ERRORS = (  # of Numba's run time: machine code names them for errors, which no kernel raises
    "NRT_Free", "NRT_MemInfo_call_dtor", "numba_do_raise", "numba_gil_ensure", "numba_gil_release",
    "numba_runtime_build_excinfo_struct", "numba_unpickle",
)  # fmt: skip


@dataclass(frozen=True)
class Code:
    """A kernel's machine code, the name of its door and of all that it calls."""

    door: str
    calls: tuple[str, ...]
    code: bytes


@cache
def compiler() -> str:
    """What the machine code depends on beside the text."""
    target = (binding.get_default_triple(), binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten())
    settings = (f"{name}={os.environ[name]}" for name in SETTINGS if name in os.environ)
    return "\0".join([version("numba"), version("llvmlite"), *target, *settings])


def digest(text: str) -> str:
    """All that a kernel's machine code depends on."""
    return hashlib.sha256(f"{text}\0{compiler()}".encode()).hexdigest()


def name_of(text: str) -> str:
    """The name of a kernel's file, without suffix, by the digest of its text."""
    return f"kernel_{digest(text)[:20]}"


def path_of(text: str) -> Path:
    """Where a kernel's text belongs."""
    return writable_directory() / f"{name_of(text)}.py"


def write(text: str) -> Path:
    """Puts a kernel's text in place, and gives its path."""
    path, content = path_of(text), text.encode()
    try:
        if path.read_bytes() == content:
            return path
    except OSError:  # it is not there
        pass
    return put(path.name, content)


def read(path: Path) -> str | None:
    """The text of a kernel's file; None where it is not the one that the file's name tells of."""
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None
    return text if path.name == f"{name_of(text)}.py" else None


def put(name: str, content: bytes) -> Path:
    """Writes a file of the cache whole or not at all, and gives its path.

    Where the cache directory refuses it, a private folder takes its place.  Raises OSError where that refuses as well.
    """
    try:
        return put_in(writable_directory(), name, content)
    except OSError as error:
        return put_in(use_private(error), name, content)


def put_in(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        return Path(temporary).replace(folder / name)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def checksum(text: str, content: bytes) -> bytes:
    """Of machine code as the one of this text, and of no other."""
    return hashlib.sha256(f"{digest(text)}\n".encode() + content).hexdigest().encode()


def keep(text: str, made: Code) -> None:
    """Puts machine code beside its text: a checksum, a line that tells about it, and the code."""
    head = json.dumps({"door": made.door, "calls": made.calls}).encode()
    content = head + b"\n" + made.code
    put(f"{name_of(text)}.o", checksum(text, content) + b"\n" + content)


def kept(text: str) -> Code | None:
    """The machine code of a text; None where it is not there, was damaged or is another text's."""
    for folder in dict.fromkeys((writable_directory(), cache_directory())):
        try:
            first, _, content = (folder / f"{name_of(text)}.o").read_bytes().partition(b"\n")
        except OSError:  # it is not there
            continue
        if checksum(text, content) == first:
            line, _, code = content.partition(b"\n")
            head = json.loads(line)
            return Code(head["door"], tuple(head["calls"]), code)
    return None


def supply(calls: Iterable[str]) -> None:
    """Tells LLVM where functions of these names are: in this process, or in Numba, which is imported only then.

    Raises CannotLift for one that is not to be found.
    """
    process = ctypes.CDLL(None) if os.name == "posix" else None
    for name in {*LIBRARY, *calls}:
        if binding.address_of_symbol(name) is None:
            found = ctypes.pythonapi.Py_FatalError if name in ERRORS else getattr(process, name, None)
            if found is not None:
                binding.add_symbol(name, ctypes.cast(found, ctypes.c_void_p).value)
    if lost(calls):
        from numba.core.registry import cpu_target

        cpu_target.target_context.refresh()
        if missing := lost(calls):
            raise CannotLift(f"a kernel calls {missing[0]}, which is not to be found on this machine")


def lost(calls: Iterable[str]) -> list[str]:
    return sorted(name for name in calls if binding.address_of_symbol(name) is None)


ENGINES: list[binding.ExecutionEngine] = []  # what holds the code; never given back


def loaded(made: Code) -> int:
    """Machine code brought into this process: the address of its door."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    supply(made.calls)
    machine = binding.Target.from_default_triple().create_target_machine(jit=True)  # the engine's own from here on
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    ENGINES.append(engine)
    engine.add_object_file(binding.ObjectFileRef.from_data(made.code))
    engine.finalize_object()
    return int(engine.get_function_address(made.door))
