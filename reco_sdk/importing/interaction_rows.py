"""Rows to interactions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reco_sdk.errors import InvalidInteraction
from reco_sdk.importing import values
from reco_sdk.importing.columns import ColumnMap, Gathered, Vocabulary
from reco_sdk.importing.options import ImportOptions
from reco_sdk.interactions.interaction import MAX_CLOCK_SKEW_SECONDS, Interaction

__all__ = ["INTERACTION_VOCABULARY", "InteractionRows"]

INTERACTION_VOCABULARY: Final = Vocabulary(
    fields=frozenset(f.name for f in fields(Interaction)),
    required=("kind", "at"),
    aliases={"timestamp": "at", "event_name": "kind"},
    merged=frozenset(),
    ignored=frozenset(),
)

_CONVERT: Final[Mapping[str, Callable[[Any], Any]]] = {
    "kind": values.text,
    "item_id": values.identifier,
    "visitor_id": values.identifier,
    "user_id": values.identifier,
    "session_id": values.identifier,
    "at": values.time,
    "quantity": values.count,
    "value": values.money,
    "currency": values.text,
    "query": values.text,
    "placement": values.text,
    "slate_id": values.identifier,
    "position": values.count,
    "event_id": values.identifier,
}


class InteractionRows:
    """Make interactions of rows.

    A row without ``event_id`` gets one made from its content, so that importing a file again stores nothing twice;
    two rows with the same content are one interaction.

    Parameters
    ----------
    options
        Mapping and constants.
    now
        No history lies after it.
    """

    def __init__(self, options: ImportOptions, now: datetime | None = None) -> None:
        self.kind = "interactions"
        self.columns = ColumnMap(INTERACTION_VOCABULARY, options)
        self._latest = (now or datetime.now(UTC)) + timedelta(seconds=MAX_CLOCK_SKEW_SECONDS)

    def convert(self, gathered: Gathered) -> Interaction:
        """Return the interaction of one row.

        Raises
        ------
        InvalidInteraction
            Naming the field and the mend.
        """
        out: dict[str, Any] = {}
        for name, given in gathered.values.items():
            try:
                out[name] = _CONVERT[name](given)
            except values.BadValue as error:
                raise InvalidInteraction(name, str(error)) from error
        if "value" in out:
            amount, code = out["value"]
            out["value"] = amount
            if code is not None and out.setdefault("currency", code).strip().upper() != code:
                raise InvalidInteraction("value", f"is in {code}, but the currency is {out['currency']}; keep to one")
        if "at" not in out:
            raise InvalidInteraction("at", "is missing; history needs the time of each interaction")
        if out["at"] > self._latest:
            raise InvalidInteraction("at", f"{out['at'].isoformat()} is in the future; check its unit and time zone")
        if "event_id" not in out:
            out["event_id"] = _content_id(out)
        return Interaction.from_dict(out)


def _content_id(content: Mapping[str, Any]) -> str:
    payload = json.dumps(content, sort_keys=True, default=datetime.isoformat)
    return "import-" + hashlib.sha256(payload.encode()).hexdigest()[:40]
