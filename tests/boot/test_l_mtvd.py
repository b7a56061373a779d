# SPDX-License-Identifier: Apache-2.0
"""
A guest whose four virtual CPUs share the work of one virtual function (guests/net/mtvd.h), in QEMU, and one with two
cores in Bochs: what they do. How fast, is experiment "mtvd". Both clocks count instructions.
"""
import tools.lib.rigs as rigs
from tools.lib.rigs import one

RIG, OPTIONS = "qemu-iso", {"cpus": 1, "more": ("--devices",)}
FLOW, ROBIN = "mtvd_flow", "mtvd_robin"
THREADS = 4

for config in (FLOW, ROBIN):
    rigs.boot_soon(RIG, config, **OPTIONS)
rigs.boot_soon("bochs", "mtvd_cores", cpus=4)


def boot(config):
    b = rigs.boot_once(RIG, config, **OPTIONS)
    assert b.ended_well and b.late == 0, b.tail()
    return b


def lanes(b):
    rows = sorted(b.having(net="lane"), key=lambda o: o["lane"])
    assert [o["lane"] for o in rows] == list(range(THREADS)), b.tail()
    return rows


def test_no_frame_is_lost_or_damaged_between_threads():
    for config in (FLOW, ROBIN):
        b = boot(config)
        o, cost, sent = one(b, net="sink"), one(b, net="sink_cost"), one(b, net="generate")["sent"]
        assert o["received"] > 1000 and (o["lost"], o["corrupt"]) == (0, 0), (config, o)
        # The generator stops before the window does: nothing is under way at its end.
        assert sent == cost["received_ever"] == cost["due_ever"] == sum(l["received"] for l in lanes(b)), config
        assert cost["strays"] == 0, cost


def test_every_thread_works_and_is_woken_only_when_it_sleeps():
    for config in (FLOW, ROBIN):
        b = boot(config)
        rows, said = lanes(b), one(b, net="mtvd")
        assert min(o["received"] for o in rows) > 0.9 * max(o["received"] for o in rows), rows
        assert said["wakes"] <= sum(o["sleeps"] for o in rows), (said, rows)
        assert said["wakes"] * 10 < said["dispatched"], said


def test_a_flow_keeps_its_order():
    assert one(boot(FLOW), net="sink")["late"] == 0
    # .. and in turn it does not, with flows that are no multiple of the threads: the check can see it.
    assert one(boot(ROBIN), net="sink")["late"] > 0


def test_two_cores_share_the_work_of_one_interface():
    b = rigs.boot_once("bochs", "mtvd_cores", cpus=4)
    assert b.ended_well, b.tail()
    o, rows = one(b, net="sink"), sorted(n["received"] for n in b.having(net="lane"))
    assert o["lost"] > o["received"] / 10, o  # saturated
    assert len(rows) == 2 and rows[0] > 0.9 * rows[1], rows
    assert (o["late"], o["corrupt"]) == (0, 0), o
