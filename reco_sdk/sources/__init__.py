"""Sources: each proposes candidates from the view, one idea a file."""
