"""What every floor may use of the machine: private folders, locks, and processes that never outlive their run."""
