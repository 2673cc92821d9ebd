"""The command line: ``reco import | similar | recommend | sync | serve | worker | snapshot | migrate | doctor | …``.

Nothing heavy is imported before a command needs it. Exit status: 0, 1 for what went wrong (one line on standard
error), 2 for a command line that cannot be read, 130 when interrupted.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence

from reco_sdk.cli.parser import make_parser
from reco_sdk.errors import RecoError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    level = logging.ERROR if arguments.quiet else logging.INFO if arguments.verbose else logging.WARNING
    logging.basicConfig(level=level, format="reco: %(levelname)s: %(message)s", stream=sys.stderr)
    from reco_sdk.cli import commands  # noqa: PLC0415 - imports numpy, which --help does without

    try:
        return asyncio.run(commands.COMMANDS[arguments.command](arguments))
    except RecoError as error:
        sys.stderr.write(f"reco: error: {error}\n")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        sys.stderr.write(f"reco: error: {error.filename or 'input or output'}: {error.strerror or error}\n")
    except KeyboardInterrupt:
        sys.stderr.write("reco: interrupted; what was stored is kept, the same command goes on from there\n")
        return 130
    return 1
