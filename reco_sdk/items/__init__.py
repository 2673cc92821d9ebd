"""Items: their schema, the text that is embedded, and how they come in."""
