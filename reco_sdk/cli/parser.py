"""The commands and their options, each with examples; imports nothing but argparse."""

from __future__ import annotations

import argparse
from typing import Any, Final

from reco_sdk.cli import cleaning, evaluating, finetune, newsletter
from reco_sdk.priority import BELOW_PAGES, NICE_HELP

__all__ = ["FORMATS", "make_parser"]

FORMATS: Final = ("csv", "tsv", "jsonl", "parquet", "merchant", "ga4", "log")
"""As in :mod:`reco_sdk.importing`, which is not imported for a help text; a test holds them together."""

_IMPORT: Final = """\
examples:
  reco import products.csv
  reco import items https://shop.example/feed.xml --refused refused.jsonl
  reco import items products.csv.gz --map title=name,price=cost --set currency=EUR --attributes colour,season
  reco import interactions orders.parquet --map item_id=sku,user_id=customer,at=created --set kind=purchase
  reco import interactions ga4-export.jsonl
  reco import interactions access.log.gz --url '/products/{item_id}' --url 'search=/find?q={query}'
  reco import products.jsonl --dry-run

columns:
  Items: the names of an item's fields, or those of Google's product data specification (link, image_link, product_type,
  item_group_id, ...). Prices may carry their currency, "59.00 EUR". Category paths are written "Women > Dresses"; several
  are separated by "|", or by commas where each of them has two levels or more. Interactions: kind, item_id, visitor_id or
  user_id, at (or timestamp: ISO 8601, or epoch seconds, milli-, micro- or nanoseconds), quantity, value, query, ...

A killed import goes on after its last stored batch when it is run again. Afterwards, `reco sync` embeds what is new.
"""

_SIMILAR: Final = "examples:\n  reco similar sku-1\n  reco similar sku-1 -n 20 --json\n"
_RECOMMEND: Final = """\
examples:
  reco recommend --visitor v1
  reco recommend --user 42 --placement cart --strategy you_may_also_like --seed sku-1 --seed sku-2
  reco recommend --strategy new_arrivals --category "Women > Dresses" --price-max 60
"""
_WHY: Final = "examples:\n  reco why --visitor v1\n  reco why --strategy similar_items --seed sku-1 --json\n"
_WHY_NOT: Final = "examples:\n  reco why-not sku-9 --strategy similar_items --seed sku-1\n"
_SYNC: Final = "examples:\n  reco sync\n  reco sync --model hashing        # no model: word overlap only\n"
_SERVE: Final = """\
examples:
  reco serve
  RECO_API_TOKEN=... reco serve --host 0.0.0.0 --port 8080

GET /openapi.json describes what is served. SIGTERM lets requests under way finish and writes what waits.
"""
_MIGRATE: Final = (
    "examples:\n  reco migrate\n  reco migrate --check     # changes nothing; exit status 1 where something is to be done\n"
)
_RULES: Final = """\
examples:
  reco rules list
  reco rules put rules.json                    # one rule, or a list of them; - reads standard input
  reco rules delete summer-sale
  reco rules history summer-sale

  echo '{"id": "no-samples", "action": "hide", "where": "tag == \\"sample\\""}' | reco rules put -
"""
_WORKER: Final = """\
examples:
  reco worker                                  # beside `reco serve`; stop with Ctrl-C or SIGTERM
  reco worker --health 127.0.0.1:9101          # GET /healthz and /metrics
  reco worker --once                           # from cron: embed, build if it is due, prune, leave
  reco worker --dry-run

One worker a host builds the snapshots that its processes map; of all workers of a store one leads: it embeds and prunes.
Killed at any point, it or another goes on from the store a few seconds later. RECO_SNAPSHOT_HOURS, RECO_DELTA_LIMIT,
RECO_KEEP_INTERACTIONS_DAYS, RECO_KEEP_IMPRESSIONS_DAYS and RECO_KEEP_DELETED_DAYS say how often it builds and how long
it keeps what.
"""
_TRAIN: Final = """\
examples:
  reco train
  reco train --dry-run                         # compare, and write nothing
  reco train --budget-minutes 2

Learns from the shop's last days how to rank what its sources propose, and compares that, on days that come after, with what
serves now, with content alone and with popularity alone. What does not win is not kept. A run that was ended goes on where
it was. A worker does this by itself, at most every RECO_TRAIN_HOURS and after RECO_TRAIN_AFTER_INTERACTIONS.
"""
_SNAPSHOT: Final = """\
examples:
  reco snapshot export snapshot.tar
  reco snapshot import snapshot.tar            # on another host over the same store

A snapshot is derived from the store: a host can always build its own. To take a finished one over only saves the time.
What another store made is refused, since its items would be shown here.
"""
_DOCTOR: Final = "examples:\n  reco doctor\n  reco doctor --json | jq .problems\n\nExit status 1 where something is wrong.\n"


