# SPDX-License-Identifier: Apache-2.0
"""
Latency targets at boot: the image finds the settings that `make plan` found on the host, in either rig; its scheduler
has them; who was promised a tail gets it; and finding them takes a bounded time.
"""
import re

import tools.lib.rigs as rigs

# At 1,000 million instructions a second: configs/rtvirtio.h.
RUNS = {"bochs": {"cpus": 1, "more": ("--ips", "1000000000"), "memory": 768, "timeout": 1200},
        "qemu-iso": {"cpus": 1, "memory": 768, "icount": 0, "timeout": 1200}}
LIMIT_US = 50000

rigs.boot_soon("bochs", "blk_tuned", **RUNS["bochs"])
rigs.boot_soon("qemu-iso", "blk_tuned", **RUNS["qemu-iso"])
rigs.boot_soon("bochs", "tuning_16", **RUNS["bochs"])


def boot(rig, config):
    b = rigs.boot_once(rig, config, **RUNS[rig])
    assert b.ended_well, b.tail()
    return b


def told(lines):
    """What a plan says of tasks and of the settings that were found."""
    return [line.split("] ", 1)[-1].strip() for line in lines
            if re.search(r"settings found|slice_idle|task \d+:|weight \d+ of", line)]


def host_lines(config):
    with open("%s/plan.txt" % rigs.config_dir(config)) as f:
        return told(f)


def settings(disk):
    """Of `plan --json`, as the image prints what its scheduler has."""
    return [(disk["slice_idle_ns"] // 1000, disk["timeout_ns"] // 1000)] + [
        (s["partition"], s["weight"], [t["weight"] for t in s["tasks"]]) for s in disk["shares"]]


def used(b):
    return [(o["slice_idle_us"], o["timeout_us"]) for o in b.having("tuned_disk", "slice_idle_us")] + [
        (o["share_of"], o["weight"], o["queue_weights"]) for o in b.having("tuned_disk", "share_of")]


def test_the_image_decides_as_the_planner_does():
    for rig, config in (("bochs", "blk_tuned"), ("qemu-iso", "blk_tuned"), ("bochs", "tuning_16")):
        b = boot(rig, config)
        assert len(host_lines(config)) > 4
        assert told(line for line in b.lines if line.startswith("[plan]")) == host_lines(config), (rig, config)


def test_the_scheduler_has_what_was_found():
    for rig, config in (("bochs", "blk_tuned"), ("qemu-iso", "blk_tuned"), ("bochs", "tuning_16")):
        assert used(boot(rig, config)) == settings(rigs.plan_of(config)["disks"][0]), (rig, config)


def test_who_was_promised_a_tail_gets_it():
    shares = {s["partition"]: s["tasks"] for s in rigs.plan_of("blk_tuned")["disks"][0]["shares"]}
    for rig in RUNS:
        for partition in ("brake", "log"):
            for number, task in enumerate(shares[partition]):
                count, = boot(rig, "blk_tuned").having("requests", part=partition, blk="task", task=number)
                times, = boot(rig, "blk_tuned").having("p99_99_ns", part=partition, blk="times", task=number)
                promised = task["target_ns"] or task["analytical_ns"]
                assert count["requests"] >= 4 * task["iops"] and count["errors"] == 0, (rig, partition, count)
                assert times["p99_99_ns"] <= promised, (rig, partition, number, times, promised)


def test_sixteen_partitions_of_four_tasks_are_planned_within_50_ms():
    lines = [line for line in boot("bochs", "tuning_16").lines if line.startswith("[plan] made in ")]
    assert len(lines) == 1
    assert 0 < int(lines[0].split()[3]) <= LIMIT_US, lines
