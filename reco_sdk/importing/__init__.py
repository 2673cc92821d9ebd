"""Importing: files and feeds of items and interactions, streamed into a store.

CSV, TSV, JSON lines, Parquet and Google Merchant feeds (RSS or Atom), gzipped or not, from a local file or an
http(s) address. Memory use does not grow with the file; a row that cannot be stored is refused by itself and named
in the report; a killed import goes on where it stopped.
"""

from __future__ import annotations

from reco_sdk.importing.opening import FORMATS
from reco_sdk.importing.options import ImportOptions
from reco_sdk.importing.progress import Progress, progress_bar
from reco_sdk.importing.refusals import Refusal, RefusalLog
from reco_sdk.importing.report import ImportReport, ImportStopped
from reco_sdk.importing.runner import import_interactions, import_items

__all__ = [
    "FORMATS",
    "ImportOptions",
    "ImportReport",
    "ImportStopped",
    "Progress",
    "Refusal",
    "RefusalLog",
    "import_interactions",
    "import_items",
    "progress_bar",
]
