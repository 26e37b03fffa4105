"""One cache of kernels for all tests, kept between runs; the long tests only where they are asked for."""

import os

import hypothesis
import pytest
from kernel_cache import compiled, drivers

from dynbench.backends.cpu import cores

ASKED_FOR = ("every", "slow")  # markers of tests that run only where -m names them

# The same examples at every run and on every machine, however busy it is.
hypothesis.settings.register_profile("house", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("house")


def pytest_xdist_auto_num_workers() -> int:
    """Processes that share the tests: more than four would wait for kernels that others compile."""
    return min(cores(), 4)


def pytest_configure(config: pytest.Config) -> None:
    if "DYNBENCH_CACHE" not in os.environ and config.cache is not None:
        os.environ["DYNBENCH_CACHE"] = str(config.cache.mkdir("kernels"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [marker for marker in ASKED_FOR if marker not in config.option.markexpr]
    long = [item for item in items if any(map(item.get_closest_marker, left_out))]
    config.hook.pytest_deselected(items=long)
    left = set(long)
    items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session", autouse=True)
def _drivers(request: pytest.FixtureRequest) -> None:
    """What nearly every kernel needs is compiled first, once for all workers; quick tests alone can do without."""
    if not all(item.get_closest_marker("quick") for item in request.session.items):
        compiled(drivers(), cores())
