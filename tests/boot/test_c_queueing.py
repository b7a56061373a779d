# SPDX-License-Identifier: Apache-2.0
"""
Layered queueing networks made of configurations (tools/lib/queueing.py): without a rig. What they predict is compared
with runs by `make experiment NAME=lqn`.
"""
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
    assert queueing.describe(plan, {}, HZ)[1] == {"load": "no costs are known of its arguments"}


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


def test_the_papers_figures_have_their_shape():
    assert figures.sweep(figures.SHARED_S, rates=[900, 950, 1000])[1] == 950
    assert figures.sweep(figures.HARDWARE_S, rates=[1450, 1500, 1550])[1] == 1500
    limits = [150, 550, 950]
    at_the_device = [r[1] for r in figures.limited(figures.HARDWARE_S, "device", limits)]
    assert at_the_device[0] > 1.3 * at_the_device[1] > 1.5 * at_the_device[2], at_the_device
    in_software = [r[1] for r in figures.limited(figures.SHARED_S, "software", limits)]
    assert max(in_software) < 1.02 * min(in_software), in_software
