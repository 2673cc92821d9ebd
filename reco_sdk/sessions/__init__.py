"""Live sessions: what each visitor did just now, and the vector that says it."""
