"""The sequence model in a fusion: kept where order says what the other sources cannot know, and silent elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from reco_sdk.sources.history import History
from reco_sdk.training.co_occurrence import fit_co_occurrence
from reco_sdk.training.model import Items
from reco_sdk.training.sequence_model import SequenceSettings
from reco_sdk.training.sequence_source import fit_sequence_source
from tests.training.test_sequence_model import SMALL, N, log_of, walks

pytest.importorskip("torch")

HISTORY = History.of(np.asarray([1, 2], np.int32), np.zeros(2))


def test_it_is_kept_where_it_pays_and_a_second_fit_goes_on_from_the_first():
    log = walks(400)
    first = fit_sequence_source(log, Items(N), None, SMALL, [fit_co_occurrence])
    assert first.kept
    assert len(first.proposer.propose(HISTORY).rows)
    again = fit_sequence_source(log, Items(N), first, SMALL, [fit_co_occurrence])
    assert again.kept
    assert again.trained.quality >= first.trained.quality - 0.1


def test_it_is_silent_where_nothing_is_to_be_known():
    log = walks(400)
    noise = log_of(log.users, np.random.default_rng(0).integers(0, N, len(log)))
    settings = SequenceSettings(width=8, inner=8, length=8, round_steps=5, patience=1)
    found = fit_sequence_source(noise, Items(N), None, settings, [fit_co_occurrence])
    assert not found.kept
    assert not len(found.proposer.propose(HISTORY).rows)
    assert found.proposer.columns == ("sequence",)
    assert fit_sequence_source(noise, Items(N), found, settings, [fit_co_occurrence]) is found
