# SPDX-License-Identifier: Apache-2.0
"""
Disks of the machine, driven by the hypervisor, in QEMU: an NVMe controller whose GPT says where the shares are,
and a virtio block device. What guests write is read back from the image afterwards, too.
"""
import atexit
import os
import struct

import tests.boot.gpt as gpt
import tools.lib.block as block
import tools.lib.rigs as rigs

MIB = 64
FIRST, SECOND = (2048, 16384), (20480, 32768)   # sectors: where they begin, how many
images = {}


def image(name):
    folder = os.path.join(rigs.TOP, "build/rig")
    os.makedirs(folder, exist_ok=True)
    images[name] = os.path.join(folder, "%s-%d.img" % (name, os.getpid()))
    atexit.register(lambda: os.path.exists(images[name]) and os.unlink(images[name]))
    return images[name]


def boot(config, option, path):
    b = rigs.boot_once("qemu", config, more=(option, path))
    assert b.ended_well, b.tail()
    return b


def nvme():
    if "nvme" not in images:
        gpt.write(image("nvme"), MIB, {"first": FIRST, "second": SECOND})
    return boot("blk_verify_gpt", "--disk", images["nvme"])


def virtio():
    if "virtio" not in images:
        with open(image("virtio"), "wb") as f:
            f.truncate(MIB << 20)
    return boot("blk_verify_virtio", "--virtio-disk", images["virtio"])


def reads_what_it_wrote(b):
    verify = block.said(b, "verify", part="verify")
    assert verify["errors"] == verify["mismatches"] == 0 < verify["checked"], verify
    assert block.said(b, "probe", part="probe")["wrong"] == 0
    assert block.one(b, "disk_ticks")["disk_errors"] == 0


def test_shares_of_an_nvme_disk_by_the_names_of_its_partitions():
    b = nvme()
    reads_what_it_wrote(b)
    assert block.said(b, "facts", part="probe")["sectors"] == FIRST[1]
    assert "has sectors 2048 to 18431 of disk" in "\n".join(b.lines)


def test_nothing_outside_of_its_partition_was_written():
    before = image("before")
    gpt.write(before, MIB, {"first": FIRST, "second": SECOND})
    nvme()
    with open(before, "rb") as f, open(images["nvme"], "rb") as g:
        old, new = f.read(), g.read()
    ends = [0] + [n * 512 for first, count in (FIRST, SECOND) for n in (first, first + count)]
    outside = [(ends[0], ends[1]), (ends[2], ends[3]), (ends[4], len(old))]
    assert all(old[a:b] == new[a:b] for a, b in outside)
    # And inside each sector that was is the one that its guest meant: guests/blk/verify.c.
    places = [at for at in range(ends[3], ends[4], 512) if old[at:at + 512] != new[at:at + 512]]
    assert places and all(struct.unpack_from("<8xQ", new, at)[0] * 512 == at - ends[3]
                          for at in places)


def test_a_virtio_disk_of_a_machine_that_is_virtual_itself():
    reads_what_it_wrote(virtio())

