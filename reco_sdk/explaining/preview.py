"""An engine with other rules: what a rule would do before anybody saves it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace

from reco_sdk.engine import Engine
from reco_sdk.ranking.merchandising import RuleSet
from reco_sdk.ranking.newcomers import Exposure
from reco_sdk.ranking.rules import Rule

__all__ = ["with_rule"]


def with_rule(engine: Engine, rule: Rule, rules: Sequence[Rule] | None = None) -> Engine:
    """Return an engine in which a rule holds now, in place of the one with its id; nothing of the real one is touched.

    Ask it with a trace, as :func:`reco_sdk.explaining.explain` does: such answers come from no cache and go into none.

    Parameters
    ----------
    engine
        The real one.
    rule
        Holds from now on, whatever its dates and whether it is enabled.
    rules
        All others; by default those that hold in the engine.
    """
    state = engine.state
    if rules is None:
        rules = () if state.rules is None else state.rules.rules
    others = [other for other in rules if other.id != rule.id]
    twin = copy(engine)
    active = RuleSet(-1, [*others, replace(rule, starts_at=None, ends_at=None, enabled=True)]).over(state.view)
    twin.state = replace(state, rules=active)
    twin.exposure = Exposure()  # what is only looked at counts as shown to nobody
    return twin
