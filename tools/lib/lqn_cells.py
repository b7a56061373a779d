# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/lqn_cells.py - the systems of experiment "lqn": those whose costs are measured, at low load, and those that are
predicted. All in Bochs; disks with one CPU, whose clock counts instructions.
"""
import tools.lib.rate_cases as cases
import tools.lib.rate_experiment as rate

HZ = 50e6
PERIOD_US = 10000


class DiskCase:
    """guests: [(name, budget_us, arguments, weight)] that share a disk of that many units, each `us` a request."""

    def __init__(self, name, guests, us, parallel, more="", depth=32):
        self.name = name
        parts = "".join('\tBLK_GUEST("%s", %d, RESERVATION(0, US(%d), US(%d)), "mode=load op=read %s", .weight = %d,'
                        ' .queue_size = 64),\n' % (n, i, q, PERIOD_US, words, weight)
                        for i, (n, q, words, weight) in enumerate(guests))
        self.text = ('/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by tools/lib/lqn_cells.py. */\n'
                     '#include "configs/blk.h"\n\nstatic const struct partition_config partitions[] = {\n%s};\n'
                     'static const struct disk_config disks[] = { {\n\t.name = "disk", .kind = DISK_MEMORY, '
                     '.bytes = %d * BLK_SHARE_BYTES, .depth = %d,\n\t.time = { .read = { US(%d), 0 }, '
                     '.write = { US(%d), 0 }, .parallel = %d },%s\n} };\n'
                     'BLK_SYSTEM("%s", BOARD_RIG(1), SEC(60), RESERVATION(0, US(500), MS(1)));\n' % (
                         parts, len(guests), depth, us, us, parallel, more, name))

    def options(self):
        return {"cpus": 1, "timeout": 900}


# --- costs: one guest, a slow disk; one request after the other, and eight at a time ----------------

SLOW_US, BATCH = 4000, 8
DISK_COSTS = [(1, 200, 1000), (BATCH, 800, 4000)]  # depth, requests: the difference counts


def disk_cost(depth, count):
    return DiskCase("lqn_disk_cost_%d_%d" % (depth, count),
                    [("load", 3000, "depth=%d requests=%d" % (depth, count), 100)], SLOW_US, BATCH)


SINK = "mode=sink work_insns=%d from_ms=300 to_ms=800" % rate.IRMOS_WORK
BURST = 18  # frames, closer than they are handled


def sink_cost(kind):
    """A frame a millisecond; or so many at a time, every 20."""
    how = {"one": "rate=1000", "burst": "rate=18000 on_us=1000 off_us=19000"}[kind]
    return cases.Case("lqn_sink_cost_" + kind, [
        cases.guest("vm1", cases.reservation(0, 5000, PERIOD_US), 0, SINK),
        cases.guest("gen", cases.owned(1), 2, "mode=generate poll=1 to=%s start_ms=250 stop_ms=850 size=%d %s" % (
            cases.mac(0), rate.IRMOS_SIZE, how))], 3, 50, 3, 1100)


def serve_case(name, servers, clients, link=1250000000, qos=()):
    """servers: [(claim, work_ns)]; clients: their arguments, each on a core of its own behind the servers'."""
    own = sum("OWN_CORE" in claim for claim, _ in servers)
    first = max(1, own)
    guests = [cases.guest("vm%d" % (i + 1), claim, i, "mode=serve to_ms=2200 work_ns=%d" % ns,
                          qos[i] if qos else "") for i, (claim, ns) in enumerate(servers)]
    guests += [cases.guest("client%d" % (i + 1), cases.owned(first + i), len(servers) + i,
                           "mode=request poll=1 to=%s frames=10 start_ms=300 %s" % (cases.mac(i), words))
               for i, words in enumerate(clients)]
    return cases.Case(name, guests, first + len(clients) + 1, 50, len(servers) + len(clients), 2500, link)


WORK_NS = 10000
CLOSED = "every_us=0 under_way=%d count=40000 from_ms=500 slice_ms=100 to_ms=2100"
FEW, MANY = 40, 140


def serve_cost(kind, count):
    """A request every 10 ms to each server."""
    words = "every_us=10000 under_way=1 to_ms=2100 count=%d" % count
    name = "lqn_serve_cost_%s_%d" % (kind, count)
    half = cases.reservation(0, 5000, PERIOD_US)
    if kind == "one":
        return serve_case(name, [(half, WORK_NS)], [words])
    if kind == "pair":
        return serve_case(name, [(cases.owned(i), WORK_NS) for i in range(2)], [words] * 2)
    less = cases.reservation(0, 2350, 5000)
    return serve_case(name, [(less, 0)] * 2, [words] * 2, link=rate.qos_link())


def cost_cases():
    for depth, few, many in DISK_COSTS:
        yield from (disk_cost(depth, few), disk_cost(depth, many))
    yield from (sink_cost(kind) for kind in ("one", "burst"))
    for kind in ("one", "pair", "qos"):
        yield from (serve_cost(kind, count) for count in (FEW, MANY))


# --- what is predicted -----------------------------------------------------------------------------

def loads(depth, seconds=2):
    return "depth=%d seconds=%d" % (depth, seconds)


def disk_cells():
    fifo = " .scheduler = DISK_FIFO,"
    yield DiskCase("lqn_disk_1", [("load", 3000, loads(1), 100)], 400, 8)
    yield DiskCase("lqn_disk_2", [("load", 3000, loads(2), 100)], 400, 8)
    yield DiskCase("lqn_disk_4_busy", [("load", 3000, loads(4), 100)], 400, 1)
    yield DiskCase("lqn_disk_16", [("load", 2000, loads(16), 100)], 400, 8)
    yield DiskCase("lqn_disk_32", [("load", 3000, loads(32), 100)], 400, 8)
    yield DiskCase("lqn_disk_shares", [("one", 2000, loads(16), 100), ("two", 1000, loads(16), 100)], 400, 8, fifo)
    yield DiskCase("lqn_disk_weights", [(n, 800, loads(16, 6) + " bytes=65536", w) for n, w in (
        ("one", 100), ("two", 200), ("three", 300), ("four", 400))], 2000, 1, " .max_budget_bytes = MIB(1),", 8)


def sink_cells():
    """irmos-net's, with other shares of the core."""
    yield rate.irmos_case(20, 0, "none")
    yield rate.irmos_case(60, 0, "none")
    yield rate.irmos_case(30, 40, "network")


def serve_cells():
    yield serve_case("lqn_serve_20_1", [(cases.reservation(0, 2000, PERIOD_US), WORK_NS)], [CLOSED % 1])
    yield serve_case("lqn_serve_40_16", [(cases.reservation(0, 4000, PERIOD_US), WORK_NS)], [CLOSED % 16])
    yield serve_case("lqn_serve_pair", [(cases.owned(i), WORK_NS) for i in range(2)], [CLOSED % 32] * 2)


def qos_cells():
    for constraint in (350, 750):
        yield constraint, rate.qos_case(constraint)
