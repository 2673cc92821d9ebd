"""From candidates to the slate: filters, fusion, reasons."""
