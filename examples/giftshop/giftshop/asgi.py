"""``uvicorn --app-dir examples/giftshop giftshop.asgi:application``"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "giftshop.settings")

application = get_asgi_application()
