# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/queueing.py - a configuration's plan as a layered queueing network, for build/tool/lqn. docs/queueing.md.

  describe(plan, costs, hz)   the text, and why partitions are not in it: {partition: reason}
  solve(text, seconds)        what tools/lqn says: [by mean values, by discrete events]

What is known of workloads is in the guests' arguments (mode=load of guests/blk; sink, generate, serve and request of
guests/net). costs: in ticks, measured by `tools/experiment lqn` at low load: {kind: {each, wake, ..}}.
"""
import functools
import json
import os
import subprocess

import tools.lib.rigs as rigs

WIRE_BYTES = 24   # preamble, CRC, gap of a frame: io/memnic.h
REQUEST_BYTES = 60
RING = 256        # requests or frames that wait for a guest: guests/net/serve.c, igbvf.h
BURST_S = 0.001   # of its rate a bucket holds, and it may end one request in debt: core/device_rate.c


def words_of(part):
    return dict(w.split("=", 1) for w in part.get("args", "").split() if "=" in w)


def sink_kind(words):
    return "sink work_insns=%s" % words.get("work_insns", "0")


def serve_kind(words, frames):
    return "serve work_ns=%s frames=%s" % (words.get("work_ns", "0"), frames)


def why_not(part, kind, costs):
    """Why this guest cannot be in a model; None: it can."""
    if part["vcpus"][0]["kind"] == "best_effort":
        return "how much of its core others leave it is not known"
    return None if kind in costs else "no costs are known of '%s'" % kind


class Text:
    """Lines by section: what is named must be there before."""

    def __init__(self, hz):
        self.hz, self.processors, self.tasks, self.entries, self.left_out = hz, [], [], [], {}

    def seconds(self, ticks):
        return "%.9g" % (max(0.0, ticks) / self.hz)

    def processor(self, *words):
        self.processors.append(" ".join(str(w) for w in words))

    def source(self, name, processor, rate=None, customers=1, think=0.0):
        """Somebody who asks: customers, or at a rate (deterministic)."""
        kind, more = ("i", "") if rate else ("r", " m %d" % customers)
        self.tasks.insert(0, "t ask.%s %s %s -1 %s%s" % (name, kind, name, processor, more))
        self.entries.append("c %s 0 -1" % name)
        if rate:
            self.entries.append("a %s %.9g 0 -1" % (name, rate))
        elif think:
            self.entries.append("Z %s %.9g -1" % (name, think))

    def station(self, name, processor, source, seconds, count=1, wake=None, sleep="0", options="", limit=None):
        self.tasks.append("t on.%s i %s -1 %s%s" % (name, name, processor, options))
        self.entries.append("y %s %s %g -1" % (source, name, count))
        self.entries += ["s %s %s -1" % (name, seconds), "c %s 0 -1" % name]
        if wake:
            self.entries.append("w %s %s %s -1" % (name, wake, sleep))
        if limit:
            self.entries.append("l %s %.9g %g" % (name, limit, 1 + limit * BURST_S))

    def done(self, title):
        self.processors.insert(0, "p wait i")
        return "\n".join(["# %s: tools/lib/queueing.py; notation: docs/queueing.md" % title, "P"]
                         + self.processors + ["-1", "T"] + self.tasks + ["-1", "E"] + self.entries + ["-1", ""])


# --- processors --------------------------------------------------------------------------------

def add_cpus(text, plan):
    """A core that is owned is a processor; a reservation is a group of one."""
    hosts = []
    claims = [(p["name"], p["vcpus"][0]) for p in plan["partitions"]]
    if "service" in plan:
        claims.append(("service", plan["service"]))
    for name, v in claims:
        if v["kind"] == "best_effort":
            continue
        if v["kind"] == "reserved":
            if v["core"] not in hosts:
                hosts.append(v["core"])
                text.processor("p core%d f" % v["core"])
            text.processor("g", name, v["budget_ns"] / 1e9, v["period_ns"] / 1e9, "core%d" % v["core"])
        else:
            text.processor("p", name, "f")


# --- disks -------------------------------------------------------------------------------------

def add_load(text, part, words, disk, costs):
    share = [s for s in disk["shares"] if s["partition"] == part["name"]][0]
    name, nbytes = part["name"], int(words.get("bytes", 4096))
    fixed, per_kib = disk["read_ns"]
    rate = float(words.get("rate", 0))
    text.source(name, "wait", rate or None, int(words.get("depth", 1)))
    text.station("guest." + name, name, name, text.seconds(costs["disk guest"]["each"]),
                 wake=text.seconds(costs["disk guest"]["wake"]),
                 sleep=text.seconds(costs["disk guest"].get("sleep", 0)))
    text.station("disk." + name, disk["name"], name, "%.9g" % ((fixed + per_kib * nbytes / 1024) / 1e9),
                 options=" w %d" % share["weight"])
    text.station("service." + name, "service", name, text.seconds(costs["disk service"]["each"]),
                 wake=text.seconds(costs["disk service"]["wake"]),
                 sleep=text.seconds(costs["disk service"].get("sleep", 0)))


def add_disks(text, plan, costs):
    for disk in plan.get("disks", []):
        text.processor("p", disk["name"], "w" if disk["is_fair"] and len(disk["shares"]) > 1 else "f", "m",
                       disk["parallel"] or 1)
        for part in plan["partitions"]:
            words = words_of(part)
            if part["name"] not in [s["partition"] for s in disk["shares"]]:
                continue
            why = why_not(part, "disk guest" if words.get("mode") == "load" else part.get("args", ""), costs)
            if why:
                text.left_out[part["name"]] = why
            else:
                add_load(text, part, words, disk, costs)


# --- networks ----------------------------------------------------------------------------------

def peers_of(plan, words):
    """Partitions by the addresses from to= on: the last byte counts up."""
    first = words.get("to", "")
    macs = [first[:-2] + "%02x" % (int(first[-2:], 16) + i) for i in range(int(words.get("peers", 1)))] if first else []
    return [p for p in plan["partitions"] for d in p.get("devices", []) if d.get("mac") in macs]


def limit_of(part):
    """0: none. Packets have no link that others could leave it something of: usual says nothing here."""
    return max([d["rx_packets_per_s"][2] for d in part.get("devices", []) if "rx_packets_per_s" in d] or [0])


def add_frames(text, link, source, name, to, count, nbytes, costs):
    """Frames through the link and the core that plays the controller."""
    text.station("link.%s.%s" % (name, to), "link", source, "%.9g" % ((nbytes + WIRE_BYTES) / link), count)
    if costs.get("nic"):
        text.station("nic.%s.%s" % (name, to), "service", source, text.seconds(costs["nic"]["each"]), count)


def add_stream(text, link, gen, words, sink, costs):
    kind = sink_kind(words_of(sink))
    name = sink["name"]
    why = why_not(sink, kind, costs)
    if why:
        text.left_out[name] = why
        return
    text.source(name, "wait", float(words.get("rate", 0)))
    add_frames(text, link, name, name, "in", 1, int(words.get("size", 554)), costs)
    text.station("guest." + name, name, name, text.seconds(costs[kind]["each"]),
                 wake=text.seconds(costs[kind]["wake"]), options=" q %d" % RING, limit=limit_of(sink))


def add_requests(text, link, client, words, server, costs):
    frames = int(words.get("frames", 68))
    kind = serve_kind(words_of(server), frames)
    name = server["name"]
    why = why_not(server, kind, costs)
    if why:
        text.left_out[name] = why
        return
    c = costs[kind]
    every_us = int(words.get("every_us", 20000))
    text.source(name, "wait", 1e6 / every_us if every_us else None, int(words.get("under_way", 8)),
                c["turnaround"] / text.hz)
    add_frames(text, link, name, name, "ask", 1, REQUEST_BYTES, costs)
    text.station("guest." + name, name, name, text.seconds(c["each"]), wake=text.seconds(c["wake"]),
                 options=" q %d" % RING, limit=limit_of(server))
    add_frames(text, link, name, name, "answer", frames, int(words.get("size", 1514)), costs)


def add_networks(text, plan, costs):
    for pf in plan.get("pfs", []):
        if not pf.get("link_bytes_per_s"):
            continue
        text.processor("p link f")
        for part in plan["partitions"]:
            words = words_of(part)
            for peer in peers_of(plan, words):
                add = {"generate": add_stream, "request": add_requests}.get(words.get("mode"))
                if add:
                    add(text, pf["link_bytes_per_s"], part, words, peer, costs)


# --- all of it ---------------------------------------------------------------------------------

def describe(plan, costs, hz):
    text = Text(hz)
    add_cpus(text, plan)
    add_disks(text, plan, costs)
    add_networks(text, plan, costs)
    return text.done(plan["system"]), text.left_out


@functools.lru_cache(maxsize=None)
def tool():
    subprocess.run(["make", "-s", "--no-print-directory", "build/tool/lqn"], cwd=rigs.TOP, check=True)
    return os.path.join(rigs.TOP, "build/tool/lqn")


def solve(text, seconds=0, seed=1, as_json=True):
    command = [tool()] + (["--simulate", "%g" % seconds, "--seed", str(seed)] if seconds else []) + (
        ["--json"] if as_json else []) + ["-"]
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit("%s\n%s" % (text, done.stderr))
    return json.loads(done.stdout) if as_json else done.stdout
