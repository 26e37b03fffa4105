"""A user's .py file run as a module, and all that it is made of: its text, modules beside it, files that it reads.

What is kept is what was run: each text is read once, compiled from what was read, and goes with the module as
`__files__`, path from the file's folder -> content; None stands for a file that was read but cannot be kept, as it
lies elsewhere or is too large.  Modules beside the file are found there first, and run afresh, without bytecode.
"""

import ast
import contextlib
import hashlib
import importlib.util
import linecache
import os
import sys
import threading
from collections.abc import Iterable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from dynbench.current_folder import TAKEN_AWAY
from dynbench.definition import is_library

LARGEST = 10_000_000  # bytes of a file that is kept
RUNNING = threading.RLock()  # one file at a time
SYSTEM = ("/proc/", "/sys/", "/dev/")  # not files of a user's


def run_file(path: Path) -> ModuleType:
    """The module of a user's file; the one of before where nothing that it is made of has changed.

    Raises ValueError for a file that cannot be read or that stops while it is run.
    """
    if not path.stem.isidentifier():
        raise ValueError(f"{path}: the file's name becomes a label, so make it of letters, digits and _ only")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    with RUNNING:
        return module_of(path, content)


def module_of(path: Path, content: bytes) -> ModuleType:
    """The module of a file with that content."""
    whole = path.resolve()
    name = f"dynbench_user_{path.stem}_{hashlib.sha256(bytes(whole) + b':' + content).hexdigest()[:16]}"
    before = sys.modules.get(name)
    if before is not None and vars(before)["__watch__"].unchanged():
        show(whole, content)
        return before
    watch = Watch(whole, content)
    module = sys.modules[name] = ModuleType(name)
    vars(module).update(__watch__=watch, __files__=watch.files)
    try:
        with watch:
            run_text(module, watch, whole, content)
    except SyntaxError as error:
        del sys.modules[name]
        raise ValueError(f"{path}, line {error.lineno}: not Python: {error.msg}") from error
    except (Exception, SystemExit) as error:  # sys.exit() in a user's file is a mistake as well
        del sys.modules[name]
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{path} stops while it is read: {told}") from error
    return module


