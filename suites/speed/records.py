"""What each optional quantity (--record) costs: time of one update with that one recorded, and with none or all.

Capped flow on the quartic from starts over the whole domain, whose cap does bind; h = 0.01, early exit off.
"""

from .common import least, offered, work

STEPS, REPEATS = 1000, 20  # differences are small
NAMES = ("crossings", "last_crossing", "global_steps", "t_best", "limited")


class Record:
    """Lower is better; the cost of a quantity is the difference to `none`."""

    params = ("none", *NAMES, "all")
    param_names = ("record",)
    timeout = 300.0
    version = "1"

    def setup(self, record):
        self.record = {"none": (), "all": NAMES}.get(record, (record,))
        if unknown := set(self.record) - set(offered("dynbench.kernels.step", "RECORDS")):
            raise NotImplementedError(f"this commit does not record {', '.join(sorted(unknown))}")
        self.backend, self.loss, self.rule, self.batch = work("quartic", "capped")
        self.run(10)  # compiles

    def run(self, steps=STEPS):
        self.backend.run(self.loss, self.rule, self.batch, steps, record=self.record, early=False)

    def track_ns_per_update(self, _):
        """The shortest of twenty runs of some milliseconds, by trajectories and steps."""
        return round(least(self.run, REPEATS) / (len(self.batch) * STEPS), 4)

    track_ns_per_update.unit = "ns/update"
