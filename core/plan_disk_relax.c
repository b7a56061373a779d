/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_disk_relax.c - targets of a tuned disk that cannot all be met, and may be longer.
 *
 * Those of the least critical partitions become target_max, then those of the next too, until all are
 * predicted to be met; the last ones then only as much longer as it takes, in 32 steps. At most 33 searches
 * for criticalities and 6 for steps, each bounded by DISK_OPTIMIZER_PREDICTIONS().
 */
#include "core/disk_config.h"
#include "core/plan_disk.h"

#define STEPS 32u

struct relaxation {
	const struct config *config;
	const struct disk_config *disk;
	enum latency_model model;
	struct disk_tuned *tuned;
};

/* Targets of partitions of this criticality: so many STEPS of the way to their maximum. */
static bool relax(const struct relaxation *r, uint32_t criticality, uint32_t steps)
{
	uint32_t guest = 0;
	bool has_any = false;

	for (part_id_t i = 0; i < r->config->partition_count; i++) {
		const struct partition_config *const p = &r->config->partitions[i];

		for (uint32_t n = 0; n < p->disk_count; n++) {
			const struct disk_share *const s = &p->disks[n];
			struct disk_load_guest *const g = &r->tuned->start.guests[guest];

			if (!disk_is_on(s, r->disk))
				continue;
			guest++;
			if (p->criticality != criticality)
				continue;
			for (uint32_t m = 0; m < s->task_count; m++) {
				const struct disk_task *const t = &s->tasks[m];
				const uint64_t way_ns =
					t->target_max_ns ? t->target_max_ns - t->target_ns : 0;

				g->tasks[m].target_ns = t->target_ns + way_ns * steps / STEPS;
				has_any |= way_ns != 0;
			}
		}
	}
	return has_any;
}

static enum err search(const struct relaxation *r)
{
	return disk_optimize(&r->tuned->start, r->model, &disk_optimizer_range, &r->tuned->optimum);
}

/* The lowest above `bound`, or from 0 on; false: there is none. */
static bool next_criticality(const struct config *c, int64_t bound, uint32_t *criticality)
{
	bool is_found = false;

	for (part_id_t i = 0; i < c->partition_count; i++) {
		const uint32_t own = c->partitions[i].criticality;

		if ((int64_t)own <= bound || (is_found && own >= *criticality))
			continue;
		*criticality = own;
		is_found = true;
	}
	return is_found;
}

/* All is met when these have their maximum: how few steps are enough? */
static enum err shorten(const struct relaxation *r, uint32_t criticality)
{
	uint32_t too_short = 0, enough = STEPS;
	enum err e = OK;

	while (enough - too_short > 1 && e == OK) {
		const uint32_t middle = (too_short + enough) / 2;

		(void)relax(r, criticality, middle);
		e = search(r);
		if (r->tuned->optimum.is_met)
			enough = middle;
		else
			too_short = middle;
	}
	(void)relax(r, criticality, enough);
	return e == OK ? search(r) : e;
}

enum err plan_relax_targets(const struct config *c, uint32_t disk, enum latency_model model,
			    struct disk_tuned *t)
{
	const struct relaxation r = { c, &c->disks[disk], model, t };
	uint32_t criticality = 0;
	int64_t bound = -1;
	enum err e = OK;

	for (; next_criticality(c, bound, &criticality); bound = criticality) {
		if (!relax(&r, criticality, STEPS))
			continue;
		e = search(&r);
		if (e != OK || t->optimum.is_met)
			break;
	}
	return e == OK && t->optimum.is_met ? shorten(&r, criticality) : e;
}
