"""``gunicorn --chdir examples/giftshop giftshop.wsgi``"""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "giftshop.settings")

application = get_wsgi_application()
