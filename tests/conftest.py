"""One cache of kernels for all tests, kept between runs, and the long test of all pairs only where it is asked for."""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    if "DYNBENCH_CACHE" not in os.environ and config.cache is not None:
        os.environ["DYNBENCH_CACHE"] = str(config.cache.mkdir("kernels"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "every" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("every")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
