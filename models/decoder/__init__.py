"""A Llama-type decoder in NumPy, and a small real one: perplexity of texts under any way to compute its linear layers."""
