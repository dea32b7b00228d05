"""Units measured for the cost models, and the models fitted on them."""
