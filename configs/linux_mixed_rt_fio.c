/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_mixed_rt_fio.c - beside the RT kernel: fio. See configs/linux_mixed.h. */
#include "configs/linux_mixed.h"

MIXED_LINUX_RT("linux_mixed_rt_fio", "fio");
