# SPDX-License-Identifier: Apache-2.0
"""
The disks' guest without the hypervisor, on QEMU's own virtio disk. What fails with
the hypervisor's disk and not here is the hypervisor's. And: does the check for lost records see a loss?
"""
import random

import tools.lib.power_cut as power_cut
import tools.lib.rigs as rigs

ENDED_BY_ITSELF = 5
SHAPES = {"mode=verify requests=500": "",
          "mode=verify requests=500 event_idx=0 indirect=0 seed=2": "",
          "mode=verify requests=500 packed=1 queues=4 coalesce=4 seed=3": ",packed=on,num-queues=4"}


def said(b, what):
    rows = b.having("blk", blk=what)
    assert b.code == ENDED_BY_ITSELF and len(rows) == 1, b.tail()
    return rows[0]


def test_our_driver_reads_what_it_wrote_from_a_device_that_is_not_ours():
    for args, virtio in SHAPES.items():
        o = said(rigs.boot_guest_bare("blk", args, virtio=virtio), "verify")
        assert o["errors"] == o["mismatches"] == 0 < o["checked"], (args, o)
        assert o["interrupts"] > 10, (args, o)


def test_a_device_that_is_not_ours_answers_our_questions_as_we_expect():
    b = rigs.boot_guest_bare("blk", "mode=probe")
    assert said(b, "probe")["wrong"] == 0, b.tail()


def test_records_are_all_there_when_the_power_goes():
    r = power_cut.cut(1, 5, power_cut.bare_options("mode=fsync"), 0, 64 << 11, 64, most_s=0.5)
    assert r["acked"] > 0 and r["lost"] == r["strays"] == 0, r
    # The same log, had its flushes not been sent: what was acknowledged is not there.
    entries = [e for e in r["log"] if not e[2]]
    medium = power_cut.media(entries, random.Random(1))["flushed"]
    assert len(power_cut.lost_records(medium, r["acked"], r["slots"], 0)) == r["acked"], r["acked"]


def test_a_record_with_one_wrong_piece_is_lost():
    medium = {piece * 10 + 3: power_cut.record_piece(13, piece) for piece in range(8)}
    assert power_cut.lost_records(medium, 13, 10, 0)[-1:] != [13]
    medium[23] = medium[23][:100] + b"?" + medium[23][101:]
    assert 13 in power_cut.lost_records(medium, 13, 10, 0)
    medium[23] = power_cut.record_piece(3, 2)  # whole, but of an earlier record
    assert 13 in power_cut.lost_records(medium, 13, 10, 0)
