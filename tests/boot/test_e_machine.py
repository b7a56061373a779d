# SPDX-License-Identifier: Apache-2.0
"""The virtual CPU does what the manual says, seen from inside, on both back-ends."""
import tools.lib.rigs as rigs

RUNS = [("bochs", {"cpus": 1}), ("qemu-iso", {"cpus": 1})]
for rig, options in RUNS:
    rigs.boot_soon(rig, "machine", **options)


def test_all_checks_of_the_machine_guest_hold():
    for rig, options in RUNS:
        b = rigs.boot_once(rig, "machine", **options)
        assert b.ended_well, b.tail()
        line = [l for l in b.lines if "machine:" in l and "checks" in l]
        assert line and line[0].rstrip().endswith(" 0 failed"), b.tail(40)
