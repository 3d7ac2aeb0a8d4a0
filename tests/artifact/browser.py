# SPDX-License-Identifier: MIT
"""Chromium without a window, steered through its debugging pipe: pages are opened, typed into and
clicked as a reader would, and what they show is read back."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = "chromium-headless-shell"
FLAGS = (
    "--remote-debugging-pipe",  # it reads file descriptor 3 and writes 4
    "--no-sandbox",  # tests may run as root; the only page is ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PATIENCE_S = 120
SETTLED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"


class ScriptError(AssertionError):
    """A script in the page threw."""


@dataclass
class Page:
    """One page; ``problems`` are what its console and its scripts complained of, ``requests`` the
    addresses that it asked for."""

    write: int
    read: int
    session: str = ""
    number: int = 0
    rest: bytes = b""
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def send(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call ``method`` of the browser and return its result."""
        self.number += 1
        message: dict[str, object] = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            data = os.read(self.read, 1 << 20)
            assert data, "the browser has ended"
            self.rest += data
        text, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        match event.get("method"):
            case "Runtime.exceptionThrown":
                self.problems.append(str(event["params"]["exceptionDetails"]))
            case "Log.entryAdded":
                self.problems.append(event["params"]["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(event["params"]["request"]["url"])

    def evaluate(self, script: str) -> Any:
        """The value of the expression ``script`` in the page, awaited if it is a promise."""
        result = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise ScriptError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, address: str) -> None:
        """Load ``address`` and wait for it."""
        self.send("Page.navigate", url=address)
        self.evaluate(
            "new Promise(done => document.readyState === 'complete' ? done()"
            " : addEventListener('load', () => done()))"
        )
        self.settle()

    def settle(self) -> None:
        """Wait until what was changed is drawn."""
        self.evaluate(SETTLED)

    def click(self, selector: str) -> None:
        """Click on the first element that ``selector`` finds."""
        self.evaluate(
            f"document.querySelector({json.dumps(selector)})"
            ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
        )
        self.settle()

    def enter(self, selector: str, text: str) -> None:
        """Put ``text`` into the field, or choose it in the list."""
        self.evaluate(
            f"(field => {{ field.value = {json.dumps(text)};"
            " for (const kind of ['input', 'change'])"
            " field.dispatchEvent(new Event(kind, {bubbles: true})); })"
            f"(document.querySelector({json.dumps(selector)}))"
        )
        self.settle()

    def measure(self, deed: Callable[[], object]) -> float:
        """Seconds of processor time that the page takes for ``deed``, layout and paint included."""
        before = self._read_effort()
        deed()
        return self._read_effort() - before

    def _read_effort(self) -> float:
        self.send("Performance.enable", timeDomain="threadTicks")
        metrics = self.send("Performance.getMetrics")["metrics"]
        return next(float(m["value"]) for m in metrics if m["name"] == "TaskDuration")

    def count(self, selector: str) -> int:
        """How many elements ``selector`` finds."""
        return int(self.evaluate(f"document.querySelectorAll({json.dumps(selector)}).length"))

    def read_texts(self, selector: str) -> list[str]:
        """Texts of all elements that ``selector`` finds."""
        script = f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)"
        texts: list[str] = self.evaluate(script)
        return texts


@contextmanager
def open_browser(folder: Path) -> Iterator[Page]:
    """A browser with an empty page; ``folder`` keeps its profile."""
    to_read, to_write = os.pipe(), os.pipe()
    # A shell puts the pipes where the browser looks for them.
    command = f'exec {PROGRAM} "$@" 3<&{to_write[0]} 4>&{to_read[1]}'
    process = subprocess.Popen(
        ["bash", "-c", command, PROGRAM, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
        pass_fds=(to_write[0], to_read[1]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_write[0])
    os.close(to_read[1])
    page = Page(to_write[1], to_read[0])
    try:
        target = page.send("Target.createTarget", url="about:blank")["targetId"]
        attached = page.send("Target.attachToTarget", targetId=target, flatten=True)
        page.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        yield page
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        os.close(to_write[1])
        os.close(to_read[0])
