/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_panic_alone.c - what linux_panic is compared with: the neighbour by itself. */
#include "configs/linux_mixed.h"

static const struct partition_config partitions[] = { MIXED_RT("900") };

LINUX_SYSTEM("linux_panic_alone", 1, SEC(182));
