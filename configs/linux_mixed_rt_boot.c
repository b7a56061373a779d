/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_mixed_rt_boot.c - beside the RT kernel that boots again and again. */
#include "configs/linux_mixed.h"

MIXED_LINUX_RT("linux_mixed_rt_boot", "reboot", .on_reset = LIFE_RESTART);
