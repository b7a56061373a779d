# SPDX-License-Identifier: Apache-2.0
"""Several virtual CPUs are one machine, and its neighbour on the same core notices nothing."""
import tools.lib.rigs as rigs

RIGS = [("bochs", 2), ("qemu-iso", 2)]

for rig, cpus in RIGS:
    rigs.boot_soon(rig, "smp", cpus=cpus)
rigs.boot_soon("bochs", "smp_storm", cpus=3)


def test_virtual_cpus_of_every_kind_start_twice_and_reach_each_other():
    for rig, cpus in RIGS:
        b = rigs.boot_once(rig, "smp", cpus=cpus)
        assert b.ended_well, b.tail()
        said = b.having("smp", part="smp0")
        assert len(said) == 1, b.tail()
        assert (said[0]["cpus"], said[0]["started"], said[0]["wrong"]) == (4, 3, 0), b.tail()
        assert said[0]["rounds"] == said[0]["broadcasts"] == 200, b.tail()
        states = [(o["state"], o["status"]) for o in b.having("vcpu", "state", partition="smp0")]
        assert states == [("ended", 0)] * 4, (states, b.tail())


def test_their_neighbour_keeps_its_reservation():
    """In Bochs: the clock of several CPUs in QEMU says nothing about time."""
    b = rigs.boot_once("bochs", "smp", cpus=2)
    row = b.having("task", "misses", part="rt0")
    assert len(row) == 1 and row[0]["misses"] == 0 and row[0]["n"] == 20, b.tail()
    assert b.late == 0, b.tail()


def test_no_interrupt_is_lost_in_a_storm_and_no_notification_comes_for_nothing():
    """In Bochs such a one would be vector FFH, and block all others: docs/emulators.md."""
    b = rigs.boot_once("bochs", "smp_storm", cpus=3)
    assert b.ended_well, b.tail()
    said = b.having("smp", part="smp0")
    assert len(said) == 1 and said[0]["arrived"] >= 30000 and said[0]["wrong"] == 0, b.tail()
