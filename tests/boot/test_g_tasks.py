# SPDX-License-Identifier: Apache-2.0
"""
Tasks keep the bounds that the planner prints, in the reservation that it finds for them; and a run that does
not keep one is found out, whatever the bound is of.
"""
import copy
import json
import os
import subprocess
import tools.lib.bounds as bounds
import tools.lib.rigs as rigs

CONFIG = "enough"
_boot = {}


def boot():
    if not _boot:
        _boot[0] = rigs.boot_once("bochs", CONFIG, cpus=1)
    assert _boot[0].ended_well, _boot[0].tail()
    return _boot[0]


def plan():
    path = os.path.join(rigs.TOP, "build/config", CONFIG, "plan")
    return json.loads(subprocess.run([path, "--json"], stdout=subprocess.PIPE, check=True).stdout)


def guest():
    return next(p for p in plan()["partitions"] if p["name"] == "guest")


def test_the_planner_found_a_reservation_and_the_boot_has_the_same():
    claim = guest()["vcpus"][0]
    assert claim["kind"] == "reserved" and 0 < claim["budget_ns"] < claim["period_ns"]
    text = "%d/%d us" % (claim["budget_ns"] // 1000, claim["period_ns"] // 1000)
    assert text in boot().text, text


def test_no_response_is_longer_than_its_bound():
    for task in guest()["tasks"]:
        seen = [v for o in boot().having("responses_us", part="guest", task=task["name"])
                for v in o["responses_us"]]
        assert len(seen) >= 300, (task["name"], len(seen))
        assert max(seen) * 1000 <= task["bound_ns"] <= task["deadline_ns"], (task, max(seen))


def rows(b):
    return {r["name"]: r for r in bounds.rows_of(b, rigs.plan_of(CONFIG))}


def test_a_run_shows_how_near_it_came_to_each_bound():
    found = rows(boot())
    assert set(found) == {"guest.budget", "guest.late", "core0.switch", "core0.utilization",
                          "guest.tau1.response", "guest.tau2.response"}, found
    for name, row in found.items():
        assert row["worst"] is not None and 0 <= row["worst"] <= row["bound"], row
        assert name == "guest.late" or row["worst"] > 0.1 * row["bound"], row


def test_a_bound_that_is_exceeded_fails_the_run():
    """The check of the check: what the run said, made a little worse."""
    for name, change in {
            "guest.tau2.response": ("max_us", "task", 200000),
            "guest.late": ("late", "claim", 1),
            "guest.budget": ("overrun_max_tsc", "claim", 21000),
            "core0.switch": ("switch_max_tsc", "passes", 6000)}.items():
        key, beside, value = change
        b = copy.copy(boot())
        b.objects = [dict(o, **{key: value}) if key in o and beside in o else o for o in b.objects]
        try:
            bounds.judge(b, rigs.plan_of(CONFIG), os.path.join(rigs.TOP, "build/rig"), "tampered")
        except bounds.Exceeded as e:
            assert name in str(e), (name, e)
        else:
            raise AssertionError("%s = %d was taken" % (key, value))
