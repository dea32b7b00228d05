"""``bitmill report int-vs-fp --full``: what every axis costs, and which assumption makes FP8 look dear."""
