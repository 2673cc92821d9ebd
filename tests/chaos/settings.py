"""The shop that is broken: the servers' shop, its pages made so that each failure is somebody's."""

import os

from tests.servers.shop.settings import *  # noqa: F403
from tests.servers.shop.settings import RECO as SHOP_RECO

ROOT_URLCONF = "tests.chaos.pages"
RECO = {
    **SHOP_RECO,
    "ITEMS": {"model": "plain.Product", "where": {"is_active": True}},
    "ORDERS": {**SHOP_RECO["ORDERS"], "quantity": "quantity"},
    "MODE": "listen",
    # What sends no signal is found by looking; short, so that "found within" can be watched in a minute.
    "ORDERS_SECONDS": 1.0,
    "SWEEP_SECONDS": 1.0,
    "CONFIG": {"delta_limit": 100, "train_hours": 0.0},  # hosts build snapshots while they are broken
}
STATE_DIR = os.environ.get("CHAOS_STATE_DIR")
if STATE_DIR:
    RECO["STATE_DIR"] = STATE_DIR
