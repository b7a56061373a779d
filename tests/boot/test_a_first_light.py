# SPDX-License-Identifier: Apache-2.0
"""The demo boots in every rig, its partitions keep their promises, its ledgers add up."""
import tools.lib.rigs as rigs

RUNS = [("bochs", "demo", {}), ("bochs-ovmf", "demo_one_core", {}), ("qemu", "demo_one_core", {}),
        ("qemu-iso", "demo_one_core", {})]
for rig, config, options in RUNS + [("qemu", "demo", {})]:
    rigs.boot_soon(rig, config, **options)


def runs():
    for rig, config, options in RUNS:
        yield rigs.boot_once(rig, config, **options)


def test_every_rig_runs_to_a_good_end():
    for b in runs():
        assert b.ended_well, b.tail()
        assert not [o for o in b.objects if "unreadable" in o], b.tail()


def test_the_back_end_is_the_one_of_the_rig():
    for b in runs():
        want = "AMD-V" if b.rig.startswith("qemu") else "VT-x"
        assert any("%s guests (virtual APICs: " % want in line for line in b.lines), b.tail(60)


def test_bochs_starts_all_four_cores():
    b = rigs.boot_once("bochs", "demo")
    assert sorted(o["core"] for o in b.having("core", "elapsed_tsc", "sum_tsc")) == [0, 1, 2, 3]


def test_ledgers_sum_to_all_of_the_time():
    for b in runs():
        cores = b.having("core", "elapsed_tsc", "sum_tsc")
        assert cores, b.tail()
        for o in cores:
            parts = [o[k] for k in ("guests_tsc", "hypervisor_tsc", "scheduler_tsc",
                                    "console_tsc", "idle_tsc")]
            assert sum(parts) == o["sum_tsc"] == o["elapsed_tsc"] > 0, o


def test_no_reserved_task_misses_and_no_server_is_late():
    for b in runs():
        assert b.having("event", event="end", late=0), b.tail()
        rows = {o["task"]: o for o in b.having("task", "misses", part="rt0")}
        assert set(rows) == {"tau1", "tau2"}, b.tail()
        for o in rows.values():
            assert o["misses"] == 0 and 0 < o["max_us"] <= o["period_us"], o
        for o in b.having("partition", "late"):
            assert o["late"] == 0, o


def test_a_server_gets_no_more_than_its_share():
    for b in runs():
        shares = {"rt0": 28 / 50, "load0": 20 / 50}
        for o in b.having("partition", "guest_tsc"):
            if o["partition"] in shares:
                used = (o["guest_tsc"] + o["hypervisor_tsc"]) / o["elapsed_tsc"]
                # One budget more than the whole periods of the run, and 1 % for overruns.
                assert used <= shares[o["partition"]] * 1.01 + 0.0025, (o, used)


def test_a_whole_core_guest_that_computes_takes_no_exits():
    o = rigs.boot_once("bochs", "demo").having("partition", "exits", partition="calc0")[0]
    # Its way into long mode, and the kick that ends the run; nothing that grows with time.
    assert o["exits"] <= 16, o
    assert o["guest_tsc"] / o["elapsed_tsc"] > 0.99, o


def test_computing_longer_takes_no_exit_more():
    for rig in ("bochs", "qemu-iso"):
        exits = [rigs.boot_once(rig, config, cpus=1).having("partition", "exits")[0]["exits"]
                 for config in ("compute_short", "compute_long")]
        assert exits[0] == exits[1], (rig, exits)


def test_every_switch_fits_the_overhead_that_admission_counts_with():
    for b in runs():
        for o in b.having("core", "switch_max_tsc"):
            assert o["switch_max_tsc"] <= o["switch_overhead_tsc"], (b.rig, o)


def test_two_cores_and_uefi_work_together_in_qemu():
    """Several CPUs in QEMU have no common virtual clock: this is about function, not time."""
    b = rigs.boot_once("qemu", "demo")
    assert b.ended_well, b.tail()
    o = b.having("partition", "exits", partition="calc0")[0]
    assert o["exits"] <= 16 and o["core"] == 1, o


def test_a_refused_plan_says_so_before_any_guest_runs():
    b = rigs.boot_once("bochs", "demo", cpus=1, tag="bochs-one-core")
    assert b.code == 3, b.tail()
    assert any("core 1" in line and "plan" in line for line in b.lines), b.tail()
    assert not any("partitions start" in line for line in b.lines), b.tail()


def test_image_and_memory_are_within_their_limits():
    """What the build computed is what the image says it takes, and both are small."""
    import json
    import subprocess
    out = rigs.config_dir("demo") + "/size.json"
    code = subprocess.run([rigs.TOP + "/tools/size", "--config", rigs.config_dir("demo"),
                           "--out", out], stdout=subprocess.DEVNULL).returncode
    assert code == 0
    with open(out) as f:
        size = json.load(f)
    said = rigs.boot_once("bochs", "demo").having("hypervisor_memory_bytes")[0]
    assert size["hypervisor_memory_bytes"] == said["hypervisor_memory_bytes"] <= 8 << 20, said
    assert size["image_bytes"] <= 256 << 10, size
