"""``reco rules``."""

from __future__ import annotations

import getpass
import json
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from reco_sdk.cli.output import say, say_json
from reco_sdk.cli.stores import need_store
from reco_sdk.config import Config
from reco_sdk.errors import InvalidInput
from reco_sdk.ranking.rules import Rule
from reco_sdk.wiring import Recommender

__all__ = ["rules_command"]


async def rules_command(arguments: Namespace) -> int:
    """Show, store and delete merchandising rules."""
    given = {} if arguments.store is None else {"store": arguments.store}
    config = Config.from_env(**given, model="", delta_limit=10**9, poll_interval_seconds=3_600.0)
    need_store(config)
    if arguments.action in {"put", "delete"} and not arguments.what:
        raise InvalidInput("what", "says nothing to put or delete; give a file, or an id")
    rules = [rule for name in arguments.what for rule in _read(name)] if arguments.action == "put" else []
    async with Recommender.open(config=config) as reco:
        if arguments.action == "history":
            shown = [change for rule_id in arguments.what or [None] for change in await reco.rule_history(rule_id)]
            _say(arguments, [_change(change) for change in shown], [_change_line(change) for change in shown])
            return 0
        missing = 0
        for rule in rules:
            await reco.put_rule(rule, by=getpass.getuser())
        if arguments.action == "delete":
            for rule_id in arguments.what:
                missing += not await reco.delete_rule(rule_id, by=getpass.getuser())
        kept = await reco.rules()
        conflicts = await reco.rule_conflicts()
    lines = [f"{rule.id}: {rule.action}{'' if rule.enabled else ' (off)'} {rule.note}".rstrip() for rule in kept] or ["no rules"]
    lines += [f"attention: {conflict.text}" for conflict in conflicts]
    lines += [f"{missing} of them were not there"] if missing else []
    _say(arguments, [rule.to_dict() for rule in kept], lines)
    return 1 if missing else 0


def _say(arguments: Namespace, value: Any, lines: list[str]) -> None:
    if arguments.json:
        say_json(value)
    else:
        say("\n".join(lines))


def _read(name: str) -> list[Rule]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
        found = json.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidInput("what", f"{name} cannot be read as JSON: {error}") from error
    many = found if isinstance(found, list) else [found]
    if not all(isinstance(one, dict) for one in many):
        raise InvalidInput("what", f"{name} holds something that is no rule; give an object, or a list of them")
    return [Rule.from_dict(one) for one in many]


def _change(change: Any) -> dict[str, Any]:
    parts = {name: None if (text := getattr(change, name)) is None else json.loads(text) for name in ("before", "after")}
    return {"version": change.version, "id": change.rule_id, "at": change.at.isoformat(), "by": change.by, **parts}


def _change_line(change: Any) -> str:
    what = "added" if change.before is None else "deleted" if change.after is None else "changed"
    return f"{change.at:%Y-%m-%d %H:%M} {change.rule_id} {what}{f' by {change.by}' if change.by else ''}"
