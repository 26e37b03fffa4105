"""asv benchmarks: lower is better everywhere.  This folder comes from the working tree, dynbench from the commit."""
