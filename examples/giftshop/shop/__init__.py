"""A gift shop over a real catalogue and its real orders."""
