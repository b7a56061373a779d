# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/block.py - what a run with shared disks said: for the boot tests and the experiments.
"""
import tools.lib.disk_audit as disk_audit
import tools.lib.rigs as rigs
from tools.lib.rigs import one

# From the first request on: budgets have to be learned, and the first to come is alone.
SETTLED_S = 2.0
DEVICE_DEPTH = 8                        # core/disk_config.h


def said(b, what, **values):
    """The one line of that kind that a guest of guests/blk printed."""
    rows = b.having("blk", blk=what, **values)
    if len(rows) != 1:
        raise AssertionError("%d lines '%s'\n%s" % (len(rows), what, b.tail()))
    return rows[0]


def tasks(b):
    """{(part, task): ..}: what guests in mode=tasks said: each task has two lines."""
    return {(o["part"], o["task"]): dict(said(b, "times", part=o["part"], task=o["task"]), **o)
            for o in b.having("part", blk="task")}


# --- shares --------------------------------------------------------------------------------------

def trail(b):
    """Every decision, from the first on, and ticks a second."""
    end = one(b, "io_audit")
    records = [r for o in b.having("io", "records") for r in o["records"]]
    if not records or len(records) != end["records"]:
        raise AssertionError("%d of %d records are left" % (len(records), end["records"]))
    return records, end["tsc_hz"]


def settled(records, tsc_hz, weights):
    """
    Those between two turns of the lightest client, whole rounds: the first after some seconds, and the
    last before one of the busy ones has made its last request.
    """
    busy = [i for i, w in enumerate(weights) if w]
    lightest = min(busy, key=lambda i: weights[i])
    begin = records[0][0] + SETTLED_S * tsc_hz
    end = min(max(r[0] for r in records if r[1] == disk_audit.ADDED and r[3] == c) for c in busy)
    turns = [i for i, r in enumerate(records) if begin <= r[0] <= end and r[3] == lightest
             and r[1] == disk_audit.SELECTED and r[4] == disk_audit.NO_QUEUE]
    if len(turns) < 3:
        raise AssertionError("%d turns of client %d: too few" % (len(turns), lightest))
    return records[turns[0]:turns[-1]]


def fairness(b, weights, depth=DEVICE_DEPTH):
    """
    weights: of the busy clients, 0: idle. A row of the results: shares in the settled part, rules
    and lags from the beginning.
    """
    records, tsc_hz = trail(b)
    claims = claims_of(b)
    audit = disk_audit.replay(records, claims, None, depth)
    some = disk_audit.backlogged(settled(records, tsc_hz, weights), weights)
    return {"rig": b.rig, "weights": weights, "shares": some["shares"],
            "max_lag_bytes": audit["max_lag_bytes"], "bound_bytes": audit["max_lag_bound_bytes"],
            "lag_bytes": audit["lag_bytes"], "bounds": audit["bound_bytes"],
            "settled_lag_bytes": max(some["lag_bytes"]), "decisions": audit["choices"],
            "records": len(records), "wrong": audit["wrong"]}


def claims_of(b):
    return [s["weight"] for s in rigs.plan_of(b.config)["disks"][0]["shares"]]


def bound_ns(config, part):
    """What the plan promises for a request of that partition."""
    return [s["bound_ns"] for d in rigs.plan_of(config)["disks"] for s in d["shares"]
            if s["partition"] == part][0]


def worst_share_error(row):
    """Relative to what the weight promises, of the busy ones."""
    total = sum(row["weights"])
    return max(abs(s * total / w - 1) for s, w in zip(row["shares"], row["weights"]) if w)


# --- costs ---------------------------------------------------------------------------------------

def exits(b, part="load"):
    o = one(b, "exits_of", "vcpu", exits_of=part)
    return sum(v for k, v in o.items() if isinstance(v, int) and k not in ("vcpu", "steal_us"))


def cost(b, base):
    """Of a request, by the difference of two runs. `work`: in the scheduler, the device, and all."""
    def grown(get):
        return get(b) - get(base)

    def ticks(key):
        return grown(lambda x: one(x, "disk_ticks")[key]) / n

    n = grown(lambda x: one(x, "disk_ticks")["requests"])
    def kicks(x):
        of = one(x, "ticks_of", ticks_of="load")
        return of["memory"] + of["pio"]

    trap = grown(kicks) / n
    service = grown(lambda x: one(x, "partition", "guest_tsc", partition="service")["guest_tsc"]) / n
    return {"requests": n, "kick_insn": round(trap), "service_insn": round(service),
            "device_insn": round(ticks("device")), "bfq_insn": round(ticks("sched")),
            # The memory disk's own work, copying, is the device's, not the hypervisor's.
            "insn_per_request": round(trap + service - ticks("device")),
            "exits_per_request": round(grown(exits) / n, 4)}


# --- Linux ---------------------------------------------------------------------------------------

def linux_troubles(b, parts):
    """What is wrong with guests/linux/disk's test in these guests: a list."""
    found = ["%s: %s" % (o["part"], o["broken"]) for o in b.having("broken")]
    for part in parts:
        done = b.having("disk_done", part=part)
        if len(done) != 1 or done[0]["wrong"]:
            found.append("%s: %s" % (part, done))
        steps = {o["step"]: o["status"] for o in b.having("step", part=part)}
        if steps.get("mkfs") != 0 or steps.get("fsck") != 0:
            found.append("%s: %s" % (part, steps))
        for job in ("deep", "one", "synced"):
            rows = b.having("fio", part=part, fio=job)
            if len(rows) != 1 or rows[0]["errors"] or not rows[0]["reads"] >= rows[0]["writes"] > 0:
                found.append("%s: fio %s: %s" % (part, job, rows))
    return found


def fio_totals(b, part):
    rows = b.having("fio", part=part)
    return {k: sum(o[k] for o in rows) for k in ("writes", "reads", "write_bytes", "read_bytes",
                                                 "errors")}


def worst_responses(b):
    return {o["task"]: o["max_us"] for o in b.having("task", "max_us", part="rt")}


def interruptions(b):
    """How often each vCPU of "rt" left the guest, by cause."""
    return [{k: v for k, v in o.items() if k not in ("exits_of", "vcpu", "steal_us")}
            for o in b.having("vcpu", exits_of="rt")]


def largest_drift_percent(seen, expected):
    return max(100 * abs(seen[t] - expected[t]) / expected[t] for t in expected)
