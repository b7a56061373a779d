/* SPDX-License-Identifier: Apache-2.0 */
/* configs/hostile_msr.c - a neighbour that reads and writes MSRs it does not own:
 * configs/hostile.h. */
#include "configs/hostile.h"

HOSTILE_SYSTEM("hostile_msr", "hostile.elf", "mode=msr");
