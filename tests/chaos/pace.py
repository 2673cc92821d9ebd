"""How fast this machine is for one more process: the seconds that a second of computing takes.

1 on a machine with a core to spare. Bars in seconds mean such a machine; on one that others keep busy, the short run's bars
are longer by this factor. It is measured in a process of its own, which takes no part in anything else.
"""

import contextlib
import subprocess
import sys
import time

BURST_SECONDS = 0.02
PAUSE_SECONDS = 0.3
PART = 0.5


class Pace:
    """Measures until it is stopped."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)

    def stop(self) -> float:
        """Return what half of the measurements did not exceed, 1 at least."""
        self._process.terminate()
        said, _ = self._process.communicate()
        found = sorted(float(line) for line in said.splitlines())
        return max(found[int(PART * len(found))], 1.0) if found else 1.0


def burst() -> float:
    """Compute for a moment; return how many times as long it took."""
    started, used = time.perf_counter(), time.process_time()
    while time.process_time() - used < BURST_SECONDS:
        pass
    return (time.perf_counter() - started) / BURST_SECONDS


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):  # whoever reads is gone
        while True:
            sys.stdout.write(f"{burst():.3f}\n")
            sys.stdout.flush()
            time.sleep(PAUSE_SECONDS)
