/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_mixed_rt_idle.c - beside the RT kernel: idle. See configs/linux_mixed.h. */
#include "configs/linux_mixed.h"

MIXED_LINUX_RT("linux_mixed_rt_idle", "idle");
