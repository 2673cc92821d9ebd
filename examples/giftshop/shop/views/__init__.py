"""Pages, by what a visitor is doing."""
