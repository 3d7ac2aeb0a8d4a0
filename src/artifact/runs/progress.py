# SPDX-License-Identifier: MIT
"""Progress of a sweep: a bar with the time left, a line for each run that was performed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from artifact.runs.store import Outcome
from artifact.runs.worker import Done, Task
from ground.terminal import console

# Drawing takes a core from the runs: it rests between two drawings, longer if they take long.
SPACING_S = 60.0
DRAWING_SHARE = 1 / 30  # of the time
COLOURS = {Outcome.MEASURED: "green", Outcome.INVALID: "yellow", Outcome.SUBJECT_FAILED: "red"}


class Display:
    """An observer that shows a bar.

    The bar counts forecast seconds, so that the time left is right although a run at high
    concurrency takes many times longer than one at low.  ``draw`` is called whenever all runs of
    one of the ``milestones`` are done, but neither again within SPACING_S nor for more than
    DRAWING_SHARE of the time.
    """

    def __init__(
        self,
        progress: Progress,
        run_s: Mapping[str, float],
        total: int,
        milestones: Sequence[frozenset[str]],
        draw: Callable[[], None],
    ):
        self._progress = progress
        self._run_s = run_s
        self._milestones = [set(keys) for keys in milestones]
        self._draw = draw
        self._rests_until_s = -math.inf
        self._count = 0
        self._total = total
        self._bar = progress.add_task("runs", total=sum(run_s.values()), count=f"0/{total}")

    def expect(self, tasks: Sequence[Task]) -> None:
        """Further runs, which no forecast knew."""
        self._total += len(tasks)

    def finish(self, task: Task, done: Done) -> None:
        """Advance the bar; print how the run ended if it was performed now."""
        self._count += 1
        self._progress.update(
            self._bar,
            advance=self._run_s.get(task.key, 0.0),
            count=f"{self._count}/{self._total}",
        )
        if not done.cached:
            seconds = f" ({done.cost.seconds:.1f} s)" if done.cost else ""
            colour = COLOURS[done.outcome]
            self._progress.console.print(
                f"  [{colour}]{done.outcome}[/] {task.label}{seconds}"
                + "".join(f"\n    {escape(reason)}" for reason in done.reasons),
                soft_wrap=True,
            )
        self._pass_milestones(task.key, new=not done.cached)

    def retry(self, task: Task, error: BaseException, tries: int) -> None:
        """Say what failed under the run, and that it is tried again."""
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        self._progress.console.print(
            f"  [magenta]retry[/] {task.label}, try {tries}: {escape(what)}", soft_wrap=True
        )

    def _pass_milestones(self, key: str, *, new: bool) -> None:
        """Runs that were in the store already are no news, since they were drawn before; and
        after the last run everything is drawn anyway."""
        for left in self._milestones:
            left.discard(key)
        if len(waiting := [left for left in self._milestones if left]) < len(self._milestones):
            self._milestones = waiting
            began_s = time.monotonic()
            if new and began_s >= self._rests_until_s and self._count < self._total:
                self._draw()
                ended_s = time.monotonic()
                self._rests_until_s = ended_s + max(SPACING_S, (ended_s - began_s) / DRAWING_SHARE)


@contextmanager
def open_progress() -> Iterator[Progress]:
    """The bar on stderr; without a terminal only the lines appear."""
    columns = (
        TextColumn("{task.fields[count]} runs"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield progress
