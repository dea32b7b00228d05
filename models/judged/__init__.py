"""What a number system does to real models: linear layers computed by it, and the models' outputs then."""
