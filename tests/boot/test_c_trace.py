# SPDX-License-Identifier: Apache-2.0
"""What really ran, as traced by the image, keeps every promise of sched/cbs.h."""
import os
import subprocess
import tools.lib.rigs as rigs

RUNS = [("bochs", {"cpus": 1}), ("qemu-iso", {"cpus": 1})]
for config in ("eight", "eight_busy"):
    for rig, options in RUNS:
        rigs.boot_soon(rig, config, **options)


def check(rig, options, config):
    b = rigs.boot_once(rig, config, **options)
    assert b.ended_well, b.tail()
    serial = os.path.join(rigs.config_dir(config), options.get("tag", rig) + ".serial")
    done = subprocess.run([os.path.join(rigs.TOP, "build/tool/trace_check"), serial],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    servers = b.having("server", "budget_tsc", "period_tsc")
    assert len(servers) == 8
    assert sum(o["budget_tsc"] / o["period_tsc"] for o in servers) >= 0.95


def test_eight_servers_in_bochs_get_their_budgets_and_no_more():
    check(*RUNS[0], "eight")
    check(*RUNS[0], "eight_busy")


def test_eight_servers_in_qemu_get_their_budgets_and_no_more():
    check(*RUNS[1], "eight")
    check(*RUNS[1], "eight_busy")


def test_eight_busy_servers_use_all_that_is_promised():
    for rig, options in RUNS:
        b = rigs.boot_once(rig, "eight_busy", **options)
        used = sum(o["guest_tsc"] + o["hypervisor_tsc"] for o in b.having("partition", "guest_tsc"))
        elapsed = b.having("core", "elapsed_tsc", core=0)[0]["elapsed_tsc"]
        assert used / elapsed >= 0.955, (rig, used / elapsed)


def test_a_trace_with_one_stolen_budget_is_caught():
    """The check of the check: a run that outlasts its budget in the transcript is refused."""
    import json
    b = rigs.boot_once(RUNS[0][0], "eight", **RUNS[0][1])
    lines, done = [], False
    for line in b.lines:
        if line.startswith('@{"trace"') and not done:
            o = json.loads(line[1:])
            for i, r in enumerate(o["records"]):
                if r[1] == 5 and i + 1 < len(o["records"]):    # TRACE_THROTTLE: forget it ran out
                    del o["records"][i]
                    done = True
                    break
            line = "@" + json.dumps(o, separators=(",", ":"))
        lines.append(line)
    assert done
    path = os.path.join(rigs.config_dir("eight"), "tampered.serial")
    with open(path, "w") as f:
        f.write("\n".join(lines))
    code = subprocess.run([os.path.join(rigs.TOP, "build/tool/trace_check"), path],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    assert code != 0