def make_parser() -> argparse.ArgumentParser:  # noqa: PLR0915 -- one command after another
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="reco",
        description="Recommendations for an online shop.",
        epilog="`reco COMMAND --help` has each command's options and examples.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, summary: str, epilog: str, *, json: bool = True, **more: Any) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **more,
        )
        command.add_argument("--store", metavar="URL", help="default: RECO_STORE, else sqlite:///shop.reco.sqlite3")
        if json:
            command.add_argument("--json", action="store_true", help="answer in JSON")
        noise = command.add_mutually_exclusive_group()
        noise.add_argument("-q", "--quiet", action="store_true", help="no progress bar, no warnings")
        noise.add_argument("-v", "--verbose", action="store_true", help="say what is being done")
        return command

    _import(add("import", "import items or interactions from a file or an address", _IMPORT, usage=_IMPORT_USAGE))

    similar = add("similar", "show what is like an item", _SIMILAR)
    similar.add_argument("item_id", metavar="ITEM_ID")
    _slate(similar, "item")

    recommend = add("recommend", "show a slate for a visitor, a user, or nobody in particular", _RECOMMEND)
    recommend.add_argument("--strategy", metavar="NAME", help="default: what the settings say of the placement")
    recommend.add_argument("--seed", action="append", default=[], metavar="ITEM_ID", help="start from this item; may be repeated")
    _slate(recommend, "home")

    _explaining(add("why", "explain a slate item by item", _WHY))
    missed = add("why-not", "say why an item is not in a slate, and what would show it", _WHY_NOT)
    missed.add_argument("item_id", metavar="ITEM_ID")
    _explaining(missed)

    sync = add("sync", "embed what is new and build the snapshot that is served", _SYNC)
    _model(sync)

    serve = add("serve", "serve the HTTP API", _SERVE)
    serve.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    serve.add_argument("--port", type=int, default=8080, help="default: %(default)s; 0 takes a free one")
    _model(serve)

    worker = add("worker", "embed, build snapshots and prune, beside the processes that serve", _WORKER)
    worker.add_argument("--once", action="store_true", help="do what there is to do, and leave")
    worker.add_argument("--dry-run", action="store_true", help="only say what there is to do")
    worker.add_argument("--health", metavar="HOST:PORT", help="serve /healthz and /metrics there")
    worker.add_argument("--nice", type=int, default=BELOW_PAGES, metavar="N", help=NICE_HELP)
    _state(worker)
    _model(worker)

    rules = add("rules", "show, store and delete merchandising rules", _RULES)
    rules.add_argument("action", choices=("list", "put", "delete", "history"))
    rules.add_argument("what", nargs="*", metavar="FILE|ID", help="put: files; delete, history: ids")

    snapshot = add("snapshot", "take the snapshot that serves to another host", _SNAPSHOT)
    snapshot.add_argument("action", choices=("export", "import"))
    snapshot.add_argument("file", metavar="FILE")
    snapshot.add_argument("--force", action="store_true", help="import one that is older than what serves")
    _state(snapshot)

    train = add("train", "learn from what visitors did how to rank, and keep what wins", _TRAIN)
    train.add_argument("--budget-minutes", type=float, metavar="M", help="default: RECO_TRAIN_MINUTES, else 10")
    train.add_argument("--dry-run", action="store_true", help="train and compare; write nothing")
    train.add_argument("--force", action="store_true", help="train although nothing happened since the last time")
    _state(train)

    migrate = add("migrate", "bring a store to this release's schema", _MIGRATE)
    migrate.add_argument("--check", action="store_true", help="only say what is to be done")

    evaluate = add("evaluate", "measure how good recommendations are, on a folder of data", evaluating.EXAMPLES, json=False)
    evaluating.options(evaluate)
    _model(evaluate)

    finetuned = add("finetune", "change the text model by what visitors turned to one after another", finetune.EXAMPLES)
    finetune.options(finetuned)
    _model(finetuned)

    clean = add("clean", "say what of a log does not count, and why; changes nothing", cleaning.EXAMPLES)
    cleaning.options(clean)
    _reading(clean)

    newsletter.options(add("newsletter", "write a row for every user to a file", newsletter.EXAMPLES))

    _model(add("doctor", "look at the store, the model and the snapshot, and say what is wrong", _DOCTOR))
    return parser


