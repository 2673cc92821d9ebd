"""Processes that serve no pages: commands and shells use the same calls."""

ALIKE = "Linen summer dress"


def test_a_management_command(shop):
    lines = shop.manage("newsletter", "1").splitlines()
    assert len(lines) == 3
    assert all(line.startswith(ALIKE) for line in lines)


def test_a_shell(shop):
    said = shop.shell(
        "import django_reco as reco\n"
        "from tests.django.shops.plain.models import Product\n"
        "print([p.title for p in reco.recommend(None, 'you_may_also_like', seeds=[Product.objects.first()], n=3)])\n"
        "print(reco.track(None, 'view_item', Product.objects.first(), user_id='7'))"
    )
    assert said.count(ALIKE) == 3
    assert said.splitlines()[1:] == ["True"]
    assert shop.value("SELECT count(*) FROM reco_interaction WHERE user_id = '7'") == 1


def test_a_loop_in_a_shell(shop):
    said = shop.shell(
        "import asyncio\nimport django_reco as reco\nfrom asgiref.sync import sync_to_async\nfrom django.db import connections\n"
        "async def main():\n"
        "    print(len(await reco.arecommend(None, 'new_arrivals', n=100)), len(reco.recommend(None, 'new_arrivals', n=5)))\n"
        "    await sync_to_async(connections.close_all)()\n"  # as a request would: Django leaves its thread's open
        "asyncio.run(main())"
    )
    assert said.splitlines() == ["12 5"]


def test_a_process_that_ends_while_it_starts(shop):
    shop.reco |= {"START_SECONDS": 0.001}
    said = shop.shell("import django_reco as reco\nprint(len(reco.recommend(None, 'new_arrivals')))")
    assert said in {"0\n", "8\n"}  # how far it came is the machine's to say; it never complains
