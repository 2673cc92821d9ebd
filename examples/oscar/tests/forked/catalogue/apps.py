"""A fork of oscar's catalogue."""

from oscar.apps.catalogue import apps


class CatalogueConfig(apps.CatalogueConfig):
    name = "tests.forked.catalogue"
