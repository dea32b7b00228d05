"""Closed-form cost models: fitted on synthesized units, judged on units held out in advance."""
