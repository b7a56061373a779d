# SPDX-License-Identifier: Apache-2.0
"""
Layered queueing networks made of configurations (tools/lib/queueing.py): without a rig. What they predict is compared
with runs by `make experiment NAME=lqn`.
"""
import os
import re

import tools.lib.lqn_figures as figures
import tools.lib.queueing as queueing
import tools.lib.rigs as rigs

HZ = 50e6
DISK = {"disk guest": {"each": 1000, "wake": 500, "sleep": 200}, "disk service": {"each": 500, "wake": 0}}
SERVE = {"serve work_ns=0 frames=10": {"each": 10000, "wake": 0, "turnaround": 0}, "nic": {"each": 1000}}


def flow(result, entry):
    return next(f for f in result["flows"] if f["entry"] == entry)


def busy(result):
    return {p["name"]: (p["busy"], p["of"]) for p in result["processors"]}


def test_a_disk_is_what_the_plan_says_of_it():
    plan = rigs.plan_of("blk_cost_shared_32")
    text, left_out = queueing.describe(plan, DISK, HZ)
    lines = text.split("\n")
    for line in ("g load 0.003 0.01 core0", "g service 0.0005 0.001 core0", "p disk f m 8",
                 "t ask.load r load -1 wait m 32", "s guest.load 2e-05 -1", "w guest.load 1e-05 4e-06 -1",
                 "s disk.load 0.0004 -1", "s service.load 1e-05 -1"):
        assert line in lines, (line, text)
    assert not left_out
    for result in queueing.solve(text, 5):
        assert flow(result, "load")["throughput"] <= 15001, result   # 0.3 of a core, 20 us each
        assert flow(result, "load")["throughput"] >= 9000, result
        assert abs(busy(result)["load"][0] - 0.3) < 0.001, result


def test_guests_whose_costs_are_not_known_are_left_out_and_named():
    plan = rigs.plan_of("blk_cost_shared_32")
    assert queueing.describe(plan, {}, HZ)[1] == {"load": "no costs are known of 'disk guest'"}


def has_lines(text, *lines):
    missing = [line for line in lines if line not in text.split("\n")]
    assert not missing, (missing, text)


def disk_guest(name, core, args, kind="owned"):
    return {"name": name, "vcpus": [{"kind": kind, "core": core}], "args": args}


def test_a_shared_disk_serves_by_weights_as_long_as_requests_are():
    guests = [disk_guest("a", 0, "mode=load depth=4 bytes=8192"), disk_guest("b", 1, "mode=load rate=100"),
              disk_guest("c", 2, "mode=load", "best_effort"), disk_guest("d", 4, "mode=fill")]
    disk = {"name": "d0", "parallel": 2, "is_fair": True, "read_ns": [100000, 1000],
            "shares": [{"partition": n, "weight": w} for n, w in (("a", 30), ("b", 70), ("c", 1), ("d", 1))]}
    plan = {"system": "made up", "partitions": guests, "service": {"kind": "owned", "core": 3}, "disks": [disk]}
    costs = dict(DISK, **{"disk service": {"each": 500, "wake": 50, "sleep": 100}})
    text, left_out = queueing.describe(plan, costs, HZ)
    # 100 us, and 1 us for each KiB.
    has_lines(text, "p d0 w m 2", "t on.disk.a i disk.a -1 d0 w 30", "t on.disk.b i disk.b -1 d0 w 70",
              "s disk.a 0.000108 -1", "s disk.b 0.000104 -1", "t ask.a r a -1 wait m 4", "a b 100 0 -1",
              "w service.a 1e-06 2e-06 -1", "p a f", "p service f")
    assert left_out == {"c": "how much of its core others leave it is not known",
                        "d": "no costs are known of 'mode=fill'"}, left_out
    assert "p c" not in text, text
    for result in queueing.solve(text, 5):
        assert abs(flow(result, "b")["throughput"] - 100) < 1, result
    # Alone, and where nobody parts it, in order.
    for more in ({"is_fair": False}, {"shares": disk["shares"][:1]}):
        has_lines(queueing.describe(dict(plan, disks=[dict(disk, **more)]), costs, HZ)[0], "p d0 f m 2")


def partition(name, core, args, mac, **device):
    return {"name": name, "vcpus": [{"kind": "owned", "core": core}], "args": args,
            "devices": [dict({"kind": "vf", "name": "nic", "mac": mac}, **device)]}


