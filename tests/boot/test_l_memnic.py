# SPDX-License-Identifier: Apache-2.0
"""
A network controller in memory, played by a side core: the guests' driver of an 82576's VF runs on it
unchanged, in Bochs, where there is no such device; frames take no exits.
"""
import tools.lib.rigs as rigs

RIG = "bochs"
OPTIONS = {"cpus": 3, "more": ("--ips", "200000000")}
PAIR = "memnic_pair"

rigs.boot_soon(RIG, PAIR, **OPTIONS)


def boot():
    b = rigs.boot_once(RIG, PAIR, **OPTIONS)
    assert b.ended_well, b.tail()
    assert b.late == 0, b.tail()
    return b


def one(b, *keys, **values):
    rows = b.having(*keys, **values)
    assert len(rows) == 1, (keys, values, rows, b.tail())
    return rows[0]


def test_every_frame_arrives_once_and_unchanged():
    b = boot()
    ping, stream, echo = one(b, net="ping"), one(b, net="stream"), one(b, net="echo")
    assert (ping["sent"], ping["received"], ping["lost"]) == (200, 200, 0), ping
    assert (stream["sent"], stream["received"]) == (2000, 2000), stream
    assert (echo["received"], echo["lost"], echo["late"]) == (2000, 0, 0), echo
    assert ping["corrupt"] + stream["corrupt"] + echo["corrupt"] + echo["strays"] == 0, b.tail()
    for part in ("echo", "send"):
        state = one(b, "vcpu", "state", partition=part)
        assert (state["state"], state["status"]) == ("ended", 0), state


def test_the_controller_has_counted_what_the_guests_have():
    b = boot()
    echo = one(b, net="echo")
    at = {o["vf_of"]: o for o in b.having("vf_of")}
    assert set(at) == {"echo", "send"}, b.tail()
    assert at["echo"]["rx_packets"] == at["send"]["tx_packets"] == echo["received"] + echo["pings"] + 1, at
    assert at["send"]["rx_packets"] == at["echo"]["tx_packets"], at
    for o in at.values():
        assert o["no_room"] + o["shaped"] + o["refused"] == 0, o
    assert at["echo"]["delivered"] == echo["interrupts"], (at, echo)


def test_registers_take_no_exit():
    b = boot()
    for part in ("echo", "send"):
        o = one(b, "exits_of", exits_of=part)
        assert o["memory"] < 100 and o["pio"] == 0, o  # its MSI-X table and configuration space
        # Interrupts are posted: what is left is its sleep, and the timer that ends it.
        assert o["irq"] == 0, o
