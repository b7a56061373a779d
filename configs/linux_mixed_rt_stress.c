/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_mixed_rt_stress.c - beside the RT kernel: stress. See configs/linux_mixed.h. */
#include "configs/linux_mixed.h"

MIXED_LINUX_RT("linux_mixed_rt_stress", "stress");
