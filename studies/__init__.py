"""What is measured, by whom, and the records that come of it."""
