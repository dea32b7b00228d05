"""Output-stationary arrays of PEs."""
