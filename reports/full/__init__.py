"""The full study told: what every axis costs, and which assumption makes FP8 look dear."""
