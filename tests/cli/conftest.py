import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith("RECO_")},
    "PYTHONPATH": str(ROOT),
    "PYTHONWARNINGS": "error",
}


@pytest.fixture
def reco(tmp_path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def reco(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "reco_sdk.cli", *arguments],
            cwd=tmp_path,
            env={**ENVIRONMENT, **environment},
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )

    return reco


@pytest.fixture
def catalogue(tmp_path) -> Path:
    path = tmp_path / "products.csv"
    path.write_text(
        "sku,name,cost,category,colour\n"
        "1,Red dress,5.00 EUR,Women > Dresses,red\n"
        "2,Blue dress,6.00 EUR,Women > Dresses,blue\n"
        "3,,7.00 EUR,Women > Dresses,x\n"
        "4,Straw hat,8.00 EUR,Hats,x\n"
    )
    return path


MAP = ("--map", "id=sku,title=name,price=cost")