def run_text(module: ModuleType, watch: "Watch", path: Path, content: bytes) -> None:
    """Runs a file's content in a module, and lets `definition` and tracebacks see this very text."""
    vars(module).update(__file__=str(path), __text__=importlib.util.decode_source(content))
    show(path, content)
    exec(compile(content, str(path), "exec", dont_inherit=True), module.__dict__)
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Import):
            watch.imported(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            watch.imported([node.module])


def show(path: Path, content: bytes) -> None:
    """Makes this the text that `inspect` and tracebacks show for the path."""
    lines = importlib.util.decode_source(content).splitlines(keepends=True)
    linecache.cache[str(path)] = (len(content), None, lines, str(path))


class Watch:
    """While a file is run: which modules beside it are imported and which files it opens, with their contents."""

    def __init__(self, path: Path, content: bytes):
        self.path, self.folder = path, path.parent
        self.files: dict[str, bytes | None] = {path.name: content}
        self.stamps: dict[str, tuple[int, int] | None] = {}  # of files that are not kept
        self.codes = {str(path)}  # files whose statements are the user's
        self.thread = threading.get_ident()

    def unchanged(self) -> bool:
        """Whether every file that was read is as it was."""
        for name, content in self.files.items():
            if content is None:
                if stamp(Path(name)) != self.stamps[name]:
                    return False
                continue
            try:
                if (self.folder / name).read_bytes() != content:
                    return False
            except OSError:
                return False
        return True

    def __enter__(self) -> None:
        global WATCHING
        install()
        self.put_aside = {n: sys.modules.pop(n) for n in list(sys.modules) if self.is_beside(n)}
        self.finder = Siblings(self)
        sys.meta_path.insert(0, self.finder)
        sys.path += TAKEN_AWAY
        self.stack = contextlib.ExitStack()
        if is_stored(self.path):
            self.stack.enter_context(contextlib.chdir(self.folder))
        self.before, WATCHING = WATCHING, self

    def __exit__(self, *_: object) -> None:
        global WATCHING
        WATCHING = self.before
        self.stack.close()
        sys.meta_path.remove(self.finder)
        for folder in TAKEN_AWAY:
            sys.path.remove(folder)
        for name in [n for n in sys.modules if self.is_beside(n)]:
            del sys.modules[name]
        sys.modules.update(self.put_aside)

    def is_beside(self, name: str) -> bool:
        """Whether the module of that name, which is there already, lies in the file's folder."""
        first = name.partition(".")[0]
        if first in sys.stdlib_module_names or first == "dynbench":
            return False
        place = file_of(name)
        return place is not None and place in places(self.folder, name)

    def imported(self, names: Iterable[str]) -> None:
        """Notes modules that are neither beside the file nor a library's: they are not kept."""
        for name in names:
            place = file_of(name)
            if place and not is_library(name) and name.partition(".")[0] != "dynbench" and not self.is_beside(name):
                self.leave(place)

    def leave(self, path: Path) -> None:
        """Notes a file that was read and is not kept."""
        self.files[str(path)] = None
        self.stamps[str(path)] = stamp(path)

    def notice(self, path: str, mode: str | None, flags: int, frame: FrameType | None) -> None:
        """Keeps what the user's statements open for reading; not what an import reads."""
        if set(mode or "") & set("wax+") or flags & (os.O_WRONLY | os.O_RDWR):
            return
        while frame is not None and frame.f_code.co_filename not in self.codes:
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                return
            frame = frame.f_back
        found = Path(path).resolve()
        if frame is None or not found.is_file() or str(found).startswith((*SYSTEM, sys.prefix, sys.base_prefix)):
            return
        if found.is_relative_to(self.folder) and found.stat().st_size <= LARGEST:
            self.files.setdefault(found.relative_to(self.folder).as_posix(), found.read_bytes())
        else:
            self.leave(found)


def stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of a file; None where it is not there."""
    try:
        known = path.stat()
    except OSError:
        return None
    return known.st_size, known.st_mtime_ns


def is_stored(path: Path) -> bool:
    """Whether a sweep has kept it: files/losses/mine/mine.py, which is run in its folder to find what it reads."""
    return path.parent.name == path.stem and path.parent.parent.parent.name == "files"


def file_of(name: str) -> Path | None:
    """The file of a module that is there; read off what it holds, as some import more when they are asked."""
    place = getattr(sys.modules.get(name), "__dict__", {}).get("__file__")
    return Path(place) if isinstance(place, str) else None


def places(folder: Path, name: str) -> list[Path]:
    """Where a module of that name would lie in a folder."""
    base = folder.joinpath(*name.split("."))
    return [base / "__init__.py", base.with_name(base.name + ".py")]


class Siblings(MetaPathFinder):
    """Finds modules beside a user's file, before those elsewhere; Python's own come first, as they mostly are there."""

    def __init__(self, watch: Watch):
        self.watch = watch

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        if fullname.partition(".")[0] in {*sys.stdlib_module_names, "dynbench"}:
            return None
        for place in places(self.watch.folder, fullname):
            if place.is_file():
                loader, within = Fresh(self.watch, place), [str(place.parent)] if place.name == "__init__.py" else None
                return importlib.util.spec_from_file_location(
                    fullname, place, loader=loader, submodule_search_locations=within
                )
        return None


class Fresh(Loader):
    """Runs a module from its text as it is now."""

    def __init__(self, watch: Watch, path: Path):
        self.watch, self.path = watch, path

    def exec_module(self, module: ModuleType) -> None:
        content = self.path.read_bytes()
        self.watch.files[self.path.relative_to(self.watch.folder).as_posix()] = content
        self.watch.codes.add(str(self.path))
        run_text(module, self.watch, self.path, content)


WATCHING: Watch | None = None
HOOKS: list[Any] = []  # the one audit hook, once it is there: Python never takes one away


def install() -> None:
    """Lets Python tell of every file that is opened; nothing comes of it but while a user's file is run."""
    if not HOOKS:
        HOOKS.append(opened)
        sys.addaudithook(opened)


def opened(event: str, arguments: tuple[Any, ...]) -> None:
    global WATCHING
    watch = WATCHING
    if watch is None or event != "open" or threading.get_ident() != watch.thread:
        return
    path, mode, flags = arguments
    if isinstance(path, str | bytes | os.PathLike):
        WATCHING = None  # what is opened from here on is not the user's doing
        try:
            watch.notice(os.fsdecode(path), mode, flags, sys._getframe(1))
        except OSError:  # the user's own statement will stop at it
            pass
        finally:
            WATCHING = watch
