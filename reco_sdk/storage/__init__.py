"""Where items, vectors and interactions are kept; :func:`reco_sdk.storage.urls.open_store` picks a store by URL."""
