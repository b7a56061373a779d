# SPDX-License-Identifier: Apache-2.0
"""
What must not boot is not built: each configuration in tests/refusals is compiled and planned by
the Makefile's own rules, must be refused, and must say why in the words after "expect:".
"""
import glob
import os
import re
import struct
import subprocess
import tempfile


def make(source, target):
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", "-s", "CONFIG=" + source, target], env=env, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors="replace")
    return done.returncode, done.stdout


def test_wrong_configurations_stop_the_build_and_say_why():
    sources = sorted(glob.glob("tests/refusals/*.c"))
    assert len(sources) >= 15
    for source in sources:
        name = os.path.basename(source)[:-2]
        with open(source) as f:
            wanted = re.findall(r"^ \* expect: (.*)$", f.read(), re.M)
        assert wanted, source
        code, text = make(source, "build/config/%s/plan.txt" % name)
        assert code != 0 and "refused: " in text, (source, code, text)
        for words in wanted:
            assert words in text, (source, words, text)
        assert not os.path.exists("build/config/%s/plan.txt" % name), source


def test_the_planner_exits_with_one_when_it_refuses_and_with_zero_when_not():
    for source, want in (("tests/refusals/sum_above_one.c", 1), ("configs/demo.c", 0)):
        program = "build/config/%s/plan" % os.path.basename(source)[:-2]
        assert make(source, program)[0] == 0
        for options in ([], ["--json"], ["--files", "build/guests"]):
            done = subprocess.run([program] + options, stdout=subprocess.PIPE, text=True)
            assert done.returncode == want, (program, options, done.stdout)
            if "--json" in options:
                accepted = '"accepted":true' if want == 0 else '"accepted":false'
                assert accepted in done.stdout, done.stdout


def elf(memory_bytes):
    """A guest of one segment at 1 MiB that wants this much memory (System V ABI)."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, 0x100000, 64, 0, 0,
                         64, 56, 1, 0, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 1, 7, 0, 0x100000, 0x100000, 0, memory_bytes, 4096)


def test_images_are_checked_as_boot_does():
    program = "build/config/demo/plan"
    assert make("configs/demo.c", program)[0] == 0
    fits, too_big = elf(15 << 20), elf((15 << 20) + 1)
    for tasks, compute, want in (
            (fits, fits, None),
            (fits, None, "partition 'calc0': image = 'compute.elf': no such file"),
            (None, None, "partition 'rt0': image = 'tasks.elf': no such file"),
            (b"#!/bin/sh".ljust(100), fits, "partition 'load0': image = 'tasks.elf': not an ELF"),
            (fits, too_big, "partition 'calc0': image = 'compute.elf': a segment lies beyond "
                            "the end of the partition's memory; give an ELF64 that fits its "
                            "memory of 16 MiB")):
        with tempfile.TemporaryDirectory() as files:
            for name, data in (("tasks.elf", tasks), ("compute.elf", compute)):
                if data is not None:
                    with open(os.path.join(files, name), "wb") as f:
                        f.write(data)
            done = subprocess.run([program, "--files", files], stdout=subprocess.PIPE, text=True)
        assert done.returncode == (1 if want else 0), (want, done.stdout)
        assert not want or want in done.stdout, (want, done.stdout)
