"""Figures for a monitor: counters of the app, and what became of what was recorded."""

import django_reco as reco
from django_reco import metrics
from django_reco.recommender import process
from tests.django.test_context import page, request_of


def test_figures_hold_what_the_recorder_counts(browser, products):
    metrics.reset()
    browser.get(page(products))
    reco.track(request_of(), "add_to_cart", products[1])
    found = metrics.figures()
    assert found["track.recorded"] == 2
    assert (found["recorder.accepted"], found["recorder.written"]) == (2, 0)
    assert (found["recorder.at_risk.views"], found["recorder.at_risk.carts"]) == (1, 1)
    process.backend().flush()
    found = metrics.figures()
    assert (found["recorder.written"], found["recorder.at_risk.views"], found["recorder.slates.written"]) == (2, 0, 1)
    assert "recorder.written" not in metrics.counts()


def test_figures_of_a_recommender_that_is_closed_are_gone(products):
    backend = process.backend()
    assert "recorder.accepted" in metrics.figures()
    process.backend().facade.close()
    assert "recorder.accepted" not in metrics.figures()
    process.stop()
    assert "recorder" not in metrics._sources
    process.backend()
    backend.close()
    assert metrics.figures()["recorder.accepted"] == 0
