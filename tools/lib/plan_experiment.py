# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/plan_experiment.py - what the planner answers, and how near runs come to it:

  plan    build/results/plan.json: the paper's set, the random task sets, every configuration, and
          {cpu: [{name, bound, worst, ratio, ..}]}: guests whose tasks arrive at the worst moment, in Bochs
  bounds  build/results/bounds.json: what all experiments have left in build/results/bounds (tools/lib/bounds.py)

The worst moment of the worst-case supply: the guest's own background work has used up a budget at the
beginning of its period; then the tasks arrive; then, just before the next period, a neighbour wakes whose
deadlines are earlier, so that this budget and all that follow come at the end of their periods. From idle:
the tasks arrive just after the budget of such a neighbour, who never sleeps.

Where that moment is depends on when the servers began. So everything repeats in rounds that are a little
longer than a whole number of periods: the tasks and the neighbour walk along the server's periods, through all
phases, STEP_MS at a time. Of the worst that is seen nothing is chosen, or known before.
"""
import json
import math
import os
import re
import subprocess

import tools.lib.bounds as bounds
import tools.lib.rate_cases as rate_cases
import tools.lib.rigs as rigs

CPU_RATIO_MAX = 1.10
STEP_MS = 0.25
OVERHEAD_MS = 0.101  # of each of the two servers: configs/boards.h, and a tick of rounding


class Case:
    """
    tasks: [(wcet, period, jitter)] in ms; work: what of the wcet the guest's loops are, the rest is for its
    scheduler and exits. A configuration for tools/lib/rate_cases.py.
    """

    def __init__(self, name, policy, supply, budget, period, tasks, work):
        self.name, self.policy, self.supply = "bounds_" + name, policy, supply
        self.budget, self.period, self.tasks, self.work = budget, period, tasks, work
        self.text = self.config()

    def options(self):
        return {"cpus": 1, "timeout": 1800}

    def round_ms(self):
        """Whole periods of the server, at least a hyperperiod of the tasks and their jitter; and a step."""
        hyper = math.lcm(*(round(p * 1000) for _, p, _ in self.tasks)) / 1000
        longest = hyper + max(j for _, _, j in self.tasks)
        return math.ceil(longest / self.period) * self.period + STEP_MS

    def words(self):
        """All are released together, however late each may be: what arrives earlier is released later."""
        last = max(j for _, _, j in self.tasks)
        return ",".join("t%d:%g:%g:%g:%g" % (i, round(w * self.work, 3), p, last - j, j)
                        for i, (w, p, j) in enumerate(self.tasks))

    def neighbour(self):
        """(share of the period, words): asleep until just before the period after the release; or never."""
        budget = self.period - self.budget - 2 * OVERHEAD_MS
        if self.supply == "idle":
            return budget, "tasks=idle:0.001:1000 busy=1"
        release = max(j for _, _, j in self.tasks)
        wakes = release + self.period - self.budget - STEP_MS
        work = (self.round_ms() - wakes - self.period) * budget / self.period * 0.9
        return budget, "tasks=late:%.3f:%.3f:%.3f round=%g" % (work, self.round_ms(), wakes, self.round_ms())

    def config(self):
        us = lambda ms: "US(%d)" % round(ms * 1000)
        budget, words = self.neighbour()
        steps = math.ceil(self.period / STEP_MS) + 2
        declared = ", ".join('{ .name = "t%d", .wcet_ns = %s, .period_ns = %s, .jitter_ns = %s }' % (
            i, us(w), us(p), us(j)) for i, (w, p, j) in enumerate(self.tasks))
        return """/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tools/lib/plan_experiment.py. */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{ .name = "other", .cpu = RESERVATION(0, %s, %s), .memory_bytes = GUEST_MEMORY,
	  .image = "tasks.elf", .args = "%s epoch=1000 jobs=0" },
	{ .name = "guest", .cpu = RESERVATION(0, %s, %s), .memory_bytes = GUEST_MEMORY,
	  .image = "tasks.elf", .args = "tasks=%s round=%g epoch=1000 jobs=%d%s%s",
	  .CPU_TASKS(%s),
	  .task_policy = %s, .task_supply = %s },
};

const struct config config = {
	.name = "%s", .board = BOARD_RIG(1), .partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions), .run_limit_ns = UINT64_C(%d),
};
""" % (us(budget), us(self.period), words, us(self.budget), us(self.period), self.words(), self.round_ms(),
            steps, "" if self.supply == "idle" else " busy=1", " policy=edf" if self.policy == "EDF" else "",
            declared, "TASKS_EDF" if self.policy == "EDF" else "TASKS_RATE_MONOTONIC",
            "TASKS_FROM_IDLE" if self.supply == "idle" else "TASKS_WORST_CASE", self.name,
            int((steps + 4) * self.round_ms() * 1e6 + 2e9))


PAPER = [(30, 150, 0), (50, 200, 0)]
PAPER_DECLARED = [(30.3, 150, 0), (50.5, 200, 0)]  # configs/aquosa.h
CASES = [
    Case("paper_worst", "RM", "worst", 32, 50, PAPER, 0.993),
    Case("aquosa_idle", "RM", "idle", 28, 50, PAPER_DECLARED, 0.99),
    Case("enough", "RM", "worst", 3.482, 6.25, PAPER_DECLARED, 0.99),
    Case("jitter", "RM", "worst", 12, 20, [(8, 60, 10), (12, 80, 5), (20, 240, 20)], 0.985),
    Case("edf", "EDF", "worst", 13, 20, [(8, 60, 0), (16, 80, 0), (30, 120, 0)], 0.985),
    Case("edf_idle", "EDF", "idle", 12, 20, [(8, 60, 10), (12, 80, 5), (20, 120, 0)], 0.985),
]


def cpu_row(case, task, row):
    return {"name": case.name, "task": task, "analysis": row["analysis"], "bound": row["bound"],
            "worst": row["worst"], "unit": row["unit"], "ratio": round(row["bound"] / row["worst"], 4)}


def run_cases():
    """Rows of plan.json's "cpu"."""
    rate_cases.start(CASES)
    rows = []
    for case in CASES:
        b = rate_cases.ended(case)
        for row in bounds.rows_of(b, rigs.plan_of(case.name)):
            if row["kind"] != "response":
                continue
            rows.append(cpu_row(case, row["name"].split(".")[1], row))
            print("  %-22s %-3s bound %9.3f ms, worst %9.3f ms: %.4f" % (
                case.name, rows[-1]["task"], row["bound"] / 1e6, row["worst"] / 1e6, rows[-1]["ratio"]),
                flush=True)
    return rows
