import os

from django.core.asgi import get_asgi_application

from django_reco.asgi import with_lifespan

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.servers.shop.settings")
application = with_lifespan(get_asgi_application())
