/* SPDX-License-Identifier: Apache-2.0 */
/* core/plan_disk.h - what the plan says about disks; linked where there are any. */
#pragma once
#include "core/plan.h"

/* The promise to a share of disks[disk]: nanoseconds; UINT64_MAX: there is none. */
uint64_t plan_disk_bound_ns(const struct config *c, uint32_t disk, part_id_t part, uint32_t share)
	__attribute__((weak));
void plan_print_disks(const struct config *c, const struct plan *plan,
		      void (*put)(const char *text)) __attribute__((weak));
