"""The made-up study that tests here share."""

from bitmill.tests.studies.made_up import layer, made_up, make_layer, records, study

__all__ = ["layer", "made_up", "make_layer", "records", "study"]
