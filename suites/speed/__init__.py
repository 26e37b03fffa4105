"""asv benchmarks: lower is better everywhere.  This folder comes from the working tree, dynbench from the commit.

So every file imports dynbench inside `setup`, and what a commit does not have yet is skipped (`common.offered`).
asv runs `setup` again before every timed call: what it makes is kept, compiled and run once before anything is timed.
`version` is raised by hand where a benchmark's work changes; asv then forgets its older results.
"""
