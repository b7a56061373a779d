# SPDX-License-Identifier: Apache-2.0
"""
A network controller in memory, played by a side core: the guests' driver of an 82576's VF runs on it
unchanged, in Bochs, where there is no such device; frames take no exits.
"""
import tools.lib.rigs as rigs
from tools.lib.rigs import one

RIG = "bochs"
OPTIONS = {"cpus": 3, "more": ("--ips", "200000000")}
PAIR, BUSY, QOS, RESTART = "memnic_pair", "memnic_busy", "memnic_qos", "memnic_restart"

for config in (PAIR, BUSY, QOS, RESTART):
    rigs.boot_soon(RIG, config, **OPTIONS)


def boot(config):
    b = rigs.boot_once(RIG, config, **OPTIONS)
    assert b.ended_well, b.tail()
    assert b.late == 0, b.tail()
    return b


def test_every_frame_arrives_once_and_unchanged():
    b = boot(PAIR)
    ping, stream, echo = one(b, net="ping"), one(b, net="stream"), one(b, net="echo")
    assert (ping["sent"], ping["received"], ping["lost"]) == (200, 200, 0), ping
    assert (stream["sent"], stream["received"]) == (2000, 2000), stream
    assert (echo["received"], echo["lost"], echo["late"]) == (2000, 0, 0), echo
    assert ping["corrupt"] + stream["corrupt"] + echo["corrupt"] + echo["strays"] == 0, b.tail()
    for part in ("echo", "send"):
        state = one(b, "vcpu", "state", partition=part)
        assert (state["state"], state["status"]) == ("ended", 0), state


def test_the_controller_has_counted_what_the_guests_have():
    b = boot(PAIR)
    echo = one(b, net="echo")
    at = {o["vf_of"]: o for o in b.having("vf_of")}
    assert set(at) == {"echo", "send"}, b.tail()
    assert at["echo"]["rx_packets"] == at["send"]["tx_packets"] == echo["received"] + echo["pings"] + 1, at
    assert at["send"]["rx_packets"] == at["echo"]["tx_packets"], at
    for o in at.values():
        assert o["no_room"] + o["shaped"] + o["refused"] == 0, o
    assert at["echo"]["delivered"] == echo["interrupts"], (at, echo)


def test_registers_take_no_exit():
    b = boot(PAIR)
    for part in ("echo", "send"):
        o = one(b, "exits_of", exits_of=part)
        assert o["memory"] < 100 and o["pio"] == 0, o  # its MSI-X table and configuration space
        # Interrupts are posted: what is left is its sleep, and the timer that ends it.
        assert o["irq"] == 0, o


def test_who_is_awake_takes_no_exit_for_a_frame_nor_for_its_interrupt():
    b = boot(BUSY)
    port, exits = one(b, vf_of="sink"), one(b, "exits_of", exits_of="sink")
    assert port["rx_packets"] > 1000 and port["delivered"] > 500, port
    assert port["no_room"] > 0, port  # it was never done
    assert exits["irq"] + exits["hlt"] + exits["apic"] + exits["deadline"] < 50, exits


def test_the_port_interrupts_as_often_as_it_may():
    b = boot(BUSY)
    cost = one(b, net="sink_cost")
    wanted = cost["elapsed_tsc"] * 4000 // 200_000_000
    assert abs(cost["interrupts"] - wanted) <= 1 + wanted // 100, cost
    b = boot(QOS)
    cost = one(b, net="sink_cost", part="paced")
    wanted = cost["elapsed_tsc"] * 2000 // 200_000_000
    assert abs(cost["interrupts"] - wanted) <= 1 + wanted // 100, cost


def test_a_port_receives_what_it_may_over_a_second():
    b = boot(QOS)
    limited, paced = one(b, net="sink", part="limited"), one(b, net="sink", part="paced")
    assert abs(limited["received"] * 1_000_000 - 5000 * limited["us"]) <= 50 * limited["us"], limited
    assert abs(paced["pps"] - 20_000) <= 200 and paced["lost"] == 0, paced
    # What was too much has cost it nothing: no interrupt, no descriptor.
    port = one(b, vf_of="limited")
    assert port["raised"] == port["rx_packets"] and port["shaped"] > 10_000, port


def test_a_partition_restarts_and_its_neighbours_lose_nothing():
    b = boot(RESTART)
    life = one(b, "restarts", partition="life")
    assert life["restarts"] >= 50, life
    ping = one(b, net="ping", part="send")
    assert ping["lost"] == ping["corrupt"] == 0, ping
    for part in ("echo", "send"):
        port = one(b, vf_of=part)
        assert port["no_room"] + port["refused"] == 0, port
    # Each life resets its port, and finds it as after power-on.
    assert one(b, vf_of="life")["resets"] >= 2 * life["restarts"], b.tail()
