# SPDX-License-Identifier: Apache-2.0
"""
A file that is not what the configuration means is refused at boot: one line names it and says
why, and nothing starts. The image is right; what lies on its boot volume is not.
"""
import hashlib
import os
import subprocess
import tools.lib.rigs as rigs

GUESTS = os.path.join(rigs.TOP, "build/guests")
FOLDER = os.path.join(rigs.TOP, "build/tests/files")
DIGEST = """/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/boards.h"

static const struct partition_config partitions[] = {
	{ .name = "calc", .cpu = OWN_CORE(0), .memory_bytes = GUEST_MEMORY,
	  .image = "compute.elf", .args = "seconds=1", .image_sha256 = "%s" },
};
const struct config config = { .name = "digest", .board = BOARD_RIG(1),
			       .partitions = partitions, .partition_count = 1 };
"""


def read(path):
    with open(path, "rb") as f:
        return f.read()


def boot_with(config, name, files):
    """Boots the configuration's image with these files, given by content, and returns its text."""
    folder = os.path.join(FOLDER, name)
    os.makedirs(folder, exist_ok=True)
    built = rigs.config_dir(config)
    command = [rigs.TOP + "/tools/mkimage", "--iso", folder + "/iso", "--elf",
               built + "/bulkhead.elf"]
    for file, data in files.items():
        with open(os.path.join(folder, file), "wb") as f:
            f.write(data)
        command += ["--file", "%s=%s" % (file, os.path.join(folder, file))]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
    done = subprocess.run([rigs.TOP + "/tools/rig", "qemu-iso", "--iso", folder + "/iso", "--cpus",
                           "1", "--icount", "3", "--timeout", "300"], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          errors="replace")
    return done.returncode, done.stdout


def check_refused(config, name, files, line):
    code, text = boot_with(config, name, files)
    assert code == 3 and '"ok":false' in text, (name, code, text[-2000:])
    found = [l for l in text.splitlines() if line in l]
    assert len(found) == 1, (name, line, text[-2000:])
    assert "partitions start" not in text, (name, text[-2000:])


def test_damaged_kernels_are_refused_with_their_name_and_the_reason():
    kernel, initrd = read(GUESTS + "/linux-cloud"), read(GUESTS + "/initrd-linux")
    no_magic = kernel[:0x202] + b"XXXX" + kernel[0x206:]
    for name, image, why in (
            ("truncated", kernel[:3000000], "linux-cloud: truncated: "),
            ("header-only", kernel[:600], "linux-cloud: "),
            ("no-magic", no_magic, "linux-cloud: "),
            ("empty", b"", "linux-cloud")):
        check_refused("linux_cloud", name, {"linux-cloud": image, "initrd-linux": initrd}, why)


def test_missing_files_are_refused_with_their_name():
    check_refused("linux_cloud", "missing", {"linux-cloud": read(GUESTS + "/linux-cloud")},
                  "'initrd-linux': no such file on the boot volume")


def test_files_are_started_only_if_their_digest_is_the_configurations():
    good = read(GUESTS + "/compute.elf")
    os.makedirs(FOLDER, exist_ok=True)
    with open(FOLDER + "/digest.c", "w") as f:
        f.write(DIGEST % hashlib.sha256(good).hexdigest())
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    source = os.path.relpath(FOLDER + "/digest.c", rigs.TOP)
    subprocess.run(["make", "-s", "CONFIG=" + source, "build/config/digest/bulkhead.iso"],
                   env=env, cwd=rigs.TOP, stdin=subprocess.DEVNULL, check=True)
    code, text = boot_with("digest", "digest-right", {"compute.elf": good})
    assert code == 0 and "ended with status 0" in text, text[-2000:]
    bad = good[:-1] + bytes([good[-1] ^ 1])
    check_refused("digest", "digest-wrong", {"compute.elf": bad},
                  "'compute.elf': its SHA-256 is not the one that the configuration names")
