"""``python -m reco_sdk.cli``."""

from __future__ import annotations

import sys

from reco_sdk.cli import main

if __name__ == "__main__":
    sys.exit(main())
