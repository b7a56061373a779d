# SPDX-License-Identifier: Apache-2.0
"""What the machine lacks is named in one line, before any guest runs; what it can lack, it may."""
import tools.lib.rigs as rigs

REFUSED = [
    ("bochs", "corei5_lynnfield_750", "unrestricted guest"),
    ("bochs", "core2_penryn_t9600", "preemption timer"),
    ("qemu-iso", "max,-svm", "hardware virtualization"),
    ("qemu-iso", "max,-npt", "nested paging"),
]
# No posted interrupts, PML or TSC scaling; no x2APIC in the host.
ENOUGH = [("bochs", "corei7_haswell_4770"), ("qemu-iso", "max,-x2apic")]


def boot(rig, model):
    tag = rig + "-" + model.replace(",", "")
    return rigs.boot_once(rig, "demo_one_core", cpus=1, more=("--model", model), tag=tag)


for rig, model in [r[:2] for r in REFUSED] + ENOUGH:
    rigs.boot_soon(rig, "demo_one_core", cpus=1, more=("--model", model),
                   tag=rig + "-" + model.replace(",", ""))


def test_a_missing_feature_is_named_in_one_line():
    for rig, model, feature in REFUSED:
        b = boot(rig, model)
        assert b.code == 3, b.tail()
        lines = [line for line in b.lines if line.startswith("[bulkhead] cannot start: ")]
        assert len(lines) == 1 and feature.lower() in lines[0].lower(), (model, lines, b.tail())
        assert not any("partitions start" in line for line in b.lines), b.tail()


def test_a_machine_without_the_newest_features_is_enough():
    for rig, model in ENOUGH:
        b = boot(rig, model)
        assert b.ended_well and b.late == 0, b.tail()
        rows = b.having("task", "misses", part="rt0")
        assert len(rows) == 2 and all(o["misses"] == 0 for o in rows), b.tail()
