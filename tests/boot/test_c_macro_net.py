# SPDX-License-Identifier: Apache-2.0
"""
What the experiment aquosa-macro-net calls trouble, and what it expects of a wire and a CPU: without a rig. Its runs
take half an hour: make experiment NAME=aquosa-macro-net.
"""
import json

import tools.lib.macro_net_experiment as experiment
import tools.lib.rigs as rigs

PAGE = "00ff"
# Of each round: 100 pages, 30 ms of wall time each, 2 idle, 3 stolen: 25 of CPU; 1,000 bytes.
WALL_MS, IDLE_MS, STEAL_MS, SENT = 30, 2, 3, 1000


def part_lines(part, rounds, received, sent):
    yield {"part": part, "nic": "eth0", "driver": "igbvf"}
    yield {"part": part, "page_sha256": PAGE}
    yield {"part": part, "counters": "eth0", "rx_packets": received, "tx_packets": sent, "rx_errors": 0, "tx_errors": 0,
           "rx_dropped": 0, "tx_dropped": 0}
    yield {"part": part, "offload": {"rx_csum_offload_errors": 0, "alloc_rx_buff_failed": 0}}
    yield {"part": part, "checksum_errors": {"ip": 0, "tcp": 0}, "tcp_retransmits": 7, "udp_receive_errors": 0}
    yield {"part": part, "dmesg": 4, "text": "[    0.012000] tsc: Unable to calibrate against PIT"}
    yield {"part": part, "web_done": rounds, "wrong": 0}


def round_lines(r):
    for when, n in (("begin", r * 100), ("end", (r + 1) * 100)):
        yield {"part": "clients", "account": when, "of": r, "server_tsc": n * WALL_MS * 1000000, "sent": n * SENT,
               "idle": n * IDLE_MS // 10, "steal": n * STEAL_MS // 10}
    yield {"part": "clients", "round": r, "tsc": 3 * 10**9, "wall_s": 3.0}
    yield {"part": "clients", "ab": r, "complete": 100, "failed": 0, "other": 0, "length": 10, "taken_s": 3.0}
    # 250 to 299 ms, twice, but that the longest of round r is 300 + r.
    yield {"part": "clients", "requests": r, "ms": [250 + i // 2 for i in range(99)] + [300 + r]}


def run(condition="reserved", change=None):
    """A run in which all is well, but for what `change` does to its lines."""
    lines = list(part_lines("web", 0, 5000, 40000)) + list(part_lines("clients", 5, 40000, 5000))
    for r in range(5):
        lines += round_lines(r)
    lines.append({"partition": "load", "misses": 3})
    if change:
        change(lines)
    return rigs.Boot("qemu-iso", "aquosa_macro_net_8_" + condition, 0, "\n".join("@" + json.dumps(o) for o in lines))


def set_in(key, part, **values):
    """A change: of the line of `part` that has `key`."""
    def change(lines):
        next(o for o in lines if key in o and part in (o.get("part"), o.get("partition"))).update(values)
    return change


def without(key, part):
    def change(lines):
        lines.remove(next(o for o in lines if key in o and o.get("part") == part))
    return change


def test_nothing_is_wrong_with_a_good_run():
    assert experiment.troubles(run()) == []
    assert experiment.troubles(run("alone", set_in("misses", "load", misses=0))) == []


def test_every_trouble_is_seen():
    for n, change in enumerate((
            set_in("ab", "clients", failed=1), set_in("ab", "clients", complete=99), set_in("ab", "clients", other=1),
            set_in("counters", "web", rx_errors=1), set_in("counters", "clients", rx_dropped=1),
            set_in("counters", "clients", rx_packets=39990), set_in("counters", "web", rx_packets=4990),
            set_in("checksum_errors", "clients", checksum_errors={"ip": 0, "tcp": 1}),
            set_in("nic", "web", driver="igb"), set_in("web_done", "web", wrong=1),
            set_in("web_done", "clients", web_done=4), set_in("dmesg", "web", text="[ 1.0] igbvf: Tx Unit Hang"),
            set_in("misses", "load", misses=0), without("ab", "clients"), without("page_sha256", "web"),
            without("counters", "web"), lambda lines: lines.append({"part": "web", "broken": "eth0 has no link"}),
            lambda lines: lines.append({"event": "x", "late": 1}))):
        assert experiment.troubles(run(change=change)), n


def test_what_a_page_took():
    row, values = experiment.cell(run())
    assert (row["n"], row["max"], row["max_median"]) == (500, 0.304, 0.302) and values[0] == 0.25, row
    assert (row["cpu_ms"], row["taken_ms"], row["page_ms"], row["sent_bytes"]) == (25, 3, 30, 1000), row
    assert row["retransmits"] == 7 and row["clock_ppm"] == 0, row


def test_pages_must_be_the_same_everywhere():
    good, other = run("alone"), run("reserved", set_in("page_sha256", "clients", page_sha256="11"))
    assert set(experiment.results({"8": {"alone": good, "reserved": run()}})["8"]) == {"alone", "reserved"}
    try:
        experiment.results({"8": {"alone": good, "reserved": other}})
    except SystemExit:
        return
    raise AssertionError("another page was taken for the same")


def test_the_slower_of_wire_and_cpu_decides():
    assert experiment.wire_ms("8", 100000) == 100 and experiment.wire_ms("free", 100000) == 0
    # wire, CPU, taken -> alone, in the reservation: ten clients' worth, in s
    for demands, alone, reserved, is_wire_bound in (
            ((100, 24, 1), 1.0, 1.0, True), ((50, 24, 1), 0.5, 0.5, True), ((45, 24, 1), 0.45, 0.45, False),
            ((30, 24, 1), 0.3, 0.4, False), ((20, 24, 1), 0.25, 0.4, False), ((0, 24, 1), 0.25, 0.4, False)):
        predicted, certain = experiment.prediction(*demands)
        assert abs(predicted["alone"] - alone) < 1e-9 and abs(predicted["reserved"] - reserved) < 1e-9, (demands, predicted)
        assert certain == is_wire_bound, demands


def test_only_a_wire_that_is_the_bottleneck_must_keep_the_papers_ratios():
    good, bad = {"avg": 1.0, "max": 1.1}, {"avg": 1.68, "max": 1.29}
    for ratios, is_wire_bound in ((good, True), (bad, True), (bad, False)):
        checks = experiment.bars({"8": dict(ratios, is_wire_bound=is_wire_bound)})
        assert [(holds, must) for _, _, _, holds, must in checks] == 2 * [(ratios is good, is_wire_bound)], checks
