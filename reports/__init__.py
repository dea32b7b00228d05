"""Studies, cost records and their rendering."""

from ..system.places import prepare_matplotlib

prepare_matplotlib()
