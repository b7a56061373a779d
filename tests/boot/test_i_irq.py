# SPDX-License-Identifier: Apache-2.0
"""Interrupts between virtual CPUs arrive, each once, wherever the receiver is: docs/interrupts.md."""
import tools.lib.irq_experiment as irq
import tools.lib.rigs as rigs

SENT = 2000
RUNS = {"irq_running": irq.BOCHS2, "irq_shared": irq.BOCHS2, "irq_halted": irq.BOCHS2,
        "irq_shared_halted": irq.BOCHS2, "irq_software": irq.BOCHS2, "irq_sibling": irq.QEMU1}

for config, (rig, options) in RUNS.items():
    rigs.boot_soon(rig, config, **options)


def boot(config):
    rig, options = RUNS[config]
    b = rigs.boot_once(rig, config, **options)
    assert b.ended_well, b.tail()
    return b


def check_arrivals(b):
    said = b.having("irq", "sent", part="irq")
    assert [(o["sent"], o["lost"], o["wrong"]) for o in said] == [(SENT, 0, 0)], b.tail()


def test_none_is_lost_and_none_comes_twice():
    for config in RUNS:
        check_arrivals(boot(config))


def test_a_running_receiver_takes_no_exit_for_them():
    assert sum(irq.exits(boot("irq_running")).values()) < 20, irq.exits(boot("irq_running"))
    assert sum(irq.exits(boot("irq_software")).values()) > SENT


def test_a_receiver_whose_budget_is_spent_gets_them_when_it_runs_again():
    """Its exits are the ends of its budgets, and its neighbour is not disturbed."""
    b = boot("irq_shared")
    e = irq.exits(b)
    assert sum(e.values()) - e["deadline"] < 20 and e["deadline"] > 5, e
    busy = b.having("exits_of", "irq", exits_of="busy")[0]
    assert busy["irq"] < 10, busy


def test_a_sleeping_receiver_is_woken_from_its_neighbours_time():
    b = boot("irq_shared_halted")
    busy = b.having("exits_of", "irq", exits_of="busy")[0]
    assert busy["irq"] >= SENT // 2 * 9 // 10, busy
    assert irq.exits(b)["hlt"] >= SENT // 2, irq.exits(b)
