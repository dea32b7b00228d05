"""What block quantizers compute."""
