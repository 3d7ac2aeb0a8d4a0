# SPDX-License-Identifier: MIT
"""Chooses a server: names, sizes, stages, and where memory comes and goes."""

from __future__ import annotations

from dataclasses import dataclass

from labs.grader.chance import Chance
from labs.stages.paths import Alloc, Do, Field, Free, Next, Path, Server, Stage, Step, Struct

NAMES = {
    "task": ("conn", "client", "session", "peer"),
    "inbox": ("inbox", "input", "received", "line_buffer"),
    "query": ("query", "command", "request", "question"),
    "entry": ("entry", "record", "finding", "item"),
    "outbox": ("outbox", "reply", "answer", "output"),
    "notice": ("notice", "refusal", "excuse", "apology"),
    "greet": ("on_connect", "begin", "welcome", "open_up"),
    "read": ("on_bytes", "gather", "read_line", "listen_to"),
    "parse": ("on_line", "parse", "take_apart", "understand"),
    "allow": ("check_rights", "authorise", "may_it", "vet"),
    "look_up": ("look_up", "find", "search", "consult"),
    "fetch": ("load", "fetch", "bring", "poll_store"),
    "compose": ("make_reply", "phrase", "format_answer", "put_into_words"),
    "refuse": ("refuse", "reject", "turn_down", "deny"),
    "send": ("on_writable", "send_out", "emit", "flush_out"),
    "late": ("on_late", "give_up", "time_out", "lose_patience"),
    "linger": ("linger", "drain_input", "wait_for_end", "tarry"),
    "hang_up": ("hang_up", "finish", "close_down", "part"),
    "soon": ("call_soon", "run_next", "defer", "enqueue"),
    "ready": ("when_ready", "await_socket", "call_on", "park"),
    "timer": ("call_after", "arm", "set_alarm", "or_after"),
    "run": ("dispatch", "step", "resume", "go_on"),
    "run_late": ("dispatch_late", "step_late", "resume_late", "expire"),
    "loop": ("event_loop", "serve", "main_loop", "run_for_ever"),
    "get": ("obtain", "get_free", "take_slot", "new_one"),
    "put": ("give_back", "put_free", "recycle", "drop_slot"),
}
FILLERS = (("short", "flags"), ("long", "since"), ("char", "tag"), ("int", "serial"))
OBJECTS = ("inbox", "query", "entry", "outbox", "notice")
LOOK_UP, COMPOSE = 1, 2  # stages that may have a condition that cannot hold
MILLISECONDS = ("50", "100", "PATIENCE_MS")


@dataclass(frozen=True)
class Shape:
    """What a server has or does; drawn for each."""

    traps: int  # bit mask of the stages that have a condition that can never hold
    allow: bool  # a stage that checks rights
    throttle: bool  # which lets some wait
    fetch: bool  # a stage that asks a store again and again
    linger: bool  # what the client still sends is thrown away before the end
    late_refuses: bool  # a time-out is answered
    bad_line_ends: bool  # a line that is none ends the connection; else it is refused
    query_early: bool  # freed when the answer is there, not when it has been sent
    entry_early: bool
    refusal_frees: bool
    ends_soon: bool  # the last stage is queued, not called, after the last byte


def make_server(chance: Chance, words: dict[str, str] | None = None) -> Server:
    """A server of its own; with the ``words`` of another it is that one's next release."""
    names = words or choose_words(chance)
    flags = [chance.chance(1, 2) for _ in range(10)]
    if not any(flags[:5]):
        flags[2] = True
    traps = chance.between(LOOK_UP, LOOK_UP | COMPOSE)
    return _Maker(chance, names, Shape(traps, *flags)).make()


def choose_words(chance: Chance) -> dict[str, str]:
    """The names of a server, and in which order its functions take their arguments."""
    words = {role: chance.pick(choices) for role, choices in NAMES.items()}
    words["free_list"] = f"free_{words['task']}s"
    words["soon_order"] = chance.pick(("TS", "ST"))
    words["ready_order"] = chance.pick(("TES", "TSE", "EST", "STE"))
    words["timer_order"] = chance.pick(("TMS", "TSM", "MST", "STM"))
    words["line_size"] = str(64 * chance.between(4, 16))
    return words


