"""One reader a format: bytes to rows, in constant memory."""

from __future__ import annotations

from reco_sdk.importing.opening import Opened
from reco_sdk.importing.options import ImportOptions
from reco_sdk.importing.readers.table import BadRow, Row, Table

__all__ = ["BadRow", "Row", "Table", "read"]


def read(opened: Opened, options: ImportOptions) -> Table:
    """Return the rows of an open file.

    Raises
    ------
    ImportRefused
        At once, or while the rows are taken, when the file is not what its format says.
    MissingExtra
        For Parquet without pyarrow, or a feed without defusedxml.
    """
    if opened.format == "parquet":
        from reco_sdk.importing.readers.ga4 import is_ga4, unfold  # noqa: PLC0415 - only what is needed
        from reco_sdk.importing.readers.parquet import read_parquet  # noqa: PLC0415 - pyarrow is optional

        table = read_parquet(opened)
        if not is_ga4(table.columns):
            return table
        opened.format = "ga4"
        return unfold(table)
    if opened.format == "merchant":
        from reco_sdk.importing.readers.merchant import read_merchant  # noqa: PLC0415 - defusedxml is optional

        return read_merchant(opened)
    if opened.format == "ga4":
        from reco_sdk.importing.readers.ga4 import read_ga4  # noqa: PLC0415 - only what is needed

        return read_ga4(opened, options)
    if opened.format == "log":
        from reco_sdk.importing.readers.access_log import read_access_log  # noqa: PLC0415 - only what is needed

        return read_access_log(opened, options)
    if opened.format == "jsonl":
        from reco_sdk.importing.readers.jsonlines import read_jsonlines  # noqa: PLC0415 - only what is needed

        return read_jsonlines(opened, options)
    from reco_sdk.importing.readers.delimited import read_delimited  # noqa: PLC0415 - only what is needed

    return read_delimited(opened, options)
