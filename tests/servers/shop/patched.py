"""gunicorn's configuration where gevent and --preload go together: the master is patched before it imports the shop."""

from gevent import monkey

monkey.patch_all()
