# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/irq_experiment.py - the experiment "passthrough-delivery": interrupts from one virtual CPU to
another (guests/irq), by each path that there is. Writes into build/results/passthrough.json:

  delivery    [{rig, path, receiver, config, n, lost, insn_p50, exits_per_interrupt}]

path  posted           hardware takes it in while the receiver runs: VT-x, no exit
      software_posted  its core is told by a host interrupt, takes it in, and hardware delivers it
      injected         by event injection at the VM entry: virtual APIC in software
      self             to itself; no other core has a part in it, so that one CPU measures it

insn_p50: ticks from the sender's WRMSR to the receiver's handler. With two CPUs of Bochs a tick is
not quite an instruction (docs/emulators.md): compare such rows with each other only. exits: of the
receiver, all kinds, what it took to start included.
"""
import os

import tools.lib.rigs as rigs

BOCHS2, BOCHS1 = ("bochs", {"cpus": 2}), ("bochs", {"cpus": 1})
QEMU1 = ("qemu-iso", {"cpus": 1, "icount": 0, "tag": "counted"})
# rig, path, receiver, configuration
ROWS = [
    (BOCHS2, "posted", "computes", "irq_running"),
    (BOCHS2, "posted", "computes; descheduled when its budget is spent", "irq_shared"),
    (BOCHS2, "software_posted", "sleeps", "irq_halted"),
    (BOCHS2, "software_posted", "sleeps, a neighbour has the core", "irq_shared_halted"),
    (BOCHS2, "injected", "computes", "irq_software"),
    (BOCHS2, "injected", "sleeps", "irq_software_halted"),
    (BOCHS1, "software_posted", "shares the sender's core", "irq_sibling"),
    (QEMU1, "injected", "shares the sender's core", "irq_sibling"),
    (BOCHS1, "self", "APICv", "irq_self"),
    (BOCHS1, "injected", "itself", "irq_self_software"),
    (QEMU1, "injected", "itself", "irq_self"),
]


def exits(b):
    """Of the receiver: the last virtual CPU of its guest."""
    o = max(b.having("exits_of", "vcpu", exits_of="irq"), key=lambda o: o["vcpu"])
    return {k: v for k, v in o.items() if isinstance(v, int) and k not in ("vcpu", "steal_us")}


def measure(row, suffix):
    (rig, options), path, receiver, config = row
    b = rigs.boot_once(rig, config + suffix, **options)
    said = b.having("irq", "sent", part="irq")
    if not b.ended_well or len(said) != 1:
        raise SystemExit(b.tail())
    o = said[0]
    return {"rig": rig, "path": path, "receiver": receiver, "config": config + suffix,
            "n": o["sent"], "lost": o["lost"], "wrong": o["wrong"], "insn_p50": o["p50"],
            "insn_p99": o["p99"],
            "exits_per_interrupt": round(sum(exits(b).values()) / o["sent"], 4)}


def run():
    """100,000 interrupts between virtual CPUs by each path: posted, software-posted, injected"""
    for (rig, options), _, _, config in ROWS:
        rigs.boot_soon(rig, config + "_long", **options)
    rows = [measure(row, "_long") for row in ROWS]
    path = rigs.merge_json("passthrough", delivery=rows)
    print("  %-9s %-16s %-46s %8s %5s %9s %8s" % ("rig", "path", "receiver", "n", "lost",
                                                "insn p50", "exits"))
    for r in rows:
        print("  %-9s %-16s %-46s %8d %5d %9d %8.4f" % (
            r["rig"], r["path"], r["receiver"], r["n"], r["lost"], r["insn_p50"],
            r["exits_per_interrupt"]))
    print("  results %s" % os.path.relpath(path, rigs.TOP))
    if any(r["lost"] or r["wrong"] for r in rows) or rows[0]["exits_per_interrupt"] > 0.001:
        raise SystemExit(1)


EXPERIMENTS = {"passthrough-delivery": run}
