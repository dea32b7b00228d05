"""A real sentence encoder: its weights, sentences to embed, and embeddings."""
