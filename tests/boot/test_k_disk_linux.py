# SPDX-License-Identifier: Apache-2.0
"""
Linux guests on a shared disk, by the kernel's own drivers: ext4, and fio that checks what it reads. On NVMe in
QEMU, whose clock is the wall's with several CPUs, and on the memory disk in Bochs. And power cuts.
"""
import tools.lib.block as block
import tools.lib.block_experiment as experiment
import tools.lib.linux as linux
import tools.lib.rigs as rigs

QEMU, BOCHS = experiment.linux_run("qemu-iso", 2), experiment.linux_run("bochs", 1)
CUTS = 3

rigs.boot_soon(BOCHS[0], BOCHS[2], **BOCHS[1])
rigs.boot_soon(QEMU[0], QEMU[2], **QEMU[1])


def boot(rig, options, config):
    b = rigs.boot_once(rig, config, **options)
    assert b.ended_well, b.tail()
    return b


def test_two_guests_on_one_nvme_disk_read_what_they_wrote_and_fsck_finds_nothing():
    assert block.linux_troubles(boot(*QEMU), ["linux0", "linux1"]) == [], boot(*QEMU).tail()


def test_a_guest_on_the_memory_disk_does_too():
    assert block.linux_troubles(boot(*BOCHS), ["linux0"]) == [], boot(*BOCHS).tail()


def test_the_kernel_warns_of_nothing_but_what_is_explained():
    for run in (QEMU, BOCHS):
        b = boot(*run)
        assert b.having("dmesg_lines"), b.tail()
        assert linux.unexplained_warnings(b, run[1]["cpus"]) == [], b.config


def test_what_was_acknowledged_is_on_the_disk_when_the_power_goes():
    for number in range(CUTS):
        r = experiment.cut(number)
        assert r["acked"] > 0, r["text"][-2000:]
        assert (r["lost"], r["strays"]) == (0, 0), {k: r[k] for k in ("acked", "by_variant", "flushes")}
