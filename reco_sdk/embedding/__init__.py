"""Texts to vectors: the only folder, beside training, that may import torch, and never on the request path."""
