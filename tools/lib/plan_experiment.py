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
phases, a hundredth of a period at a time. Of the worst that is seen nothing is chosen, or known before.
"""
import math
import os
import re
import subprocess

import tools.lib.bounds as bounds
import tools.lib.rate_cases as rate_cases
import tools.lib.rigs as rigs

CPU_RATIO_MAX = 1.10
OVERHEAD_MS = 0.101  # of each of the two servers: configs/boards.h, and a tick of rounding


def us(ms):
    return "US(%d)" % round(ms * 1000)


class Case:
    """
    tasks: [(wcet, period, jitter)] in ms; offsets: of their arrivals, {task: ms}. work: what of the wcet the
    guest's loops are, the rest is for its scheduler and exits. A configuration for tools/lib/rate_cases.py.
    """

    def __init__(self, name, policy, supply, reservation, tasks, work, offsets=None, steps=100):
        self.name, self.policy, self.supply = "bounds_" + name, policy, supply
        self.budget, self.period = reservation
        self.tasks, self.work, self.offsets, self.steps = tasks, work, offsets or {}, steps
        self.text = self.config()

    def options(self):
        return {"cpus": 1, "timeout": 1800}

    def step_ms(self):
        return self.period / self.steps

    def release_ms(self):
        """In a round: when all are released that have no offset."""
        return max(j for _, _, j in self.tasks)

    def round_ms(self):
        """Whole periods of the server, at least a hyperperiod of the tasks and what lies before; and a step."""
        hyper = math.lcm(*(round(p * 1000) for _, p, _ in self.tasks)) / 1000
        longest = hyper + self.release_ms()
        return round(math.ceil(longest / self.period) * self.period + self.step_ms(), 3)

    def words(self):
        """All are released together, however late each may be: what arrives earlier is released later."""
        return ",".join("t%d:%g:%g:%g:%g" % (i, round(w * self.work, 3), p,
                                             self.release_ms() - j + self.offsets.get(i, 0), j)
                        for i, (w, p, j) in enumerate(self.tasks))

    def neighbour(self):
        """(its budget, words): asleep until just before the period after the release; or never."""
        budget = self.period - self.budget - 2 * OVERHEAD_MS
        if self.supply == "idle":
            return budget, "tasks=idle:0.001:1000 busy=1"
        wakes = self.release_ms() + self.period - self.budget - self.step_ms()
        work = (self.round_ms() - wakes - self.period) * budget / self.period * 0.9
        return budget, "tasks=late:%.3f:%.3f:%.3f round=%g" % (work, self.round_ms(), wakes, self.round_ms())

    def config(self):
        budget, words = self.neighbour()
        rounds = self.steps + 2
        declared = ",\n\t\t\t".join(
            '{ .name = "t%d", .wcet_ns = %s, .period_ns = %s, .jitter_ns = %s }' % (i, us(w), us(p), us(j))
            for i, (w, p, j) in enumerate(self.tasks))
        return """/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tools/lib/plan_experiment.py. */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{ .name = "other", .cpu = RESERVATION(0, %s, %s), .memory_bytes = GUEST_MEMORY,
	  .image = "tasks.elf", .args = "%s common=1 epoch=1000 jobs=0" },
	{ .name = "guest", .cpu = RESERVATION(0, %s, %s), .memory_bytes = GUEST_MEMORY,
	  .image = "tasks.elf", .args = "tasks=%s round=%g common=1 epoch=1000 jobs=%d%s%s",
	  .CPU_TASKS(%s),
	  .task_policy = %s, .task_supply = %s },
};

const struct config config = {
	.name = "%s", .board = BOARD_RIG(1), .partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions), .run_limit_ns = UINT64_C(%d),
};
""" % (us(budget), us(self.period), words, us(self.budget), us(self.period), self.words(), self.round_ms(),
            rounds, "" if self.supply == "idle" else " busy=1", " policy=edf" if self.policy == "EDF" else "",
            declared, "TASKS_EDF" if self.policy == "EDF" else "TASKS_RATE_MONOTONIC",
            "TASKS_FROM_IDLE" if self.supply == "idle" else "TASKS_WORST_CASE", self.name,
            int((rounds + 4) * self.round_ms() * 1e6 + 2e9))


def edf_response(tasks, reservation, late, offset):
    """
    The longest response of tasks[late], which arrives `offset` ms after the others, when the supply is as bad
    as it gets; and minus when that job arrived.
    """
    budget, period = reservation
    begin = now = 2 * (period - budget)
    end = 2 * max(p for _, p, _ in tasks)
    # [deadline, task, work left, arrival]
    jobs = sorted([at + p, i, w, at] for i, (w, p, _) in enumerate(tasks)
                  for at in range(offset if i == late else 0, end, p))
    worst = (0, 0)
    while jobs:
        left = budget - (now - begin) % period
        job = next((j for j in jobs if j[3] <= now), None)
        later = min((j[3] for j in jobs if j[3] > now), default=math.inf)
        if left <= 0:
            now += period - budget
        elif not job:
            now = min(later, now + left)
        else:
            step = min(job[2], left, later - now)
            job[2] -= step
            now += step
            if job[2] == 0:
                jobs.remove(job)
                worst = max(worst, (now - job[3], -job[3])) if job[1] == late else worst
    return worst


def edf_cases(name, reservation, tasks, work):
    """One for each task: with EDF, its worst moment may be after the release of the others."""
    for i, (_, period, _) in enumerate(tasks):
        offset = max(range(period), key=lambda o: edf_response(tasks, reservation, i, o))
        yield Case("%s_t%d" % (name, i), "EDF", "worst", reservation, tasks, work, {i: offset})


PAPER = [(30, 150, 0), (50, 200, 0)]
PAPER_DECLARED = [(30.3, 150, 0), (50.5, 200, 0)]  # configs/aquosa.h
# What configurations have, and sets that show jitter and EDF.
CASES = [
    Case("paper_worst", "RM", "worst", (32, 50), PAPER, 0.993, steps=200),
    Case("aquosa_idle", "RM", "idle", (28, 50), PAPER_DECLARED, 0.99),
    Case("enough", "RM", "worst", (3.482, 6.25), PAPER_DECLARED, 0.99),
    Case("tuples", "RM", "worst", (28.7, 50), [(20, 200, 0)], 0.99),
    Case("jitter", "RM", "worst", (12, 20), [(8, 60, 10), (12, 80, 5), (20, 240, 20)], 0.985),
    Case("edf_idle", "EDF", "idle", (12, 20), [(8, 60, 10), (12, 80, 5), (20, 120, 0)], 0.985),
] + list(edf_cases("edf", (13, 20), [(8, 60, 0), (16, 80, 0), (30, 120, 0)], 0.985))


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


# --- plan ----------------------------------------------------------------------------------------

PAPER_BUDGET_MS = {"idle": 27, "worst": 32}  # paper 002, section 4.1, and with the other supply
LEAST = """/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tools/lib/plan_experiment.py: the least budget of 50 ms for the set of paper 002. */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{ .name = "guest", .cpu = { .kind = CPU_ENOUGH, .core = 0, .period_ns = MS(50) },
	  .memory_bytes = GUEST_MEMORY, .image = "tasks.elf", .task_supply = %s,
	  .CPU_TASKS({ .wcet_ns = MS(30), .period_ns = MS(150) }, { .wcet_ns = MS(50), .period_ns = MS(200) }) },
};

