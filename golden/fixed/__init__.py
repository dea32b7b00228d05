"""What units of fixed-point numbers compute."""