class _Maker:
    def __init__(self, chance: Chance, words: dict[str, str], shape: Shape):
        self.chance, self.words, self.shape = chance, words, shape

    def make(self) -> Server:
        """All stages in the order in which a request meets them."""
        shape = self.shape
        stages = [self._greet(), self._read(), self._parse()]
        stages += [self._allow()] if shape.allow else []
        stages += [self._look_up()]
        stages += [self._fetch()] if shape.fetch else []
        stages += [self._compose(), self._refuse(), self._send()]
        stages += [self._late()] if shape.late_refuses else []
        stages += [self._linger()] if shape.linger else []
        stages += [self._hang_up()]
        structs = tuple(self._struct(role) for role in OBJECTS)
        w = self.words
        return Server(w, self._task(), structs, tuple(stages), w["greet"], w["hang_up"])

    # Types

    def _task(self) -> Struct:
        w = self.words
        fields = [Field("int", "int fd, slot", 2)]
        fields += [Field("int", "int used, length, mode, left, at", 5)]
        fields += [Field("short", "short events"), Field("bool", "bool keeps")]
        fields += [Field("long", "long deadline"), Field("pointer", "stage_fn next, late", 2)]
        fields += [Field("pointer", f"struct {w['task']} *link")]
        fields += [Field("pointer", f"struct {w[role]} *{w[role]}") for role in OBJECTS]
        self.chance.shuffle(fields)
        return Struct(w["task"], tuple(fields))

    def _struct(self, role: str) -> Struct:
        fields = [self._payload(role)]
        for kind, name in self.chance.sample(FILLERS, self.chance.between(1, 3)):
            fields.append(Field(kind, f"{kind} {name}"))
        self.chance.shuffle(fields)
        return Struct(self.words[role], tuple(fields))

    def _payload(self, role: str) -> Field:
        if role == "inbox":
            return Field("char", "char text[LINE_SIZE]", int(self.words["line_size"]))
        if role == "entry":
            return Field("int", "int rounds")
        size = 8 * self.chance.between(4, 60) + self.chance.below(8)
        return Field("char", f"char {'name' if role == 'query' else 'text'}[{size}]", size)

    # Steps

    def _soon(self, role: str) -> Next:
        return Next(self.words[role], "queue")

    def _wait(self, role: str, events: str = "POLLIN") -> tuple[Step, ...]:
        """Until the socket is ready, and perhaps no longer than patience lasts."""
        late = "late" if self.shape.late_refuses else "hang_up"
        step = Next(self.words[role], "socket", events)
        return (step, self._after(late, "PATIENCE_MS")) if self.chance.chance(2, 3) else (step,)

    def _after(self, role: str, ms: str = "") -> Next:
        return Next(self.words[role], "timer", ms or self.chance.pick(MILLISECONDS))

    @property
    def _end(self) -> Next:
        return Next(self.words["hang_up"], "direct")

    def _free(self, *roles: str) -> Free:
        return Free(tuple(self.words[role] for role in roles))

    def _stage(self, role: str, comment: str, start: tuple[Step, ...], *paths: Path) -> Stage:
        return Stage(self.words[role], comment, start, paths)

    def _trap(self, where: int) -> tuple[Path, ...]:
        """A condition that cannot hold, if the stage has one."""
        if not self.shape.traps & where:
            return ()
        guard = self.chance.pick(("c->mode > 2", "c->length > LINE_SIZE"))
        step = self._after("hang_up") if self.chance.chance(1, 2) else self._soon("hang_up")
        return (Path((step,), guard, possible=False),)

    # Stages

    def _greet(self) -> Stage:
        alloc = Alloc(self.words["inbox"])
        return self._stage("greet", "A client is there.", (alloc,), Path(self._wait("read")))

    def _read(self) -> Stage:
        return self._stage(
            "read", "Bytes may have come.", (),
            Path((self._end,), "fill(c) < 0"),
            Path((self._soon("parse"),), "has_line(c)"),
            Path((self._soon("refuse"),), "is_full(c)"),
            Path(self._wait("read")),
        )  # fmt: skip

    def _parse(self) -> Stage:
        bad = self._end if self.shape.bad_line_ends else self._soon("refuse")
        return self._stage(
            "parse", "There is a line.", (Alloc(self.words["query"]),),
            Path((bad,), "!read_command(c)"),
            Path((self._soon("allow" if self.shape.allow else "look_up"),)),
        )  # fmt: skip

    def _allow(self) -> Stage:
        wait = (Path((self._after("look_up"),), "c->mode == 2"),) if self.shape.throttle else ()
        return self._stage(
            "allow", "May the client have it?", (),
            Path((self._soon("refuse"),), "!is_allowed(c)"),
            *wait,
            Path((self._soon("look_up"),)),
        )  # fmt: skip

    def _look_up(self) -> Stage:
        return self._stage(
            "look_up", "Is there such a thing?",
            (Alloc(self.words["entry"]), Do(f"c->{self.words['entry']}->rounds = 0;")),
            Path((self._free("entry"), self._soon("refuse")), "!is_known(c)"),
            *self._trap(LOOK_UP),
            Path((self._soon("fetch" if self.shape.fetch else "compose"),)),
        )  # fmt: skip

    def _fetch(self) -> Stage:
        return self._stage(
            "fetch", "Has the store it by now?", (),
            Path((self._soon("compose"),), "is_loaded(c)"),
            Path((self._after("fetch", "50"),)),
        )  # fmt: skip

    def _compose(self) -> Stage:
        early = [role for role in ("query", "entry") if getattr(self.shape, f"{role}_early")]
        free = (self._free(*early),) if early else ()
        return self._stage(
            "compose", "The answer is put into words.",
            (Alloc(self.words["outbox"]), Do("compose(c);")),
            *self._trap(COMPOSE),
            Path((*free, self._soon("send"))),
        )  # fmt: skip

    def _refuse(self) -> Stage:
        free = (self._free("query", "entry"),) if self.shape.refusal_frees else ()
        return self._stage(
            "refuse", "The client is told that it gets nothing.",
            (Alloc(self.words["notice"]), Do("explain(c);")),
            Path((*free, self._soon("send"))),
        )  # fmt: skip

    def _send(self) -> Stage:
        live = ((self.words["notice"], False),)
        again = (self._free("query", "entry", "outbox"), Do("start_again(c);"))
        if self.shape.linger:
            end = self._wait("linger")
        else:
            end = (self._soon("hang_up"),) if self.shape.ends_soon else (self._end,)
        return self._stage(
            "send", "The socket takes bytes.", (Do("int left = drain(c);\n"),),
            Path((self._end,), "left < 0"),
            Path(self._wait("send", "POLLOUT"), "left > 0"),
            Path((*again, self._soon("read")), "c->keeps && c->used > c->length + 1", live),
            Path((*again, *self._wait("read")), "c->keeps", live),
            Path(end),
        )  # fmt: skip

    def _late(self) -> Stage:
        notice, outbox = self.words["notice"], self.words["outbox"]
        return self._stage(
            "late", "The client has taken too long.", (),
            Path((self._end,), live=((notice, True),)),
            Path((self._end,), live=((outbox, True),)),
            Path((self._soon("refuse"),), live=((notice, False), (outbox, False))),
        )  # fmt: skip

    def _linger(self) -> Stage:
        return self._stage(
            "linger", "Nothing more is to be said, but perhaps to be heard.", (),
            Path((self._end,), "discard(c) < 0"),
            Path(self._wait("linger")),
        )  # fmt: skip

    def _hang_up(self) -> Stage:
        return self._stage(
            "hang_up", "All that the request has is given back.", (Do("close(c->fd);"),),
            Path((self._free(*OBJECTS, "task"),)),
        )  # fmt: skip
