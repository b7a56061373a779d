# SPDX-License-Identifier: Apache-2.0
"""
Debian's kernels, as packaged, boot as guests: on both back-ends, with one and two CPUs.

Dear combinations (kernels compressed by XZ, with two CPUs, in Bochs) are in `make experiment
NAME=linux`. In QEMU one CPU has an instruction clock, two have the clock of a busy host.
"""
import tools.lib.linux as linux
import tools.lib.rigs as rigs

# (rig, CPUs of the rig, configuration)
ONE_CPU = [("bochs", 1, "linux_cloud"), ("bochs", 1, "linux_cloud_software"),
           ("bochs", 1, "linux_rt"), ("qemu-iso", 1, "linux_cloud"),
           ("qemu-iso", 1, "linux_rt"), ("qemu-iso", 1, "linux_generic")]
TWO_CPUS = [("bochs", 2, "linux_cloud_smp"), ("bochs", 2, "linux_cloud_smp_software"),
            ("bochs", 2, "linux_cloud_direct"), ("qemu-iso", 2, "linux_cloud_smp"),
            ("qemu-iso", 2, "linux_rt_smp"),
            ("qemu-iso", 2, "linux_generic_smp"), ("qemu-iso", 1, "linux_smp_shared")]
LIVES = [("bochs", 1, "linux_reboot"), ("qemu-iso", 1, "linux_reboot_end"),
         ("qemu-iso", 1, "linux_poweroff")]
OTHERS = [("bochs", 1, "linux_panic"), ("bochs", 1, "linux_panic_alone"),
          ("qemu-iso", 1, "linux_steal")]

for rig, cpus, config in ONE_CPU + TWO_CPUS + LIVES + OTHERS:
    rigs.boot_soon(rig, config, cpus=cpus)


def boot(run):
    rig, cpus, config = run
    return rigs.boot_once(rig, config, cpus=cpus)


def state_of(b, partition="linux"):
    return [(o["state"], o["status"]) for o in b.having("vcpu", "state", partition=partition)]


def lives(b):
    """What init said, once in each life."""
    return b.having("test", "release", part="linux")


def test_unmodified_kernels_boot_to_userspace_with_one_cpu():
    for run in ONE_CPU:
        assert linux.reached_userspace(boot(run), 1), boot(run).tail()


def test_unmodified_kernels_boot_to_userspace_with_two_cpus():
    for run in TWO_CPUS:
        assert linux.reached_userspace(boot(run), 2), boot(run).tail()


def test_the_kernel_warns_of_nothing_but_what_is_explained():
    for run in ONE_CPU + TWO_CPUS:
        b = boot(run)
        assert len(b.having("dmesg_lines")) == 1, (run, b.tail())
        assert linux.unexplained_warnings(b, run[1]) == [], run


def test_every_cpu_works_and_is_interrupted_by_its_timer_and_by_the_other():
    for run in TWO_CPUS:
        b = boot(run)
        worked = b.having("cpu", "units", part="linux")
        assert sorted(o["cpu"] for o in worked) == [0, 1], (run, b.tail())
        assert all(o["ran_on"] == o["cpu"] and o["units"] > 0 for o in worked), (run, worked)
        assert b.having("smp", part="linux")[0]["failures"] == 0, run
        for kind in ("LOC", "CAL"):
            counts = b.having("interrupts", part="linux", interrupts=kind)[-1]["per_cpu"]
            assert len(counts) == 2 and all(counts), (run, kind, counts)


def test_apics_are_by_software_where_the_configuration_says_so():
    """Seen in the exits: with APICv, an end of interrupt takes none."""
    for cpus, config in ((1, "linux_cloud"), (2, "linux_cloud_smp")):
        hardware, software = [sum(o["msr_write"] for o in boot(
            ("bochs", cpus, c)).having("exits_of", "msr_write")) for c in (
                config, config + "_software")]
        assert hardware < software, (config, hardware, software)


def test_a_reset_restarts_the_partition_where_the_policy_says_so():
    b = boot(LIVES[0])
    assert b.ended_well, b.tail()
    restarts = b.having("restarts", partition="linux")[0]["restarts"]
    assert restarts >= 2 and restarts <= len(lives(b)) <= restarts + 1, b.tail()
    uptimes = [o["uptime"] for o in lives(b)]
    assert max(uptimes) - min(uptimes) < 0.1 * min(uptimes), uptimes


def test_a_reset_ends_the_partition_where_the_policy_says_so():
    b = boot(LIVES[1])
    assert b.ended_well and len(lives(b)) == 1, b.tail()
    assert state_of(b) == [("ended", 0)], b.tail()


def test_a_power_off_restarts_the_partition_where_the_policy_says_so():
    b = boot(LIVES[2])
    assert b.ended_well and len(lives(b)) >= 2, b.tail()
    assert b.having("restarts", partition="linux")[0]["restarts"] >= 1, b.tail()


def test_a_power_off_ends_the_partition_by_default():
    for run in ONE_CPU:
        b = boot(run)
        assert len(lives(b)) == 1 and state_of(b) == [("ended", 0)], (run, b.tail())


def test_a_kernel_panic_stops_only_that_partition():
    b, alone = boot(OTHERS[0]), boot(OTHERS[1])
    assert b.ended_well and b.late == 0, b.tail()
    assert any("Kernel panic - not syncing" in line for line in b.lines), b.tail()
    for task in ("tau1", "tau2"):
        with_it, without = [linux.response_row(x, task) for x in (b, alone)]
        assert with_it["misses"] == 0, with_it
        assert abs(with_it["max_us"] / without["max_us"] - 1) <= 0.01, (with_it, without)


def test_the_guest_knows_the_time_that_it_did_not_get():
    b = boot(OTHERS[2])
    assert b.ended_well, b.tail()
    ledger_s = b.having("exits_of", "steal_us")[0]["steal_us"] / 1e6
    guest_s = b.having("stolen_ticks_in_all")[0]["stolen_ticks_in_all"] / 100
    assert ledger_s > 5 and abs(guest_s / ledger_s - 1) <= 0.03, (guest_s, ledger_s)
    for window in b.having("cpu_window"):
        share = 1 - window["stolen_ticks"] * 1e7 / window["ns"]
        assert abs(share - 0.4) <= 0.04, window
