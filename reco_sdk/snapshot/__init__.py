"""Immutable snapshots: what is derived from the store, memory-mapped by every worker."""
