"""What a user waits for: fresh interpreters, on purpose, with an empty cache of kernels and with a full one."""

from .common import work

RUN = "'--loss quartic --dynamics capped --starts grid:201 --steps 200 --quiet --out'"
FOLDER = "import os, tempfile; place = tempfile.TemporaryDirectory(); "
EMPTY = FOLDER + "os.environ['DYNBENCH_CACHE'] = place.name; "
LINK = "from dynbench import find; from dynbench.kernels.link import link; loss = find.loss('quartic'); "
CAPPED = "link(loss, find.dynamics('capped'))"
MAIN = "from dynbench.sweep.__main__ import main"
FIRST = f"main({RUN}.split() + [place.name + '/out'])"


class Start:
    """Seconds until something is there."""

    timeout = 600.0
    version = "2"
    number, rounds, repeat = 1, 1, (3, 10, 4.0)  # some take milliseconds: three samples are no median

    def timeraw_help(self):
        return "from dynbench.sweep import arguments; arguments.parser().format_help()"

    def timeraw_import(self):
        return "import dynbench"

    def timeraw_import_run(self):
        return "import dynbench.sweep.run"


class Cold:
    """Nothing compiled yet.  Each sample takes seconds, so there is none to warm up with."""

    timeout = 600.0
    version = "1"
    number, rounds, repeat, warmup_time = 1, 1, 2, 0.0

    def timeraw_link(self):
        """The common driver, the layout and the pair."""
        return CAPPED, EMPTY + LINK

    def timeraw_link_another_pair(self):
        """What a new rule costs: the driver and the layout are there."""
        return CAPPED, EMPTY + LINK + "link(loss, find.dynamics('sign'))"

    def timeraw_first_result(self):
        return FIRST, EMPTY + MAIN


class Warm:
    """All kernels in the cache."""

    timeout = 600.0
    version = "1"
    number, rounds, repeat = 1, 1, 3

    def setup(self):
        work("quartic", "capped")

    def timeraw_link(self):
        return CAPPED, LINK

    def timeraw_first_result(self):
        return FIRST, FOLDER + MAIN
