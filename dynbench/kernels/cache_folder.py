"""The folder that compiled kernels are stored in, and a private one where that folder cannot be written."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from threading import Lock

PRIVATE: dict[Path, Path] = {}  # folder that refused a file -> the one used instead
CHANGING = Lock()


def cache_directory() -> Path:
    """Where kernels are kept: $DYNBENCH_CACHE, else the user's cache directory."""
    if chosen := os.environ.get("DYNBENCH_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "dynbench"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "dynbench" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dynbench"


def writable_directory() -> Path:
    """Where kernels are written: the private folder once the cache directory has refused one, else that directory."""
    chosen = cache_directory()
    return PRIVATE.get(chosen, chosen)


def use_private(refusal: OSError) -> Path:
    """A temporary folder in place of the cache directory, the same for the whole process and deleted at its end.

    The first time one sentence on stderr says so.  A cache directory that cannot be written is read all the same.
    Raises OSError where no temporary folder can be made.
    """
    chosen = cache_directory()
    with CHANGING:
        if chosen not in PRIVATE:
            folder = tempfile.mkdtemp(prefix="dynbench-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            PRIVATE[chosen] = Path(folder)
            print(
                f"note: compiled kernels cannot be stored in {chosen} ({refusal.strerror or refusal}), so they go to a"
                " temporary folder and are compiled anew by the next command; set DYNBENCH_CACHE to a folder that you"
                " can write to",
                file=sys.stderr,
            )
        return PRIVATE[chosen]
