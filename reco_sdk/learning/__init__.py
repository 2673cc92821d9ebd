"""Training on the shop's own store: read, split by time, fit, compare with what serves, and keep only what wins."""