_IMPORT_USAGE: Final = "reco import [items | interactions] FILE_OR_URL [options]"


def _reading(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=FORMATS, help="default: found out from the content")
    command.add_argument("--encoding", default="utf-8", help="of CSV, TSV and JSON lines; default: %(default)s")
    command.add_argument("--delimiter", metavar="CHAR", help="of CSV; default: found out from the header")
    command.add_argument("--map", action="append", default=[], metavar="FIELD=COLUMN,...", help="read fields from other columns")
    command.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="for rows that have no value of their own"
    )
    command.add_argument(
        "--attributes", action="append", default=[], metavar="COLUMN,...", help="keep as attributes; '*' keeps all"
    )
    command.add_argument(
        "--category-separator", default=">", metavar="TEXT", help="between the levels of a path; default: %(default)s"
    )
    command.add_argument(
        "--url",
        action="append",
        default=[],
        metavar="[KIND=]ADDRESS",
        help="of a web server's log: /products/{item_id}; repeatable",
    )
    command.add_argument(
        "--batch", type=int, default=1_000, metavar="ROWS", help="stored in one transaction; default: %(default)s"
    )
    command.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="without a byte from a server")


def _import(command: argparse.ArgumentParser) -> None:
    command.add_argument("what", metavar="items | interactions", help="what the rows are; default: items")
    command.add_argument("source", metavar="FILE_OR_URL", nargs="?", help="a file, gzipped or not, or an http(s) address")
    _reading(command)
    command.add_argument("--refused", metavar="FILE", help="write each refused row to this file, as JSON lines")
    command.add_argument("--restart", action="store_true", help="begin at the first row, whatever was done before")
    command.add_argument("--dry-run", action="store_true", help="read and report; store nothing")


def _explaining(command: argparse.ArgumentParser) -> None:
    command.add_argument("--strategy", metavar="NAME", help="default: what the settings say of the placement")
    command.add_argument("--seed", action="append", default=[], metavar="ITEM_ID", help="start from this item; may be repeated")
    _slate(command, "home")


def _slate(command: argparse.ArgumentParser, placement: str) -> None:
    command.add_argument("-n", type=int, default=8, metavar="N", help="how many; default: %(default)s")
    command.add_argument("--visitor", metavar="ID", help="the browser that asks")
    command.add_argument("--user", metavar="ID", help="the account that asks")
    command.add_argument("--placement", default=placement, metavar="NAME", help="where it would be shown; default: %(default)s")
    command.add_argument("--category", action="append", default=[], metavar="PATH", help="only at or under it; may be repeated")
    command.add_argument("--brand", action="append", default=[], help="only this brand; may be repeated")
    command.add_argument("--price-min", type=float, metavar="PRICE")
    command.add_argument("--price-max", type=float, metavar="PRICE")
    command.add_argument("--site", default="", metavar="KEY", help="the site or channel whose prices count")
    command.add_argument("--segment", action="append", default=[], help="whoever asks belongs to it; may be repeated")
    command.add_argument("--exclude", action="append", default=[], metavar="ITEM_ID", help="not this one; may be repeated")
    command.add_argument("--unavailable", action="store_true", help="also what cannot be bought now")


def _state(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--state-dir", metavar="FOLDER", help="folder of the snapshots; default: RECO_STATE_DIR, else by the store"
    )


def _model(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", metavar="NAME", help="sentence-transformers model, folder, or 'hashing'; default: RECO_MODEL")
