"""Sweeps: many units on many targets, from a study file to records, whatever machine they are measured on."""
