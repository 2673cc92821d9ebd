"""``reco_init``, ``reco_sync``, ``reco_doctor``."""