def network(limit):
    ask = "mode=request to=%s frames=10 under_way=8 every_us=%d"
    return {"system": "made up", "service": {"kind": "owned", "core": 4},
            "pfs": [{"name": "nic", "link_bytes_per_s": 1250000000}],
            "partitions": [partition("vm1", 0, "mode=serve work_ns=0", "02:00:00:00:00:01"),
                           partition("vm2", 1, "mode=serve work_ns=0", "02:00:00:00:00:02",
                                     rx_packets_per_s=[limit, limit, limit]),
                           partition("c1", 2, ask % ("02:00:00:00:00:01", 0), "02:00:00:00:00:03"),
                           partition("c2", 3, ask % ("02:00:00:00:00:02", 500), "02:00:00:00:00:04")]}


def test_requests_go_to_whom_their_address_belongs_and_are_limited_before_the_guest():
    text, left_out = queueing.describe(network(1000), SERVE, HZ)
    assert not left_out, left_out
    events = queueing.solve(text, 5)[1]
    had, lost = (flow(events, "vm2")[k] for k in ("throughput", "lost"))
    assert 950 <= had <= 1002 and abs(had + lost - 2000) < 5, events
    assert abs(busy(events)["vm2"][0] - had * 10000 / HZ) < 0.003, events
    # What is refused has had the link and the controller's core, for its one frame, and nothing else.
    cores = 11 * (flow(events, "vm1")["throughput"] + had) + lost
    assert abs(busy(events)["service"][0] - cores * 1000 / HZ) < 0.01, events
    assert busy(events)["service"][0] > 0.98, events


def number_of(path, name):
    with open(os.path.join(rigs.TOP, path)) as f:
        return int(re.search(r"#define\s+%s\s+(\d+)u" % name, f.read()).group(1))


def test_a_stream_and_requests_are_the_frames_that_their_arguments_say():
    stream = "mode=generate to=02:00:00:00:00:01 peers=2 rate=3000 size=226"
    plan = {"system": "made up", "pfs": [{"name": "nic", "link_bytes_per_s": 125000000}],
            "service": {"kind": "owned", "core": 4},
            "partitions": [partition("vm1", 0, "mode=sink work_insns=7", "02:00:00:00:00:01",
                                     rx_packets_per_s=[0, 0, 500]),
                           partition("vm2", 1, "mode=sink work_insns=7", "02:00:00:00:00:02"),
                           partition("gen", 2, stream, "02:00:00:00:00:03")]}
    costs = {"sink work_insns=7": {"each": 5000, "wake": 1000}, "nic": {"each": 1000}}
    text, left_out = queueing.describe(plan, costs, HZ)
    assert not left_out, left_out
    assert queueing.WIRE_BYTES == number_of("io/memnic.h", "MEMNIC_WIRE_BYTES")
    assert queueing.RING == number_of("guests/net/igbvf.h", "IGBVF_RING")
    # 226 bytes and 24, at 125 in a microsecond. A millisecond of 500 a second, and the one in debt.
    for name in ("vm1", "vm2"):
        has_lines(text, "a %s 3000 0 -1" % name, "s link.%s.in 2e-06 -1" % name, "w guest.%s 2e-05 0 -1" % name,
                  "s guest.%s 0.0001 -1" % name, "s nic.%s.in 2e-05 -1" % name,
                  "t on.guest.%s i guest.%s -1 %s q 256" % (name, name, name))
    has_lines(text, "l guest.vm1 500 1.5")
    assert "l guest.vm2" not in text, text
    events = queueing.solve(text, 5)[1]
    assert abs(flow(events, "vm1")["throughput"] - 500) < 2 and flow(events, "vm2")["throughput"] > 2990, events
    # A request is one frame of 60 bytes, its answer ten of 1514; the client needs 2,000 ticks for the next.
    costs = dict(SERVE, **{"serve work_ns=0 frames=10": {"each": 10000, "wake": 100, "turnaround": 2000}})
    has_lines(queueing.describe(network(0), costs, HZ)[0], "Z vm1 4e-05 -1", "w guest.vm1 2e-06 0 -1",
              "s link.vm1.ask 6.72e-08 -1", "s link.vm1.answer 1.2304e-06 -1", "y vm1 link.vm1.answer 10 -1",
              "t ask.vm1 r vm1 -1 wait m 8", "a vm2 2000 0 -1")


def test_the_papers_figures_have_their_shape():
    assert figures.sweep(figures.SHARED_S, rates=[900, 950, 1000])[1] == 950
    assert figures.sweep(figures.HARDWARE_S, rates=[1450, 1500, 1550])[1] == 1500
    limits = [150, 550, 950]
    at_the_device = [r[1] for r in figures.limited(figures.HARDWARE_S, "device", limits)]
    assert at_the_device[0] > 1.3 * at_the_device[1] > 1.5 * at_the_device[2], at_the_device
    in_software = [r[1] for r in figures.limited(figures.SHARED_S, "software", limits)]
    assert max(in_software) < 1.02 * min(in_software), in_software
