# SPDX-License-Identifier: Apache-2.0
"""
Unmodified Linux guests with a virtual function of a network card and one of an NVMe disk each, by
the kernel's own drivers. Two CPUs in QEMU, whose clock is the wall's: this shows that it works. They take
turns in one thread: see docs/emulators.md.
"""
import tools.lib.linux as linux
import tools.lib.rigs as rigs

RIG, CONFIG = "qemu-iso", "linux_devices"
OPTIONS = {"cpus": 2, "memory": 1024, "more": ("--devices",)}
FRAMES, DATAGRAMS = 1000, 500           # configs/linux_devices.c

rigs.boot_soon(RIG, CONFIG, **OPTIONS)


def boot():
    b = rigs.boot_once(RIG, CONFIG, **OPTIONS)
    assert b.ended_well, b.tail()
    return b


def test_two_guests_talk_through_the_card_and_use_the_disk_at_the_same_time():
    # By the wall's clock seconds may lie between the two counts of frames.
    assert linux.device_troubles(boot(), FRAMES, DATAGRAMS, apart=50) == [], boot().tail()


def test_each_has_an_address_of_its_own_and_the_whole_disk():
    b = boot()
    assert [o["sectors"] for o in b.having("disk")] == [(256 << 20) // 512] * 2, b.tail()
    assert len({o["mac"] for o in b.having("nic")}) == 2, b.having("nic")


def test_their_interrupts_arrive_and_nothing_is_blocked():
    b = boot()
    for part in ("linux0", "linux1"):
        for key in ("counters", "verify"):
            o = b.having(key, "interrupts", part=part)[0]
            assert o["vectors"] >= 2 and o["interrupts"] > 100, (part, o)
    assert b.having("blocked") == [], b.tail()


def test_the_kernel_warns_of_nothing_but_what_is_explained():
    b = boot()
    assert len(b.having("dmesg_lines")) == 2, b.tail()
    assert linux.unexplained_warnings(b, 2) == []
