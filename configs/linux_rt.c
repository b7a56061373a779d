/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_rt.c - Debian's rt kernel on a core of its own; what it warned of. */
#include "configs/linux.h"

LINUX_ALONE("linux_rt", "rt", "dmesg", 1, .cpu = OWN_CORE(0));
