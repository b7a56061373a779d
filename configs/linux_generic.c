/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_generic.c - Debian's generic kernel on a core of its own; what it warned of. */
#include "configs/linux.h"

LINUX_ALONE("linux_generic", "generic", "dmesg", 1, .cpu = OWN_CORE(0));
