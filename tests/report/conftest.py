"""A small run on disk, simulated once."""

import pytest
import synthetic


@pytest.fixture(scope="session")
def tables():
    return synthetic.tables()


@pytest.fixture(scope="session")
def run(tables, tmp_path_factory):
    return synthetic.write(tmp_path_factory.mktemp("runs") / "quartic-0123456789ab", *tables)
