"""Nearest neighbours over unit vectors: exact, graph and cluster indexes, and a planner that chooses per query."""
