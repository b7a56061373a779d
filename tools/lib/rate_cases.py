# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/rate_cases.py - the systems that the experiments with network traffic run: configurations as text, in
build/rate/, and their runs in Bochs. configs/traffic.h has what they are made of.

A configuration is many cells' own: only arguments and rates differ, so that a file for each would say little.
"""
import os
import subprocess

import tools.lib.rigs as rigs

FOLDER = "build/rate"
UDP_BYTES = 42  # Ethernet, IPv4, UDP: what is in front of the papers' payloads
SIZES = {50: 92, 512: 554, 1472: 1514}
WIRE_BYTES = 24  # preamble, CRC, gap: io/memnic.h
MAC = "02:00:00:00:00:0%x"


def mac(vf):
    return MAC % (vf + 1)


def reservation(core, budget_us, period_us):
    return ".cpu = RESERVATION(%d, US(%d), US(%d))" % (core, budget_us, period_us)


def owned(*cores):
    if len(cores) == 1:
        return ".cpu = OWN_CORE(%d)" % cores
    return ".CPUS(%s)" % ", ".join("OWN_CORE(%d)" % c for c in cores)


def guest(name, claim, vf, words, device=""):
    return '\tTRAFFIC_GUEST("%s", %s, %d, %x, "%s"%s),\n' % (
        name, claim, vf, vf + 1, words, ", " + device if device else "")


def computing(name, claim):
    return ('\t{ .name = "%s", %s, .memory_bytes = GUEST_MEMORY, .image = "compute.elf", '
            '.args = "burn=1" },\n' % (name, claim))


class Case:
    """cores: all of them, the last one plays the controller. million: instructions a second."""

    def __init__(self, name, guests, cores, million, vfs, limit_ms, link=1250000000):
        self.name, self.cores, self.million = name, cores, million
        self.text = ('/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by tools/lib/rate_cases.py. */\n'
                     '#include "configs/traffic.h"\n\n'
                     'static const struct partition_config partitions[] = {\n%s};\n\n'
                     'TRAFFIC_MEMORY("%s", %d, %d, UINT64_C(%d), %d, %d);\n' % (
                         "".join(guests), name, cores, million, link, vfs, limit_ms))

    def options(self):
        return {"cpus": self.cores, "timeout": 1800,
                "more": ("--ips", str(self.million * 1000000))}


def build(cases):
    os.makedirs(os.path.join(rigs.TOP, FOLDER), exist_ok=True)
    paths = []
    for c in cases:
        paths.append("%s/%s.c" % (FOLDER, c.name))
        path = os.path.join(rigs.TOP, paths[-1])
        if not os.path.exists(path) or open(path).read() != c.text:
            with open(path, "w") as f:
                f.write(c.text)
    subprocess.run(["make", "-s", "-j%d" % (os.cpu_count() or 1), "--no-print-directory",
                    "CONFIG=" + " ".join(paths)]
                   + ["build/config/%s/bulkhead.iso" % c.name for c in cases],
                   cwd=rigs.TOP, check=True, stdout=subprocess.DEVNULL)


def start(cases):
    """Built together, run as soon as there is a core for them; ended() waits."""
    build(cases)
    for c in cases:
        rigs.boot_soon("bochs", c.name, **c.options())


def ended(case):
    b = rigs.boot_once("bochs", case.name, **case.options())
    if not b.ended_well:
        raise SystemExit(b.tail())
    return b


def one(b, **values):
    rows = b.having(**values)
    if len(rows) != 1:
        raise SystemExit("%s: %d lines with %s\n%s" % (b.config, len(rows), values, b.tail()))
    return rows[0]


def window(b, part, index=None):
    """What a guest in mode=sink said of its window, or of one of several."""
    if index is not None:
        return one(b, net="window", part=part, window=index)
    return dict(one(b, net="sink", part=part), **one(b, net="sink_cost", part=part))


def series(b, part, net, key):
    """A list that was printed in pieces."""
    values = []
    for o in sorted(b.having("first", net=net, part=part), key=lambda o: o["first"]):
        if o["first"] != len(values):
            raise SystemExit("%s: a piece of %s's %s is missing" % (b.config, part, net))
        values += o[key]
    return values
