/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_reboot_end.c - a reset that ends the partition. */
#include "configs/linux.h"

LINUX_ALONE("linux_reboot_end", "cloud", "reboot", 1, .cpu = OWN_CORE(0));
