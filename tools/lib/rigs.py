# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/rigs.py - boot a built configuration in a rig and read what it said.

boot("bochs", "demo") runs tools/rig on build/config/demo and returns a Boot. The transcript
stays beside the image as RIG.serial. Results never depend on wall time.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import tempfile

import tools.lib.bounds as bounds

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RESULTS = os.path.join(TOP, "build/results")

# rig: image kind, default CPUs, memory in MiB
RIGS = {
    "bochs": ("--iso", "bulkhead.iso", 4, 512),
    "bochs-ovmf": ("--esp", "esp.img", 1, 512),
    "qemu": ("--esp", "esp.img", 1, 512),
    "qemu-iso": ("--iso", "bulkhead.iso", 1, 512),
    "kvm": ("--esp", "esp.img", 2, 512),
}
# QEMU's clock: one instruction takes 2^3 ns, so that firmware is soon done. With several CPUs
# there is no such clock: the run shows that things work, not when.
QEMU_ICOUNT = 3


def drives_devices(config):
    """Does it want the devices of tools/rig --devices?"""
    plan = os.path.join(config_dir(config), "plan")
    drivers = subprocess.run([plan, "--list-drivers"], stdout=subprocess.PIPE, text=True).stdout
    return bool({"igb", "nvme"} & set(drivers.split()))


class Boot:
    """A finished run: lines for people, objects for machines."""

    def __init__(self, rig, config, code, text):
        self.rig, self.config, self.code, self.text = rig, config, code, text
        self.lines = text.replace("\r", "").split("\n")
        self.objects = []
        for line in self.lines:
            if line.startswith("@{"):
                try:
                    self.objects.append(json.loads(line[1:]))
                except ValueError:
                    self.objects.append({"unreadable": line})

    def having(self, *keys, **values):
        """Objects that have all `keys`, and all `values`."""
        return [o for o in self.objects if all(k in o for k in keys)
                and all(o.get(k) == v for k, v in values.items())]

    @property
    def ended_well(self):
        return self.code == 0

    @property
    def late(self):
        """Periods in which some server did not get its budget in time."""
        return sum(o["late"] for o in self.having("event", "late") if "part" not in o)

    def tail(self, count=25):
        return "%s in %s: exit code %d\n%s" % (self.config, self.rig, self.code,
                                               "\n".join(self.lines[-count:]))


def config_dir(config):
    return os.path.join(TOP, "build/config", config)


