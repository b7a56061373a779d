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


def test_devices_are_cut_off_where_there_is_an_iommu():
    def lines(rig):
        b = rigs.boot_once(rig, "machine", cpus=1)
        return [l for l in b.lines if "VT-d:" in l or "passed through" in l]

    assert lines("bochs") == []
    said, = lines("qemu-iso")
    assert "VT-d: 1 unit, 48-bit addresses" in said and "1 remaps interrupts" in said, said
