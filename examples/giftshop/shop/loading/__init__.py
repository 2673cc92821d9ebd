"""From the data files into the database."""
