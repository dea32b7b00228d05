"""Study of BitMoD and the weight schemes around it, on a real model and in hardware."""
