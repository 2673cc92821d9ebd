"""An oscar shop of its own project: books with their covers."""
