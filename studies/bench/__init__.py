"""Speed and size targets, measured and recorded."""
