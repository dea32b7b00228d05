"""The study of BitMoD and the weight schemes around it, told."""
