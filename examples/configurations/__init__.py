"""One settings block for each shape of shop; ``docs/shops.md`` says which is yours."""
