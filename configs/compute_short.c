/* SPDX-License-Identifier: Apache-2.0 */
/* configs/compute_short.c - one second: see configs/compute.h. */
#include "configs/compute.h"

COMPUTE_SYSTEM("compute_short", "seconds=1");
