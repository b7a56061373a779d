/* SPDX-License-Identifier: Apache-2.0 */
/* configs/compute_long.c - eleven seconds: see configs/compute.h. */
#include "configs/compute.h"

COMPUTE_SYSTEM("compute_long", "seconds=11");
