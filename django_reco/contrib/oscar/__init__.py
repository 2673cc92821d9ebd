"""django-oscar: what ``RECO = {"PRESET": "oscar"}`` stands for.

``preset`` is the settings, ``products`` the items, ``rows`` what the templates in ``templates/oscar`` start from. No module of a
shop is imported: models are those that the settings name, classes come through oscar's own loader, so that a fork's are found.
"""
