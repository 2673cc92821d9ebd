"""Offline: what fits the models that sources and fusion read. Logs in, plain arrays out."""
