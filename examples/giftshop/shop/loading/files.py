"""The compressed CSV files of the example."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils import timezone

DATA: Final = Path(settings.BASE_DIR) / "data"


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def moment(text: str, shift: timedelta) -> datetime:
    """A naive time of the file as a time in the shop's own zone, moved by whole days."""
    zone = timezone.get_default_timezone()
    return (datetime.fromisoformat(text) + shift).replace(tzinfo=zone)
