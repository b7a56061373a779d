# SPDX-License-Identifier: Apache-2.0
"""The configurations that tools/experiment rtvirtio-rig writes are still what the planner takes."""
import os
import tools.lib.rigs as rigs
import tools.lib.rtvirtio_rig as rtvirtio_rig

CASE = {"seed": 7, "scheduler": "DISK_BFQ", "slice_idle_ns": 200000, "timeout_ns": 5000000, "guests": [
    {"tasks": [{"iops": 100, "target_ns": 90000000}, {"iops": 500, "target_ns": 90000000}],
     "weight": 100, "priority": 1, "budget_bytes": 0},
    {"tasks": [{"iops": 1500, "target_ns": 90000000}], "weight": 300, "priority": 2, "budget_bytes": 0}]}
BUDGETS = dict(CASE, scheduler="DISK_BUDGET", guests=[
    dict(g, budget_bytes=65536, budget_period_ns=10000000) for g in CASE["guests"]])
CASES = [("generated-tuned", CASE, "analytical"), ("generated-plain", CASE, "bfq"),
         ("generated-budget", BUDGETS, "rtxen")]


def test_each_is_accepted_and_says_what_was_meant():
    folder = os.path.relpath(rtvirtio_rig.GENERATED, rigs.TOP)
    os.makedirs(rtvirtio_rig.GENERATED, exist_ok=True)
    paths = ["%s/%s.c" % (folder, name) for name, _, _ in CASES]
    for path, (name, case, scheme) in zip(paths, CASES):
        with open(os.path.join(rigs.TOP, path), "w") as f:
            f.write(rtvirtio_rig.config_text(name, case, scheme))
    rtvirtio_rig.make("CONFIG=" + " ".join(paths), *["build/config/%s/plan" % name for name, _, _ in CASES])
    for name, case, scheme in CASES:
        plan = rigs.plan_of(name)
        assert plan["accepted"], plan
        predicted = [b for b in plan["bounds"] if b["kind"] == "prediction"]
        assert [b["target_ns"] for b in predicted] == (
            [t["target_ns"] for g in case["guests"] for t in g["tasks"]] if scheme == "analytical" else [])