def plan_of(config):
    done = subprocess.run([os.path.join(config_dir(config), "plan"), "--json"],
                          stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def cores_needed(config):
    return 1 + max(c["core"] for c in plan_of(config)["cores"])


def boot(rig, config, cpus=None, memory=None, icount=QEMU_ICOUNT, timeout=600, show=None,
         tag=None, more=()):
    """Runs to the end. show: called with each line of text as it comes. icount: None: in real time."""
    option, image, default_cpus, default_memory = RIGS[rig]
    cpus = cpus or max(default_cpus, cores_needed(config))
    serial = os.path.join(config_dir(config), "%s.serial" % (tag or rig))
    command = [option, os.path.join(config_dir(config), image), "--cpus", str(cpus),
               "--memory", str(memory or default_memory), "--timeout", str(timeout)] + list(more)
    if rig.startswith("qemu") and cpus == 1 and icount is not None:
        command += ["--icount", str(icount)]
    elif rig.startswith("qemu"):  # in threads of their own they race: docs/emulators.md
        command += ["--one-thread"]
    b = _run(rig, config, command, serial, show)
    is_timed = rig.startswith("bochs") or "--icount" in command
    if b.ended_well and is_timed:
        bounds.judge(b, plan_of(config), RESULTS, tag or rig)
    return b


# What bare Linux needs to be told in a rig: Bochs' CPUID claims another TSC frequency than it
# has; under QEMU's instruction clock, reading the x2APIC timer's count ends QEMU.
BARE = {"bochs": ("tsc_early_khz=50000", []), "qemu-iso": ("", ["--model", "max,-x2apic"])}


def boot_bare(rig, name, kernel, initrd, append, icount=0, memory=512, timeout=900):
    """The same for a Linux kernel without the hypervisor, on one CPU. `name`: of the run."""
    words, more = BARE[rig]
    folder = os.path.join(TOP, "build/bare")
    os.makedirs(folder, exist_ok=True)
    command = ["--kernel", os.path.join(TOP, kernel), "--initrd", os.path.join(TOP, initrd),
               "--append", "console=ttyS0,115200 quiet bulkhead.bare %s %s" % (append, words),
               "--cpus", "1", "--memory", str(memory), "--timeout", str(timeout)] + more
    if rig.startswith("qemu"):
        command += ["--icount", str(icount)]
    return _run(rig, name, command, os.path.join(folder, "%s.%s.serial" % (name, rig)), None)


def boot_guest_bare(guest, append, disk_mib=64, virtio="", timeout=120):
    """
    A guest of ours on QEMU's bare machine, with QEMU's own virtio disk: tools/launch. It ends QEMU by
    itself: code 5 of tools/rig. virtio: more properties of the disk, each behind a comma.
    """
    folder = os.path.join(TOP, "build/bare")
    os.makedirs(folder, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".img") as disk:
        disk.truncate(disk_mib << 20)
        command = ["--kernel", os.path.join(TOP, "build/tool/launch.elf"), "--initrd",
                   os.path.join(TOP, "build/guests/%s.elf" % guest), "--append", append,
                   "--cpus", "1", "--memory", "256", "--timeout", str(timeout),
                   "--arg=-drive if=none,id=d0,format=raw,cache=unsafe,file=%s -device virtio-blk-pci,"
                   "drive=d0,disable-legacy=on,serial=bulkhead-disk%s" % (disk.name, virtio)]
        return _run("qemu-iso", guest, command, disk.name + ".serial", None)


def _run(rig, name, options, serial, show):
    command = [os.path.join(TOP, "tools/rig"), rig, "--serial", serial] + options
    if not show:
        command.append("--quiet")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", cwd=TOP)
    for line in process.stdout:
        if show:
            show(line.rstrip("\r\n"))
    code = process.wait()
    text = ""
    if os.path.exists(serial):
        with open(serial, encoding="ascii", errors="replace", newline="") as f:
            text = f.read()
    return Boot(rig, name, code, text)


_boots = {}
_pool = concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1)


def boot_soon(rig, config, **options):
    """Starts the run as soon as a core of this machine is free; boot_once() waits for it."""
    key = (rig, config, tuple(sorted((k, str(v)) for k, v in options.items())))
    if key not in _boots:
        _boots[key] = _pool.submit(boot, rig, config, **options)
    return _boots[key]


def boot_bare_soon(rig, name, **options):
    key = (rig, name, "bare")
    if key not in _boots:
        _boots[key] = _pool.submit(boot_bare, rig, name, **options)
    return _boots[key]


def boot_once(rig, config, **options):
    """As boot(); tests that look at the same run share it."""
    return boot_soon(rig, config, **options).result()


def report(checks, results=None):
    """Of an experiment's bars, (what, value, bar, holds): each, and where results are. One that does not hold ends it."""
    for what, value, bar, holds in checks:
        print("  %-66s %12s  %-10s %s" % (what, value, bar, "ok" if holds else "NO"))
    if results:
        print("  results %s" % results)
    if not all(c[3] for c in checks):
        raise SystemExit(1)


def one(b, *keys, **values):
    """The one object that has them, as Boot.having()."""
    rows = b.having(*keys, **values)
    if len(rows) != 1:
        raise AssertionError("%s: %d lines with %s %s\n%s" % (b.config, len(rows), keys, values, b.tail()))
    return rows[0]


def percentile(values, p):
    """The smallest value that at least p percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * p // 100) - 1)] if p < 100 else ordered[-1]


def write_json(name, data):
    os.makedirs(RESULTS, exist_ok=True)
    path = os.path.join(RESULTS, name + ".json")
    with open(path, "w") as f:
        json.dump(data, f, indent=1)
        f.write("\n")
    return path


def merge_json(name, **fields):
    """Into that file, beside what other experiments have left there."""
    data = {}
    path = os.path.join(RESULTS, name + ".json")
    if os.path.exists(path):
        with open(path) as f:
            data = json.load(f)
    data.update(fields)
    return write_json(name, data)


def is_for_people(line):
    return not line.startswith("@{") and not re.match(r"^(\x1b|BdsDxe)", line)
