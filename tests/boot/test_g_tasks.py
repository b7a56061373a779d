# SPDX-License-Identifier: Apache-2.0
"""Tasks keep the bounds that the planner prints, in the reservation that it finds for them."""
import json
import os
import subprocess
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