const struct config config = {
	.name = "%s", .board = BOARD_RIG(1), .partitions = partitions,
	.partition_count = ARRAY_SIZE(partitions),
};
"""


def least_budgets():
    """{supply: ms}: what the planner chooses for the paper's tasks, P = 50 ms."""
    found = {}
    for supply, name in (("idle", "TASKS_FROM_IDLE"), ("worst", "TASKS_WORST_CASE")):
        config = "bounds_least_" + supply
        path = os.path.join(rigs.TOP, rate_cases.FOLDER, config + ".c")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(LEAST % (name, config))
        make("CONFIG=" + os.path.relpath(path, rigs.TOP), "build/config/%s/plan" % config)
        found[supply] = rigs.plan_of(config)["partitions"][0]["vcpus"][0]["budget_ns"] / 1e6
    return found


def make(*words):
    subprocess.run(["make", "-s", "--no-print-directory"] + list(words), cwd=rigs.TOP, check=True,
                   stdout=subprocess.DEVNULL)


def tested(name):
    """What a property test says of what it has seen; it must pass."""
    make("build/tests/property/" + name)
    done = subprocess.run([os.path.join(rigs.TOP, "build/tests/property", name)], stdout=subprocess.PIPE,
                          text=True)
    if done.returncode:
        raise SystemExit(done.stdout)
    return [line for line in done.stdout.splitlines() if not re.match(r"ok |seed ", line)]


def configurations():
    """{name: {accepted, bounds: {kind: how many}}} of all that are built."""
    found = {}
    for name in sorted(os.listdir(os.path.join(rigs.TOP, "build/config"))):
        if not os.path.exists(os.path.join(rigs.config_dir(name), "plan")):
            continue
        plan, kinds = rigs.plan_of(name), {}
        for b in plan.get("bounds", []):
            kinds[b["kind"]] = kinds.get(b["kind"], 0) + 1
        found[name] = {"accepted": plan["accepted"], "bounds": kinds, "refusals": plan["refusals"]}
    return found


def plan():
    """what the planner answers for the paper's tasks, and guests that meet the worst moment of its bounds"""
    least = least_budgets()
    checks = [("least budget for the paper's tasks, %s" % {"idle": "from idle", "worst": "at worst"}[s],
               "%.3f" % least[s], "%d ms" % ms, math.ceil(least[s]) == ms) for s, ms in PAPER_BUDGET_MS.items()]
    rows = run_cases()
    best = {}
    for r in rows:
        best[r["task"], r["analysis"]] = min(r["ratio"], best.get((r["task"], r["analysis"]), math.inf))
    checks += [("bound of %s by worst, %s" % (task, bounds.in_ms(analysis)), "%.4f" % ratio, "<= 1.1",
                1 <= ratio <= CPU_RATIO_MAX) for (task, analysis), ratio in best.items()]
    rigs.write_json("plan", {"least_budget_ms": least, "cpu": rows, "random": tested("test_demand_random"),
                             "exhaustive": tested("test_demand_exhaustive"), "configurations": configurations()})
    rigs.report(checks)


# --- bounds --------------------------------------------------------------------------------------

def all_bounds():
    """every bound of every plan against every run of every experiment so far"""
    rows = bounds.collect(rigs.RESULTS)
    print("\n".join("  " + line for line in bounds.table(rows)))
    exceeded = [r for r in rows if bounds.is_exceeded(r)]
    loose = [r for r in rows if r["kind"] == "response" and r["runs"] and r["ratio"] > CPU_RATIO_MAX]
    for r in exceeded + loose:
        print("  %s: %s %s, seen %s" % (r["name"], r["bound"], r["unit"], r["worst"]))
    rigs.report([("bounds in runs", sum(r["runs"] for r in rows), "", True),
            ("exceeded", len(exceeded), "0", not exceeded),
            ("responses of tasks: bounds more than 10 % above the worst seen", len(loose), "0", not loose)])


EXPERIMENTS = {"plan": plan, "bounds": all_bounds}
