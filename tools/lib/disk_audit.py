#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/disk_audit.py - the offline checker of a disk's trail: @{"io": DISK, "records": [record, ..]}.

A record is [tsc, event, reason, client, queue, bytes] with the numbers of io/iosched.h. Plays
B-WF2Q+ again as docs/disk.md describes it, with integers of any size, every child looked at for
every choice; checks who was chosen, what was charged, that nobody got more than its budget; and
computes shares and lags. By itself:

  tools/lib/disk_audit.py --clients 1,2,3:1:1,4 [--depth N] [--disk NAME] <LOG

with the weights of clients, and of one's queues.

`replay` needs the trail from its beginning. Where the ring has lost that, `backlogged` gives shares
and lags of clients that have requests all the time.
"""
import argparse
import json
import sys

ADDED, DISPATCHED, COMPLETED, REMOVED, ACTIVATED, SELECTED, EXPIRED = range(7)
TIMED_OUT = 1           # enum bfq_expiry
NO_QUEUE = 0xffff
ONE = 1 << 41           # virtual time of a sector at weight 1: BWF2Q_FRACTION
BUDGET_TOP = 512 << 17  # BWF2Q_BUDGET_MAX
AWAY, LINGERING, WAITING, SERVED, GOES_ON = "away", "lingering", "waiting", "served", "goes on"


class Wrong(Exception):
    pass


def check(ok, what):
    if not ok:
        raise Wrong(what)


def span(size, weight):
    return size // 512 * (ONE // weight)


class Child:
    def __init__(self, weight):
        self.weight, self.state, self.queued, self.finish = weight, AWAY, 0, 0
        self.served, self.lag_max, self.bound = 0, 0.0, 0.0

    def begin(self):
        self.x = self.x_min = 0.0
        self.budget_max, self.phis = 0, set()


class Node:
    """A B-WF2Q+ server: the root, or a client with several queues."""

    def __init__(self, weights):
        self.children = [Child(w) for w in weights]
        self.vtime, self.served, self.order, self.budget_max = 0, None, 0, 0

    def of(self, *states):
        return [c for c in self.children if c.state in states]

    def jump(self):
        starts = [c.start for c in self.of(WAITING)]
        if self.served is None and starts:
            self.vtime = max(self.vtime, min(starts))

    def activated(self, c, budget):
        check(c.queued, "activated without a request")
        check(c.state not in (WAITING, SERVED), "activated twice")
        check(0 < budget <= BUDGET_TOP, "a budget out of range")
        if c.state == GOES_ON:
            c.start = c.finish
        else:
            self.jump()
            c.start = max(self.vtime, c.finish) if c.state == LINGERING else self.vtime
            c.begin()
        c.budget, c.state, c.order = budget, WAITING, self.order
        c.finish = c.start + span(budget, c.weight)
        self.order += 1
        c.budget_max = max(c.budget_max, budget)
        self.budget_max = max(self.budget_max, budget)

    def selected(self, c, budget):
        check(self.served is None, "selected while another is in service")
        check(c.state == WAITING, "selected, and did not wait")
        self.jump()
        eligible = [o for o in self.of(WAITING) if o.start <= self.vtime]
        check(c in eligible, "selected before its start")
        check(min(eligible, key=lambda o: (o.finish, o.order)) is c, "another had an earlier finish")
        check(budget == c.budget, "selected with another budget")
        c.state, c.got, self.served = SERVED, 0, c

    def dispatched(self, c, size):
        check(self.served is c, "dispatched out of its turn")
        c.got += size
        c.served += size
        check(c.got <= c.budget, "more than its budget")
        weights = sum(o.weight for o in self.children if o.state != AWAY)
        for o in self.of(WAITING, SERVED):
            self.lag(o, o.weight / weights, size, size if o is c else 0)
        self.vtime += span(size, weights)
        for o in sorted(self.of(LINGERING), key=lambda o: o.finish)[:2]:
            if o.finish <= self.vtime:
                o.state = AWAY

    def lag(self, o, phi, size, own):
        """2 B (1 - phi) + phi B_max while the others stay who they are; else without "(1 - phi)"."""
        o.phis.add(phi)
        o.x += phi * size - own
        o.x_min = min(o.x_min, o.x)
        factor = 1 - phi if len(o.phis) == 1 else 1
        bound = 2 * o.budget_max * factor + max(o.phis) * self.budget_max
        if o.x - o.x_min > o.lag_max:
            o.lag_max, o.bound = o.x - o.x_min, bound
        check(o.x - o.x_min <= bound + 1e-6 * sum(n.served for n in self.children) + 1,
              "lag beyond its bound")

    def expired(self, c, charged, reason):
        if c.state == WAITING:
            check(c.queued == 0 and charged == 0, "withdrawn with requests")
            c.finish = c.start
        else:
            check(self.served is c, "expired out of its turn")
            check(charged == (c.budget if reason == TIMED_OUT else c.got), "charged for something else")
            c.finish = c.start + span(charged, c.weight)
            c.x -= charged - c.got
            self.served = None
        c.state = GOES_ON if c.queued else LINGERING if c.finish > self.vtime else AWAY


def replay(records, weights, queue_weights=None, depth=None):
    """-> a summary; ["wrong"]: the first rule that is broken, and where, or None."""
    queue_weights = queue_weights or [[1]] * len(weights)
    root, clients = Node(weights), [Node(q) for q in queue_weights]
    acts = {ACTIVATED: lambda n, c, size, _: n.activated(c, size),
            SELECTED: lambda n, c, size, _: n.selected(c, size),
            EXPIRED: lambda n, c, size, reason: n.expired(c, size, reason)}
    in_flight, choices, wrong = 0, 0, None
    for at, (_, event, reason, client, queue, size) in enumerate(records):
        try:
            check(client < len(weights), "no such client")
            node = clients[client]
            check(queue < len(node.children) or event >= ACTIVATED and queue == NO_QUEUE,
                  "no such queue")
            if event in acts:
                choices += event == SELECTED
                n, i = (root, client) if queue == NO_QUEUE else (node, queue)
                acts[event](n, n.children[i], size, reason)
                continue
            pair = root.children[client], node.children[queue]
            if event == COMPLETED:
                in_flight -= 1
                check(in_flight >= 0, "completed what was never dispatched")
                continue
            for c in pair:
                c.queued += 1 if event == ADDED else -1
                check(c.queued >= 0, "a request from nowhere")
            if event == DISPATCHED:
                in_flight += 1
                check(depth is None or in_flight <= depth, "more than the device's depth")
                root.dispatched(pair[0], size)
                if len(node.children) > 1:
                    node.dispatched(pair[1], size)
        except Wrong as e:
            wrong = "record %d: %s" % (at, e)
            break
    total = sum(c.served for c in root.children)
    worst = max(root.children, key=lambda c: c.lag_max)
    return {"records": len(records), "choices": choices, "wrong": wrong,
            "shares": [round(c.served / max(total, 1), 5) for c in root.children],
            "lag_bytes": [round(c.lag_max) for c in root.children],
            "bound_bytes": [round(c.bound) for c in root.children],
            "max_lag_bytes": round(worst.lag_max), "max_lag_bound_bytes": round(worst.bound)}


def backlogged(records, weights):
    """Shares and lags of clients with these weights (0: idle) that had requests all the time."""
    total = sum(weights)
    x, x_min, lag, served = ([0.0] * len(weights) for _ in range(4))
    for _, event, _, client, _, size in records:
        if event != DISPATCHED:
            continue
        served[client] += size
        for i, w in enumerate(weights):
            x[i] += w / total * size - (size if i == client else 0)
            x_min[i] = min(x_min[i], x[i])
            lag[i] = max(lag[i], x[i] - x_min[i])
    return {"shares": [round(s / max(sum(served), 1), 5) for s in served],
            "lag_bytes": [round(v) for v, w in zip(lag, weights) if w]}


def records_of(objects, disk=None):
    """Of the objects of a log's lines, those of the disk's trail; of the only disk that there is."""
    trail = [o for o in objects if "io" in o and disk in (None, o["io"])]
    if len({o["io"] for o in trail}) > 1:
        raise ValueError("trails of several disks: which?")
    return [r for o in trail for r in o["records"]]


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--clients", required=True)
    p.add_argument("--depth", type=int)
    p.add_argument("--disk")
    args = p.parse_args()
    clients = [[int(n) for n in c.split(":")] for c in args.clients.split(",")]
    objects = [json.loads(line[1:]) for line in sys.stdin if line.startswith("@{")]
    result = replay(records_of(objects, args.disk), [c[0] for c in clients],
                    [c[1:] or [1] for c in clients], args.depth)
    print(json.dumps(result))
    return 1 if result["wrong"] or not result["records"] else 0


if __name__ == "__main__":
    sys.exit(main())
