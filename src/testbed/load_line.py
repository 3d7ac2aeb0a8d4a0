# SPDX-License-Identifier: MIT
"""A load as one writes it on a command line: the load generator's own flags."""

from __future__ import annotations

import argparse
import shlex
from typing import NoReturn

from pydantic import ValidationError

from ground.voice import UsageError
from testbed.experiment import Ab, Chase, Httperf, Load, Netperf

EXAMPLES = (
    "ab -c 100 -n 20000",
    "ab -c 2500 -n 20000 --size 10k",
    "httperf --rate 2000 --num-conns 10000 --timeout 5",
    "netperf -t TCP_RR -l 2",
    "chase",
)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"load: {self.prog}: {message}", hint=f"such as: {'; '.join(EXAMPLES)}")


def parse_load(line: str) -> Load:
    """The load that ``line`` describes; UsageError with examples if it does not describe one."""
    words = shlex.split(line)
    makers = {
        "ab": _parse_ab,
        "httperf": _parse_httperf,
        "netperf": _parse_netperf,
        "chase": _parse_chase,
    }
    if not words or words[0] not in makers:
        raise UsageError(
            f"load {line!r} begins with none of {', '.join(makers)}",
            hint=f"such as: {'; '.join(EXAMPLES)}",
        )
    try:
        return makers[words[0]](words[1:])
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"load {line!r}: {where} {message}", hint=EXAMPLES[0]) from None


def _parser(name: str) -> _Parser:
    return _Parser(prog=name, add_help=False, allow_abbrev=False)


def _parse_ab(words: list[str]) -> Load:
    parser = _parser("ab")
    parser.add_argument("-c", dest="concurrency", type=int, default=1)
    parser.add_argument("-n", dest="requests", type=int, required=True)
    parser.add_argument("-s", dest="timeout_s", type=int)
    parser.add_argument("--size")
    parser.add_argument("--per-process", type=int)
    parser.add_argument("--processes", type=int)
    parser.add_argument("--stagger-ms", type=int)
    return Ab.model_validate(_given(parser, words))


def _parse_httperf(words: list[str]) -> Load:
    parser = _parser("httperf")
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--num-conns", dest="connections", type=int, required=True)
    parser.add_argument("--timeout", dest="timeout_s", type=int)
    parser.add_argument("--size")
    parser.add_argument("--processes", type=int)
    return Httperf.model_validate(_given(parser, words))


def _parse_netperf(words: list[str]) -> Load:
    parser = _parser("netperf")
    parser.add_argument("-t", dest="test", required=True)
    parser.add_argument("-l", dest="seconds", type=int)
    parser.add_argument("--streams", type=int)
    parser.add_argument("--request-bytes", type=int)
    parser.add_argument("--response-bytes", type=int)
    return Netperf.model_validate(_given(parser, words))


def _parse_chase(words: list[str]) -> Load:
    return Chase.model_validate(_given(_parser("chase"), words))


def _given(parser: _Parser, words: list[str]) -> dict[str, object]:
    """What was given, so that everything else keeps the model's own default."""
    return {
        key: value for key, value in vars(parser.parse_args(words)).items() if value is not None
    }
