"""What every family is wired with: adders, selections, delays, instances."""
