# SPDX-License-Identifier: MIT
"""Parsers of what tools and guests print: right on real output, loud on anything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.guest.network import (
    GuestCounterError,
    count_device_drops,
    find_suspect_lines,
    parse_paired_lines,
)
from testbed.loads.ab import parse_ab
from testbed.loads.netperf import parse_netperf
from testbed.loads.open_loop import parse_httperf
from testbed.loads.reports import ReportError, add_reports
from testbed.outputs.counters import CounterError, read_counters, tabulate
from testbed.outputs.emissions import EmissionError, read_emissions
from tests.testbed.synthetic import ab_report, counter_line, counter_stream, frame

HTTPERF = """\
httperf --hog --client=0/1 --server=10.0.1.1 --port=80 --uri=/f0 --rate=100 --num-conns=200

Maximum connect burst length: 1

Total: connections 200 requests 198 replies 197 test-duration 1.990 s

Connection rate: 100.5 conn/s (9.9 ms/conn, <=1 concurrent connections)
Reply rate [replies/s]: min 0.0 avg 0.0 max 0.0 stddev 0.0 (0 samples)
Reply size [B]: header 236.0 content 1024.0 footer 0.0 (total 1260.0)
Reply status: 1xx=0 2xx=196 3xx=0 4xx=0 5xx=1

Errors: total 3 client-timo 2 socket-timo 0 connrefused 0 connreset 1
Errors: fd-unavail 0 addrunavail 0 ftab-full 0 other 0
"""


def test_ab() -> None:
    report = parse_ab(ab_report(5000, failed=7))
    assert (report.completed, report.wrong, report.errors) == (5000, 7, 0)
    assert report.body_bytes == 5_000_000


def test_ab_cut_off_says_what_it_said() -> None:
    with pytest.raises(ReportError, match="timeout specified has expired"):
        parse_ab("apr_pollset_poll: The timeout specified has expired (70007)")


def test_httperf() -> None:
    report = parse_httperf(HTTPERF)
    assert (report.completed, report.wrong, report.errors) == (197, 1, 3)
    assert report.requests_per_s == pytest.approx(197 / 1.99)
    with pytest.raises(ReportError):
        parse_httperf(HTTPERF.replace("Reply status", "Reply"))


def test_netperf() -> None:
    text = "THROUGHPUT={}\nTHROUGHPUT_UNITS={}\nELAPSED_TIME=2.00\n"
    bulk = parse_netperf(text.format("941.5", "10^6bits/s"), "TCP_STREAM")
    assert bulk.throughput_bit_s == 941.5e6
    turns = parse_netperf(text.format("5000.5", "Trans/s"), "TCP_RR")
    assert (turns.transactions_per_s, turns.completed) == (5000.5, 10001)
    with pytest.raises(ReportError, match="unit"):
        parse_netperf(text.format("5", "MBytes/s"), "TCP_STREAM")
    with pytest.raises(ReportError, match="lacks"):
        parse_netperf("establish control: are you sure?", "TCP_RR")


def test_a_fleet_adds_up() -> None:
    total = add_reports([parse_ab(ab_report(100)), parse_ab(ab_report(50, failed=2))])
    assert (total.processes, total.completed, total.wrong) == (2, 150, 2)
    with pytest.raises(ReportError):
        add_reports([])
    with pytest.raises(ReportError):
        add_reports([parse_ab(ab_report(1)), parse_httperf(HTTPERF)])


def test_paired_lines() -> None:
    text = "Tcp: A B\nTcp: 1 2\nIp: C\nIp: 3\n"
    assert parse_paired_lines(text) == {"Tcp.A": 1, "Tcp.B": 2, "Ip.C": 3}
    for wrong in ("Tcp: A B\nTcp: 1\n", "Tcp: A\nIp: 1\n", "Tcp: A\n"):
        with pytest.raises(GuestCounterError):
            parse_paired_lines(wrong)


def test_device_drops_without_loopback() -> None:
    text = "head\n lo: 1 1 9 9 9 0 0 0 1 1 9 9 9 0 0 0\neth0: 1 1 0 2 3 0 0 0 1 1 0 4 5 0 0 0\n"
    assert count_device_drops(text) == 14


def test_suspect_lines() -> None:
    clean = "Linux version 6.1\ne1000: eth0 NIC Link is Up 1000 Mbps\n"
    assert find_suspect_lines(clean) == []
    for bad in ("TCP: request_sock_TCP: Possible SYN flooding on port 80", "Out of memory: Killed"):
        assert find_suspect_lines(clean + bad) == [bad]


@given(st.dictionaries(st.from_regex(r"[a-z0-9.]{1,9}", fullmatch=True), st.text(), max_size=6))
def test_emissions_round_trip(
    tmp_path_factory: pytest.TempPathFactory, bodies: dict[str, str]
) -> None:
    """Frames come back whole, whatever their bytes, headers of frames included."""
    bodies = bodies | {"nested": "@@ inner 3\nabc\n"}
    path = tmp_path_factory.mktemp("frames") / "frames.bin"
    path.write_bytes(b"".join(frame(name, body) for name, body in bodies.items()))
    emissions = read_emissions(path)
    assert {name: emissions.text(name) for name in emissions.names()} == bodies


def test_cut_and_doubled_emissions(tmp_path: Path) -> None:
    path = tmp_path / "frames.bin"
    whole = frame("a", "hello\n")
    for wrong in (whole[:-1], whole[:-4], b"x" + whole, whole + whole):
        path.write_bytes(wrong)
        with pytest.raises(EmissionError):
            read_emissions(path)
    path.write_bytes(whole)
    with pytest.raises(EmissionError, match="did not emit 'b'"):
        read_emissions(path).text("b")


def test_counter_stream(tmp_path: Path) -> None:
    path = tmp_path / "counters.jsonl"
    path.write_text(counter_stream(50_000_000))
    records = read_counters(path)
    table = tabulate(records)
    assert table.height == len(records) == 13
    assert table["insn_kernel"].is_sorted()


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        ("", "is empty"),
        ("{\n", "counters.jsonl:1"),
        (counter_line("sample", 9) + counter_line("sample", 8), "t runs backwards"),
        (
            counter_line("sample", 8) + counter_line("sample", 9, units=-3),
            "units Input should be greater than or equal to 0",
        ),
        (counter_line("sample", 9, surprise=1), "surprise"),
        (counter_line("sample", 9, l2_load=[99, 0]), "more l2_load misses than l1d_load"),
        (counter_line("sample", 10**9)[:-30], "counters.jsonl:1"),
    ],
)
def test_wrong_counters_are_refused(tmp_path: Path, spoilt: str, message: str) -> None:
    path = tmp_path / "counters.jsonl"
    path.write_text(spoilt)
    with pytest.raises(CounterError, match=message):
        read_counters(path)
