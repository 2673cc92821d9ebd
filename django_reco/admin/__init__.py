"""The admin: merchandising rules with their preview and history, why each item is shown, and a dashboard.

Registered with the default site by autodiscovery. On a site of the shop's own: ``site.register(Rule, RuleAdmin)`` and
``site.register(StoredItem, ItemAdmin)``.
"""

from django.contrib import admin

from django_reco.admin.item_admin import ItemAdmin
from django_reco.admin.rule_admin import RuleAdmin
from django_reco.models import Rule, StoredItem

__all__ = ["ItemAdmin", "RuleAdmin"]

admin.site.register(Rule, RuleAdmin)
admin.site.register(StoredItem, ItemAdmin)
