"""gunicorn's configuration: each worker has a door of its own beside the shop's port.

Which worker answers at the port is nobody's choice; a checker must ask each of them. A line at the door is a question,
a line of JSON the answer: what this process holds, or would recommend now, from memory alone.
"""

import json
import os
import socketserver
import threading
import time
from pathlib import Path

from django_reco.recommender import process
from reco_sdk.ranking.filters import Filters
from reco_sdk.request import MAX_N, Request

HELD = b"held\n"
RECOMMENDED = b"recommended\n"


def post_worker_init(worker):
    """Open the door and say in a file where it is."""
    server = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, name="door", daemon=True).start()
    folder = Path(os.environ["CHAOS_DOORS"])
    note = folder / f".{worker.pid}"
    note.write_text(str(server.server_address[1]))
    note.replace(folder / str(worker.pid))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while answers := ANSWERS.get(self.rfile.readline()):
            self.wfile.write(json.dumps(answers()).encode() + b"\n")


def held():
    """Return [[primary key, price in cents], ...] of all that may be recommended, None while there is no recommender."""
    backend = process.backend()
    if backend is None:
        return None
    view = backend.facade.core.engine.state.view
    rows = view.current(time.time(), available=True).nonzero()[0]
    return [[_key(view.item_id(row)), round(float(view.price[row]) * 100)] for row in rows]


def recommended():
    """Return the primary keys of what a request for everything is answered with."""
    backend = process.backend()
    if backend is None:
        return None
    asked = Request(strategy="new_arrivals", n=MAX_N, filters=Filters(exclude_purchased=False))
    return [_key(item_id) for item_id in backend.recommend_now(asked).ids]


def _key(item_id):
    return int(item_id.partition(":")[2])


ANSWERS = {HELD: held, RECOMMENDED: recommended}
