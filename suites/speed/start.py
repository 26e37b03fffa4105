"""What a user waits for: fresh interpreters, on purpose."""

RUN = "--loss quartic --dynamics capped --starts grid:201 --steps 200 --quiet --out"


class Start:
    """Seconds until something is there."""

    timeout = 600.0
    version = "1"
    number, rounds, repeat = 1, 1, 3

    def timeraw_help(self):
        return "from dynbench.sweep import arguments; arguments.parser().format_help()"

    def timeraw_import(self):
        return "import dynbench.sweep.run"

    def timeraw_first_result_empty_cache(self):
        return (
            f"main('{RUN}'.split() + [folder + '/out'])",
            "import os, tempfile; folder = tempfile.mkdtemp(); os.environ['DYNBENCH_CACHE'] = folder;"
            "from dynbench.sweep.__main__ import main",
        )

    def timeraw_link_cached(self):
        return (
            "link(find.loss('quartic'), find.dynamics('capped'))",
            "import os, tempfile; os.environ.setdefault('DYNBENCH_CACHE', tempfile.gettempdir() + '/dynbench-asv');"
            "from dynbench import find; from dynbench.kernels.link import link",
        )
