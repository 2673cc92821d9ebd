"""A row for every user, written to a file: for newsletters, exports, and what another system shows."""

from __future__ import annotations

from reco_sdk.newsletter.rows import Readers, read_users, rows
from reco_sdk.newsletter.writing import Report, write_newsletter

__all__ = ["Readers", "Report", "read_users", "rows", "write_newsletter"]
