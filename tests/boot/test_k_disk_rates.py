# SPDX-License-Identifier: Apache-2.0
"""Bytes a second of shares of a disk: the least critical is shrunk, and each guest has what it was given."""
import tools.lib.rigs as rigs

CONFIG = "blk_rates"
rigs.boot_soon("bochs", CONFIG, cpus=1)


def boot():
    b = rigs.boot_once("bochs", CONFIG, cpus=1)
    assert b.ended_well, b.tail()
    return b


def grants():
    return {p["name"]: g for p in rigs.plan_of(CONFIG)["partitions"] for g in p["grants"]
            if g["resource"] == "disk_bytes_per_s"}


def test_the_least_critical_is_shrunk():
    g = grants()
    assert g["video"]["given"] == g["video"]["usual"] == 12000000
    assert g["log"]["given"] == g["log"]["usual"] == 8000000
    assert g["scan"]["min"] < g["scan"]["given"] < g["scan"]["usual"]
    assert "shrunk from 20 MB/s (at least 2 MB/s): the disk does no more" in boot().text


def test_each_guest_has_what_it_was_given():
    for name, g in grants().items():
        windows = boot().having("requests", part=name, blk="window")
        assert len(windows) >= 4, (name, boot().tail())
        first, last = windows[0], windows[-1]  # both count from the guest's start
        had = (last["bytes"] - first["bytes"]) / (last["us"] - first["us"]) * 1e6
        assert had >= g["given"], (name, had, g)
