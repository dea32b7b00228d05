"""Studies, cost records and their rendering."""
