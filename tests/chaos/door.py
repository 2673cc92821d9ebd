"""gunicorn's configuration: each worker has a door of its own beside the shop's port.

Which worker answers at the port is nobody's choice; a checker must ask each of them. A line at the door is a question,
a line of JSON the answer: what this process would recommend now, from memory alone.
"""

import json
import os
import socketserver
import threading
from pathlib import Path

QUESTION = b"held\n"


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
        while self.rfile.readline() == QUESTION:
            self.wfile.write(json.dumps(held()).encode() + b"\n")


def held():
    """Return [[primary key, price in cents], ...] of all that is recommended, None while there is no recommender."""
    from django_reco.recommender import process
    from reco_sdk.engine import MAX_N, Request
    from reco_sdk.ranking.filters import Filters

    backend = process.backend()
    if backend is None:
        return None
    asked = Request(strategy="new_arrivals", n=MAX_N, filters=Filters(exclude_purchased=False))
    slate = backend.recommend_now(asked)
    view = backend.facade.core.engine.state.view
    found = []
    for item_id in slate.ids:
        row = view.row(item_id)
        if row >= 0:  # else it went between the two
            found.append([int(item_id.partition(":")[2]), round(float(view.price[row]) * 100)])
    return found
