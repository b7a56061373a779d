# SPDX-License-Identifier: Apache-2.0
"""
A guest that owns a whole function, neither virtual nor PCI Express: MSI, DMA, and a bus that is reset.
"""
import tools.lib.rigs as rigs

OPTIONS = {"cpus": 2, "more": ("--arg=-device pcie-root-port,id=rp1,bus=pcie.0,chassis=1,slot=1 "
                               "-device edu,bus=rp1",)}
rigs.boot_soon("qemu-iso", "edu", **OPTIONS)
rigs.boot_soon("qemu-iso", "edu", cpus=2)


def boot():
    b = rigs.boot_once("qemu-iso", "edu", **OPTIONS)
    assert b.ended_well, b.tail()
    return b


def test_its_interrupts_and_its_memory_are_its_own():
    b = boot()
    lives = b.having("edu")
    # 100 that it raises, and one for each of three transfers.
    assert lives and all((o["edu"], o["interrupts"]) == ("well", 103) for o in lives), b.tail()


def test_what_it_writes_elsewhere_is_blocked_and_told_with_address_and_partition():
    b = boot()
    rows = b.having("blocked")
    assert rows, b.tail()
    for o in rows:
        assert (o["blocked"], o["partition"], o["device"], o["address"]) == (
            "write", "edu", "0000:01:00.0", 128 << 20), o
    # One write a life; the last life's may not have been told, or have ended.
    assert rows[-1]["count"] >= len(b.having("edu")) - 2, b.tail()


def test_its_bus_is_reset_for_each_life():
    b = boot()
    restarts = b.having("vcpu", "restarts", partition="edu")[0]["restarts"]
    assert restarts >= 5 and len(b.having("edu")) in (restarts, restarts + 1), b.tail()


def test_a_machine_without_it_is_refused_by_name():
    b = rigs.boot_once("qemu-iso", "edu", cpus=2)
    assert not b.ended_well
    assert any("cannot start: devices: partition 'edu': device '01:00.0': this machine has no such "
               "function" in line for line in b.lines), b.tail()
