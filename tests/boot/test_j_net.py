# SPDX-License-Identifier: Apache-2.0
"""
Guests with network interfaces of their own: frames arrive, and a guest whose devices attack reaches
nothing. In QEMU, whose VT-d blocks; its clock counts instructions.
"""
import tools.lib.rigs as rigs
from tools.lib.rigs import one

RIG = "qemu-iso"
OPTIONS = {"cpus": 1, "more": ("--devices",)}
PAIR, ATTACK, BASELINE = "net_pair", "hostile_dma", "hostile_dma_baseline"
DMA = {"dma-read", "dma-write", "dma-transmit-ring", "dma-receive-ring", "dma-head-write-back"}
# From the end of the attacker's 16 MiB to 512 MiB and the upper half of 4 GiB, but for interrupt
# messages, every 2 MiB; 7 addresses above.
TARGETS = (512 - 16) // 2 + (2048 - 2) // 2 + 7

for config in (PAIR, ATTACK, BASELINE):
    rigs.boot_soon(RIG, config, **OPTIONS)


def boot(config):
    b = rigs.boot_once(RIG, config, **OPTIONS)
    assert b.ended_well, b.tail()
    assert b.late == 0, b.tail()
    return b


def test_every_frame_arrives_once_and_unchanged():
    b = boot(PAIR)
    ping, stream = one(b, net="ping"), one(b, net="stream")
    echo = one(b, net="echo")
    assert (ping["sent"], ping["received"], ping["lost"]) == (200, 200, 0), ping
    assert (stream["sent"], stream["received"]) == (2000, 2000), stream
    assert (echo["received"], echo["lost"], echo["late"]) == (2000, 0, 0), echo
    assert ping["corrupt"] + stream["corrupt"] + echo["corrupt"] + echo["strays"] == 0, b.tail()
    for part in ("echo", "send"):
        state = one(b, "vcpu", "state", partition=part)
        assert (state["state"], state["status"]) == ("ended", 0), state


def test_an_interrupt_wakes_its_guest_and_does_not_wait_for_the_service():
    b = boot(PAIR)
    period = one(b, "server", name="service")["period_tsc"]
    assert one(b, net="ping")["rtt_p50"] * 4 < period, b.tail()


def test_moving_frames_takes_no_exit_but_for_interrupts():
    b = boot(PAIR)
    # Both ways: pings and their answers, data and an answer to every eighth; hello, good-bye.
    frames = 2 * one(b, net="ping")["sent"] + one(b, net="stream")["sent"] * 9 // 8 + 8
    for part in ("echo", "send"):
        o = one(b, "exits_of", exits_of=part)
        assert o["memory"] < 100 and o["pio"] == 0, o  # its MSI-X table and configuration space
        assert o["irq"] <= frames, o


def test_devices_that_attack_get_nothing():
    b = boot(ATTACK)
    rows = b.having("attack", "attempts", part="hostile")
    assert DMA | {"message-handle", "msix-entry"} <= {o["attack"] for o in rows}, b.tail()
    for o in rows:
        assert o["leaked"] == 0, o
        if o["attack"] in DMA:
            assert o["attempts"] == o["moved"] == TARGETS, o
    for o in b.having("dma", part="hostile"):
        assert (o["strays"], o["nmis"], o["restarts"]) == (0, 0, 0), o


def test_nobody_writes_to_the_victims_memory_or_interrupts_it():
    rows = boot(ATTACK).having("watch", part="victim")
    assert len(rows) >= 5 and rows[-1]["rounds"] >= 5 and rows[-1]["bytes"] > 2 << 20, rows
    assert all((o["wrong"], o["strays"]) == (0, 0) for o in rows), rows


def test_what_is_blocked_is_told_once_in_a_while():
    b = boot(ATTACK)
    rows = b.having("blocked", "device", "count")
    assert {o["blocked"] for o in rows} == {"read", "write", "interrupt"}, rows
    seconds = one(b, "core", "sum_tsc")["sum_tsc"] / 1e9
    for part in {o["partition"] for o in rows}:
        mine = [o for o in rows if o["partition"] == part]
        assert len(mine) <= seconds + 1, mine
        counts = [o["count"] for o in mine]
        assert counts == sorted(set(counts)), counts
    assert {o["device"] for o in rows if o["partition"] == "hostile"} == {"0000:01:10.0"}, rows
    assert not [line for line in b.lines if line.startswith("[part hostile] stopped")], b.tail()


def test_nothing_is_blocked_where_devices_keep_to_their_own():
    b = boot(BASELINE)
    assert len(b.having("dma", part="hostile")) >= 1, b.tail()
    assert b.having("blocked", "device") == [], b.tail()


def worst(b):
    rows = {o["task"]: o for o in b.having("task", "misses", part="rt")}
    assert set(rows) == {"tau1", "tau2"}, b.tail()
    assert all(o["n"] >= 20 and o["misses"] == 0 for o in rows.values()), rows
    return {t: o["max_us"] for t, o in rows.items()}


def test_the_neighbour_keeps_its_deadlines_as_if_nothing_were_blocked():
    expected, seen = worst(boot(BASELINE)), worst(boot(ATTACK))
    for task in expected:
        assert abs(seen[task] - expected[task]) <= 0.01 * expected[task], (seen, expected)
