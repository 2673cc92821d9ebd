"""The shop's celery. Its broker is the worker's own memory: a line on stdin becomes a task, a line of a file its result."""

import json
import os
import sys
import threading
from pathlib import Path

import django
from celery import Celery, signals

app = Celery("shop", broker="memory://")
app.conf.broker_transport_options = {"polling_interval": 0.02}
app.conf.task_ignore_result = True


@app.on_after_configure.connect
def _set_up(**_):
    django.setup()


@signals.worker_ready.connect
def _listen(**_):
    def listen():
        for line in sys.stdin:
            app.tasks[f"{__name__}.{line.split()[0]}"].delay(*line.split()[1:])

    threading.Thread(target=listen, daemon=True).start()


def _answer(name, result):
    # One write: lines of several children do not mix.
    with Path(os.environ["SHOP_DONE"]).open("ab", buffering=0) as done:
        done.write(json.dumps([name, os.getpid(), result]).encode() + b"\n")


@app.task
def newest():
    """Say what is recommended."""
    import django_reco as reco

    _answer("newest", [product.title for product in reco.recommend(None, "new_arrivals", n=100)])


@app.task
def bought(product):
    """Record a purchase, as a payment's callback would."""
    import django_reco as reco

    _answer("bought", reco.track(None, "purchase", f"plain.product:{product}", user_id="7", quantity=1))
