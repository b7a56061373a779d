# SPDX-License-Identifier: Apache-2.0
"""A guest that has its core's APIC ticks without exits, and its core still belongs to us."""
import tools.lib.rigs as rigs

TICKS, SMP, MACHINE = [("direct_ticks", 6), ("direct_smp", 4), ("direct_machine", 1)]

for config, cpus in (TICKS, SMP, MACHINE):
    rigs.boot_soon("bochs", config, cpus=cpus)
rigs.boot_soon("qemu-iso", MACHINE[0], cpus=1)


def boot(run, rig="bochs"):
    b = rigs.boot_once(rig, run[0], cpus=run[1])
    assert b.ended_well, b.tail()
    return b


def exits(b, part):
    """By kind, without what was left to print: a console call takes what there is room for."""
    o = b.having("exits_of", "irq", exits_of=part)[0]
    return {k: v for k, v in o.items() if isinstance(v, int) and k not in ("vcpu", "steal_us")}


def state_of(b, part):
    return b.having("vcpu", "state", partition=part)[0]


def said(b, part):
    return b.having("ticks", part=part)


def test_it_has_its_cores_apic_where_hardware_can_and_another_where_not():
    for rig, name in (("bochs", "direct"), ("qemu-iso", "software")):
        lines = [l for l in boot(MACHINE, rig).lines if "local APICs: " in l]
        assert [l.split(": ")[1].strip() for l in lines] == [name], (rig, lines)


def test_ticks_and_interrupts_to_itself_take_no_exit():
    b = boot(TICKS)
    assert [o["ticks"] for o in said(b, "short") + said(b, "long")] == [100, 1100], b.tail()
    assert exits(b, "short") == exits(b, "long"), (exits(b, "short"), exits(b, "long"))
    assert sum(exits(b, "long").values()) < 50 and exits(b, "long")["hlt"] == 0, b.tail()


def test_every_interrupt_comes_once_and_none_early():
    b = boot(TICKS)
    for part in ("short", "long", "halts", "spins", "again"):
        for o in said(b, part):
            assert (o["early"], o["strays"]) == (0, 0), (part, o)
    for part, ticks in (("short", 100), ("long", 1100), ("halts", 10), ("spins", 10)):
        assert [(o["ticks"], o["self"]) for o in said(b, part)] == [(ticks, ticks)], b.tail()
    assert [state_of(b, p)["state"] for p in ("short", "long")] == ["ended"] * 2, b.tail()
    assert [state_of(b, p)["status"] for p in ("short", "long")] == [0, 0], b.tail()


def test_the_run_ends_although_it_sleeps_or_spins_with_interrupts_off():
    b = boot(TICKS)
    for part in ("halts", "spins"):
        assert state_of(b, part)["state"] == "running" and exits(b, part)["hlt"] == 0, b.tail()


def test_nothing_of_a_life_is_left_in_the_next_one():
    b = boot(TICKS)
    assert state_of(b, "again")["restarts"] >= 2, b.tail()
    assert len(said(b, "again")) >= 3, b.tail()
    assert all((o["ticks"], o["self"]) == (22, 20) for o in said(b, "again")), said(b, "again")


def test_a_level_triggered_interrupt_comes_again_until_its_cause_is_gone():
    counts = {o["level"] for o in said(boot(TICKS), "again")}
    assert counts == {3}, counts


def test_interrupts_between_them_arrive_without_an_exit_of_the_receiver():
    b = boot(SMP)
    o = b.having("smp", part="smp0")[0]
    assert (o["started"], o["wrong"], o["rounds"], o["broadcasts"]) == (2, 0, 200, 200), b.tail()
    for v in b.having("exits_of", "irq", exits_of="smp0"):
        assert v["irq"] < 10 and v["hlt"] == 0, v


def test_the_neighbour_keeps_its_reservation():
    for run in (TICKS, SMP):
        b = boot(run)
        row = b.having("task", "misses", part="rt0")
        assert len(row) == 1 and row[0]["misses"] == 0 and row[0]["n"] == 20, b.tail()
        assert b.late == 0, b.tail()


def test_the_machine_is_as_the_manual_says_with_it_too():
    """But for the deadline register, which Bochs leaves as it was (docs/emulators.md)."""
    failed = [l.split("FAILED ")[1].strip() for l in boot_machine("bochs") if "FAILED " in l]
    assert failed == ["and is 0 afterwards"], failed
    assert not [l for l in boot_machine("qemu-iso") if "FAILED " in l]


def boot_machine(rig):
    b = rigs.boot_once(rig, MACHINE[0], cpus=1)
    assert any("checks, " in line for line in b.lines), b.tail()
    return b.lines
