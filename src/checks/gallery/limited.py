# SPDX-License-Identifier: MIT
"""Run a command as a user with so much patience would: ``python -m checks.gallery.limited SECONDS
REPORT COMMAND...`` interrupts it (Ctrl-C) after that time, and writes what it took."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_S = 120.0  # to write what was found


def run_limited(seconds: float, report: Path, command: list[str]) -> int:
    """Run, interrupt, kill what does not listen; the exit status."""
    start = time.monotonic()
    process = subprocess.Popen(command)
    interrupted = False
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        interrupted = True
        process.send_signal(signal.SIGINT)
        try:
            status = process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    taken = {
        "seconds": round(time.monotonic() - start, 1),
        "megabytes": peak // 1024,
        "interrupted": interrupted,
    }
    report.write_text(json.dumps(taken))
    return status


if __name__ == "__main__":
    sys.exit(run_limited(float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]))
