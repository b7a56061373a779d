# SPDX-License-Identifier: Apache-2.0
"""
Debian's web server in a Linux guest answers, and the page is the right one: what the same programs
make of the same image on this machine. The experiment aquosa-macro measures it.
"""
import hashlib
import math
import os
import subprocess

import tools.lib.macro_experiment as macro_experiment
import tools.lib.rigs as rigs

RUN = ("qemu-iso", "aquosa_macro_short")
ROOT = os.path.join(rigs.TOP, "build/web/root")
SIDE, DEGREES, REQUESTS = 100, 20, 4
rigs.boot_soon(*RUN)


def here(*command, data=b""):
    """A program of the guest's, with its own libraries, on this machine."""
    libraries = ":".join(ROOT + d + "lib/x86_64-linux-gnu" for d in ("/", "/usr/"))
    return subprocess.run([ROOT + "/lib64/ld-linux-x86-64.so.2", "--library-path", libraries,
                           ROOT + "/usr/bin/" + command[0], *command[1:]], input=data,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def test_apache_answers_every_request_of_its_clients():
    b = rigs.boot_once(*RUN)
    assert macro_experiment.troubles(b, 1) == [], b.tail()
    row, values = macro_experiment.cell(b, 1)
    assert len(values) == REQUESTS and 0 < row["min"] <= row["max"] < 10, row
    assert b.having("dmesg_lines")[0]["dmesg_lines"] == 0, b.tail()


def test_the_page_is_the_image_rotated():
    b = rigs.boot_once(*RUN)
    image = here("pgmramp", "-ellipse", str(SIDE), str(SIDE))
    page = here("pnmrotate", str(DEGREES), data=image)
    said = rigs.one(b, "page_sha256", part="web")
    assert said["image_sha256"] == hashlib.sha256(image).hexdigest(), said
    assert said["page_sha256"] == hashlib.sha256(page).hexdigest(), said
    # By another road than the program's three shears, and to the pixel at each edge.
    side = SIDE * (math.cos(math.radians(DEGREES)) + math.sin(math.radians(DEGREES)))
    shape = rigs.one(b, "page", "bytes", part="web")
    kind, width, height = shape["page"].split()[:3]
    assert kind == "P5" and all(abs(int(v) - side) <= 2 for v in (width, height)), shape
    assert shape["bytes"] == len(page) and rigs.one(b, "ab", "length")["length"] == len(page), shape


def test_the_guests_clock_is_the_rigs():
    b = rigs.boot_once(*RUN)
    tsc_s = rigs.one(b, "round", "tsc", part="web")["tsc"] / rigs.one(b, "tsc_hz")["tsc_hz"]
    taken_s = rigs.one(b, "ab", "taken_s", part="web")["taken_s"]
    assert taken_s < tsc_s < taken_s + 0.5, (taken_s, tsc_s)
