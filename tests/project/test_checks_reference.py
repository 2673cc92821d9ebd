"""Every system check has a row in docs/checks.md, and every row a check."""

from __future__ import annotations

import re

from tests.project.documents import ROOT


def test_ids_and_rows_agree():
    from django_reco.checks import CHECKS

    rows = re.findall(r"^\* - `(reco\.[EWI]\d{3})`", (ROOT / "docs" / "checks.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == sorted(set(rows)), "one row each, in order"
    assert set(rows) == set(CHECKS)


def test_the_source_uses_no_id_that_is_not_listed():
    from django_reco.checks import CHECKS

    used = set()
    for path in (ROOT / "django_reco").rglob("*.py"):
        used |= set(re.findall(r"\breco\.[EWI]\d{3}\b", path.read_text(encoding="utf-8")))
    assert used <= set(CHECKS)
