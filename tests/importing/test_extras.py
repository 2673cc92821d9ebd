import sys

import pytest

from reco_sdk.errors import MissingExtra
from reco_sdk.importing import import_items


@pytest.mark.parametrize(
    ("package", "module", "source"),
    [("pyarrow", "pyarrow", b"PAR1xxxx"), ("defusedxml", "defusedxml.common", b"<rss/>"), ("aiohttp", "aiohttp", None)],
)
async def test_a_missing_extra_names_the_line_that_mends_it(write, store, monkeypatch, package, module, source):
    monkeypatch.setitem(sys.modules, module, None)
    path = "http://127.0.0.1:1/feed" if source is None else write("feed", source)
    with pytest.raises(MissingExtra, match=rf"{package} is not installed; run: pip install 'reco-sdk\[import\]'"):
        await import_items(store, path)


async def test_csv_and_json_lines_need_nothing(write, store, monkeypatch):
    for name in ("pyarrow", "defusedxml", "aiohttp", "tqdm"):
        monkeypatch.setitem(sys.modules, name, None)
    assert (await import_items(store, write("a.csv", "id,title\na,A\n"))).inserted == 1
