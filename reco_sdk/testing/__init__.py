"""Public test helpers: one behavioural test class per port, for every implementation to pass."""
