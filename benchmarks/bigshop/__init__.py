"""A shop of any size for the benchmarks: one model, one page, with recommendations or without."""
