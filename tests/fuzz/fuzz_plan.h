/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_plan.h - mutated configurations in front of the planner: what its parts share.
 *
 * Model    An input's bytes choose a good system, and then changes of it: any field of any structure, to a
 *	    value from the edges of what such fields have, or to any number; a text to one of
 *	    another field's, to one too long, or to one that has no end; a list to none.
 * Memory   What the planner is given lies in blocks of its exact size. A list has as many entries as its
 *	    count says, but no more than its maximum: of a longer one nothing is read beyond
 *	    that, as core/plan.h promises. A text that has no end has one character more than
 *	    its field may have, but TEXT_LEAST at least: so much is looked at for a refusal.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "core/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* So far: plans that were accepted, and were refused; the most steps that one took. */
extern uint64_t fuzz_plan_accepted, fuzz_plan_refused, fuzz_plan_steps_most;

#define TEXT_LEAST 25u
#define REAL_PARTS 4u /* partitions with everything; those behind are plain */

struct world {
	struct config sys;
	struct board board;
	struct partition_config parts[MAX_PARTITIONS + 1];
	struct cpu_claim cpus[REAL_PARTS][CONFIG_VCPU_MAX + 1];
	struct cpu_task cpu_tasks[REAL_PARTS][CONFIG_TASK_MAX + 1];
	struct module_config modules[REAL_PARTS][CONFIG_MODULE_MAX + 1];
	struct device_config devices[REAL_PARTS][CONFIG_DEVICE_MAX + 1];
	struct disk_share shares[REAL_PARTS][CONFIG_SHARE_MAX + 1];
	struct disk_task tasks[REAL_PARTS][CONFIG_SHARE_MAX + 1][9];
	struct pf_config pfs[CONFIG_PF_MAX + 1];
	struct disk_config disks[CONFIG_DISK_MAX + 1];
	struct service_quantile quantiles[SERVICE_QUANTILE_MAX + 1];
};

struct input {
	const uint8_t *bytes;
	size_t left;
};

static inline uint32_t get8(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->bytes++;
}

static inline uint64_t get64(struct input *in)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < 8; i++)
		value = value << 8 | get8(in);
	return value;
}

/* fuzz_plan_world.c: the system that the input says, in exact blocks; and forget them again. */
void world_make(struct world *w, struct input *in);
void world_forget(void);

/* fuzz_plan_rules.c: what must hold of every plan that is accepted, read off slowly. NULL: all does. */
const char *plan_breaks(const struct config *c, const struct board *b, const struct plan *p);
