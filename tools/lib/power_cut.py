# SPDX-License-Identifier: Apache-2.0
"""
tools/lib/power_cut.py - is on the disk what its owner was told is on the disk? When the power goes.

A guest (guests/blk, mode=fsync) writes record after record, flushes, and says which one that covers. QEMU is
killed in the middle of it, at a moment that a seed gives. The log that QEMU keeps of its disk
(tools/rig --disk-log, the format of dm-log-writes) then tells what the medium may hold:

  flushed  what was written before the last flush; nothing else
  some     that, and any of the later writes, in any order, whole or the first part of it
  all      everything that was written

Each record that was acknowledged must be whole in each of the three. One that a later record has
replaced, or was about to replace, may be that one.
QEMU logs a flush when it ends: a write that ends while a flush is under way counts as covered by it.
Nobody is told that it is, so a record is believed on too little only if its flush was not waited for.
"""
import os
import random
import re
import struct
import subprocess
import tempfile
import threading
import time

import tools.lib.rigs as rigs

SECTOR = 512
PIECES = 8                              # guests/blk/record.h
MAGIC = 0x64726f6365722d6b
FACTOR = 0x9e3779b97f4a7c15
WORDS = SECTOR // 8
MASK = (1 << 64) - 1
LOG_MAGIC, LOG_FLUSH, LOG_DISCARD = 0x6a736677736872, 1, 4


# --- the log -------------------------------------------------------------------------------------

def read_log(path):
    """[(first sector, data or None, is it a flush?)] in order. None: discarded."""
    with open(path, "rb") as f:
        data = f.read()
    if len(data) < SECTOR:
        return []
    magic, version, count, sector = struct.unpack_from("<QQQI", data)
    if (magic, version, sector) != (LOG_MAGIC, 1, SECTOR):
        raise ValueError("%s is no log of writes" % path)
    entries, at = [], SECTOR
    while at + SECTOR <= len(data):
        first, sectors, flags, _ = struct.unpack_from("<4Q", data, at)
        at += SECTOR
        if flags & LOG_FLUSH:
            entries.append((0, b"", True))
        elif flags & LOG_DISCARD:
            entries.append((first, None, False))
        elif sectors and at + sectors * SECTOR <= len(data):
            entries.append((first, data[at:at + sectors * SECTOR], False))
            at += sectors * SECTOR
        else:
            break  # the kill was in the middle of it
    if len(entries) < count:
        raise ValueError("%s has %d entries and says %d" % (path, len(entries), count))
    return entries


def apply(medium, entry, sectors=None):
    first, data, _ = entry
    for i in range(0, len(data or b"") if sectors is None else sectors * SECTOR, SECTOR):
        medium[first + i // SECTOR] = data[i:i + SECTOR]


def media(entries, rng):
    """{variant: {sector: bytes}}"""
    last = max([i for i, e in enumerate(entries) if e[2]], default=-1)
    flushed = {}
    for e in entries[:last + 1]:
        apply(flushed, e)
    some, everything, later = dict(flushed), dict(flushed), entries[last + 1:]
    for e in later:
        apply(everything, e)
    for e in rng.sample(later, rng.randint(0, len(later))):
        apply(some, e, rng.randint(0, len(e[1] or b"") // SECTOR))
    return {"flushed": flushed, "some": some, "all": everything}


# --- the records ---------------------------------------------------------------------------------

def record_piece(number, piece):
    words = [MAGIC, number, piece]
    words += [((number * PIECES + piece) * FACTOR + i) & MASK for i in range(3, WORDS - 1)]
    words.append(sum(w * (2 * i + 1) for i, w in enumerate(words)) & MASK)
    return struct.pack("<%dQ" % WORDS, *words)


def is_whole(medium, number, slots, first_sector):
    for piece in range(PIECES):
        found = medium.get(first_sector + piece * slots + number % slots, b"")
        there = struct.unpack_from("<Q", found, 8)[0] if found else 0
        if there < number or there % slots != number % slots or found != record_piece(there, piece):
            return False
    return True


def lost_records(medium, acked, slots, first_sector):
    return [n for n in range(max(1, acked - slots + 1), acked + 1)
            if not is_whole(medium, n, slots, first_sector)]


def judge(text, log, first_sector, sector_count, rng):
    """Of one run: {acked, lost, strays, entries}. strays: writes outside of the guest's range."""
    slots = re.search(r'"slots":(\d+)', text)
    acked = max([int(n) for n in re.findall(r'"acked":(\d+),"noise":\d+}', text)], default=0)
    entries = read_log(log)
    strays = [e for e in entries if e[1] and not (
        first_sector <= e[0] and e[0] + len(e[1]) // SECTOR <= first_sector + sector_count)]
    lost = {name: lost_records(m, acked, int(slots.group(1)), first_sector) if slots else []
            for name, m in media(entries, rng).items()}
    return {"log": entries, "slots": int(slots.group(1)) if slots else 0,
            "acked": acked, "lost": sum(map(len, lost.values())), "by_variant": lost,
            "strays": len(strays), "entries": len(entries),
            "flushes": sum(e[2] for e in entries)}


# --- the kill ------------------------------------------------------------------------------------

def run_and_kill(command, delay_s, patience_s):
    """tools/rig in `command`, whose QEMU is killed `delay_s` after the first acknowledgement."""
    text, began = [], threading.Event()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, cwd=rigs.TOP)

    def follow():
        for line in process.stdout:
            text.append(line.decode(errors="replace"))
            if '"acked"' in text[-1]:
                began.set()
        began.set()

    thread = threading.Thread(target=follow)
    thread.start()
    began.wait(patience_s)
    time.sleep(delay_s)
    process.terminate()  # tools/rig kills QEMU, by a signal that it cannot see
    process.wait()
    thread.join()
    return "".join(text)


def cut(number, seed, rig_options, first_sector, sector_count, disk_mib, most_s=2.5, patience_s=120):
    """One kill. rig_options: what to boot."""
    rng = random.Random("%d %d" % (seed, number))
    with tempfile.TemporaryDirectory(prefix="power-cut-") as folder:
        log = os.path.join(folder, "log")
        command = [os.path.join(rigs.TOP, "tools/rig"), *rig_options,
                   "--disk-log", log, "--timeout", str(patience_s)]
        command = [c.replace("DISK", "%s/disk,%d" % (folder, disk_mib)) for c in command]
        text = run_and_kill(command, rng.uniform(0.01, most_s), patience_s)
        result = judge(text, log, first_sector, sector_count, rng)
    result["text"] = text
    return result


def boot_options(config, rig="qemu-iso", cpus=1, memory=512):
    return [rig, "--iso", os.path.join(rigs.config_dir(config), "bulkhead.iso"), "--cpus", str(cpus),
            "--memory", str(memory), "--disk", "DISK"] + (["--one-thread"] if cpus > 1 else [])


def bare_options(guest_args):
    """The same guest on QEMU's own virtio disk, without hypervisor: what the check itself is worth."""
    return ["qemu-iso", "--kernel", os.path.join(rigs.TOP, "build/tool/launch.elf"), "--initrd",
            os.path.join(rigs.TOP, "build/guests/blk.elf"), "--append", guest_args, "--cpus", "1",
            "--memory", "256", "--virtio-disk", "DISK"]
