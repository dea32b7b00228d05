"""One component per kind of accumulator."""
