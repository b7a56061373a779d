/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_cloud.c - Debian's cloud kernel on a core of its own; what it warned of. */
#include "configs/linux.h"

LINUX_ALONE("linux_cloud", "cloud", "dmesg", 1, .cpu = OWN_CORE(0));
