/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_plan_rules.c - what holds of a plan that was accepted, without the planner's helpers.
 *
 * The rules that keep guests apart and promises possible; not each limit of each field.
 */
#include <string.h>
#include "arch/pci.h"
#include "core/disk_config.h"
#include "core/plan_rate.h"
#include "core/plan_tasks.h"
#include "tests/fuzz/fuzz_plan.h"

#define NEEDS(x) \
	do { \
		if (!(x)) \
			return #x; \
	} while (0)

static bool is_name(const char *name, size_t max)
{
	return name && strlen(name) >= 1 && strlen(name) <= max &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name);
}

/* ---- CPU ---- */

static const char *vcpus(const struct config *c, const struct board *b, const struct plan *p)
{
	uint32_t expected = 0;

	for (uint32_t i = 0; i < c->partition_count; i++)
		for (uint32_t n = 0; n < (c->partitions[i].cpus ? c->partitions[i].cpu_count : 1);
		     n++) {
			const struct plan_vcpu *const v = &p->vcpus[expected];

			NEEDS(expected < MAX_VCPUS);
			NEEDS(v->part == i && v->index == n);
			NEEDS(p->partitions[i].vcpu_first + n == expected);
			expected++;
		}
	NEEDS(p->vcpu_count == expected + p->has_service);
	NEEDS(!p->has_service || p->vcpus[expected].part == PLAN_SERVICE_PART);
	for (uint32_t i = 0; i < p->vcpu_count; i++) {
		const struct plan_vcpu *const v = &p->vcpus[i];

		NEEDS(v->core < b->core_count && v->core < MAX_CORES);
		NEEDS(v->kind >= CPU_OWNED && v->kind <= CPU_BEST_EFFORT &&
		      v->claim.kind == v->kind);
		NEEDS(v->kind != CPU_RESERVED ||
		      (v->budget_tsc > 0 && v->budget_tsc <= v->period_tsc &&
		       v->period_tsc < BIT64(62) && v->budget_tsc >= b->switch_overhead_tsc));
		NEEDS(v->kind == CPU_RESERVED || (v->budget_tsc == 0 && v->period_tsc == 0));
	}
	return NULL;
}

/* What those of no longer periods want of this one's, and what a longer one, or a best effort, is at. */
static long double part_of_period(const struct board *b, const struct plan *p, uint32_t k)
{
	const struct plan_vcpu *const of = &p->vcpus[k];
	long double sum = 0, waits = 0;

	for (uint32_t i = 0; i < p->vcpu_count; i++) {
		const struct plan_vcpu *const v = &p->vcpus[i];

		if (v->core != of->core)
			continue;
		if (v->kind == CPU_RESERVED && v->period_tsc <= of->period_tsc)
			sum += ((long double)v->budget_tsc + (long double)b->switch_overhead_tsc) /
			       (long double)v->period_tsc;
		else
			waits = 300e-6L * (long double)b->tsc_hz / (long double)of->period_tsc;
	}
	return sum + waits;
}

static const char *cores(const struct board *b, const struct plan *p)
{
	for (uint32_t i = 0; i < p->vcpu_count; i++)
		NEEDS(p->vcpus[i].kind != CPU_RESERVED || part_of_period(b, p, i) <= 1.0L + 1e-15L);
	for (uint32_t core = 0; core < MAX_CORES; core++) {
		uint32_t owners = 0, others = 0;
		long double sum = 0;

		for (uint32_t i = 0; i < p->vcpu_count; i++) {
			const struct plan_vcpu *const v = &p->vcpus[i];

			if (v->core != core)
				continue;
			owners += v->kind == CPU_OWNED;
			others += v->kind != CPU_OWNED;
			if (v->kind == CPU_RESERVED)
				sum += ((long double)v->budget_tsc +
					(long double)b->switch_overhead_tsc) /
				       (long double)v->period_tsc;
			for (uint32_t n = 0; n < i; n++)
				NEEDS(v->kind != CPU_BEST_EFFORT || p->vcpus[n].core != core ||
				      p->vcpus[n].priority != v->priority ||
				      p->vcpus[n].kind != CPU_BEST_EFFORT);
		}
		NEEDS(owners == 0 || (owners == 1 && others == 0));
		NEEDS(p->cores[core].is_owned == (owners == 1));
		NEEDS(sum <= 1.0L + 1e-15L);
	}
	return NULL;
}

static const char *tasks(const struct config *c, const struct plan *p)
{
	for (uint32_t i = 0; i < c->partition_count; i++)
		for (uint32_t n = 0; n < c->partitions[i].cpu_task_count; n++) {
			const struct cpu_task *const t = &c->partitions[i].cpu_tasks[n];
			uint64_t bound = 0;

			NEEDS(!t->name || is_name(t->name, 15));
			NEEDS(plan_task_bound(c, p, i, n, &bound));
			NEEDS(bound >= t->wcet_ns &&
			      bound <= (t->deadline_ns ? t->deadline_ns : t->period_ns));
		}
	return NULL;
}

/* ---- Memory ---- */

struct place {
	uint64_t base, bytes;
};

static const char *memory(const struct config *c, const struct board *b, const struct plan *p)
{
	struct place all[MAX_PARTITIONS + CONFIG_DISK_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < c->partition_count; i++) {
		const struct partition_config *const g = &c->partitions[i];
		const uint64_t bytes = p->partitions[i].memory_bytes;

		NEEDS(bytes >= (g->memory_min_bytes ? g->memory_min_bytes : g->memory_bytes));
		NEEDS(bytes <= max_u64(g->memory_max_bytes, g->memory_bytes));
		all[count++] = (struct place){ p->partitions[i].memory_base, bytes };
	}
	for (uint32_t i = 0; i < c->disk_count; i++)
		if (c->disks[i].kind == DISK_MEMORY)
			all[count++] = (struct place){ p->disks[i].memory_base, c->disks[i].bytes };
	for (uint32_t i = 0; i < count; i++) {
		bool is_inside = false;

		NEEDS(all[i].bytes > 0 && all[i].bytes % MIB(2) == 0 && all[i].base % MIB(2) == 0);
		for (uint32_t r = 0; r < b->memory_count; r++)
			is_inside |= all[i].base >= b->memory[r].base &&
				     all[i].bytes <= b->memory[r].bytes &&
				     all[i].base - b->memory[r].base <=
					     b->memory[r].bytes - all[i].bytes;
		NEEDS(is_inside);
		for (uint32_t n = 0; n < i; n++)
			NEEDS(all[i].base >= all[n].base
				      ? all[i].base - all[n].base >= all[n].bytes
				      : all[n].base - all[i].base >= all[i].bytes);
	}
	return NULL;
}

/* ---- Devices ---- */

static const char *pair_of_devices(const struct device_config *a, const struct device_config *b)
{
	NEEDS(a->kind != b->kind || strcmp(a->name, b->name) != 0 || a->index != b->index);
	NEEDS(!a->mac || !b->mac || strcmp(a->mac, b->mac) != 0);
	return NULL;
}

/* Every VF by its PF; `seen` are those before it. */
static const char *vf(const struct config *c, const struct device_config *d, uint64_t *received,
		      uint64_t *granted)
{
	for (uint32_t i = 0; i < c->pf_count; i++) {
		if (strcmp(c->pfs[i].name, d->name) != 0)
			continue;
		NEEDS(d->index < c->pfs[i].vf_count);
		if (!rate_is_network(c->pfs[i].driver))
			return NULL;
		NEEDS(d->qos.rx_bytes_per_s.min <= d->qos.rx_bytes_per_s.usual);
		NEEDS(!__builtin_add_overflow(received[i], d->qos.rx_bytes_per_s.min,
					      &received[i]));
		NEEDS(received[i] <= rate_link_bytes(&c->pfs[i]));
		NEEDS(!__builtin_add_overflow(granted[i],
					      plan_grant(c, &c->pfs[i], d).rx_bytes_per_s.usual,
					      &granted[i]));
		NEEDS(granted[i] <= rate_link_bytes(&c->pfs[i]));
		return NULL;
	}
	return "a VF is of a PF that there is";
}

static const char *devices(const struct config *c)
{
	uint64_t received[CONFIG_PF_MAX] = { 0 }, granted[CONFIG_PF_MAX] = { 0 };
	const struct device_config *all[MAX_PARTITIONS * CONFIG_DEVICE_MAX];
	uint32_t count = 0;

	NEEDS(c->pf_count <= CONFIG_PF_MAX);
	for (uint32_t i = 0; i < c->partition_count; i++) {
		NEEDS(c->partitions[i].device_count <= CONFIG_DEVICE_MAX);
		for (uint32_t n = 0; n < c->partitions[i].device_count; n++) {
			const struct device_config *const d = &c->partitions[i].devices[n];
			const char *broken = NULL;

			NEEDS(c->partitions[i].platform == PLATFORM_PC ||
			      c->partitions[i].boot != BOOT_GUEST);
			NEEDS(d->kind == DEVICE_FUNCTION || d->kind == DEVICE_VF);
			if (d->kind == DEVICE_VF)
				broken = vf(c, d, received, granted);
			for (uint32_t k = 0; k < count && !broken; k++)
				broken = pair_of_devices(all[k], d);
			if (broken)
				return broken;
			all[count++] = d;
		}
	}
	NEEDS(count == 0 || c->service.kind == CPU_RESERVED || c->service.kind == CPU_OWNED);
	return NULL;
}

/* ---- Disks ---- */

static const char *pair_of_shares(const struct disk_share *a, const struct disk_share *b)
{
	if (strcmp(a->disk, b->disk) != 0 || (a->is_read_only && b->is_read_only))
		return NULL;
	if (a->partition || b->partition) {
		NEEDS(!a->partition || !b->partition || strcmp(a->partition, b->partition) != 0);
		return NULL;
	}
	NEEDS(a->first_sector >= b->first_sector
		      ? a->first_sector - b->first_sector >= b->sector_count
		      : b->first_sector - a->first_sector >= a->sector_count);
	return NULL;
}

static const char *share(const struct config *c, const struct disk_share *s)
{
	for (uint32_t i = 0; i < c->disk_count; i++) {
		const struct disk_config *const d = &c->disks[i];

		if (strcmp(d->name, s->disk) != 0)
			continue;
		NEEDS(disk_queue_count(s) >= 1 && disk_queue_count(s) <= 8);
		NEEDS(d->kind != DISK_MEMORY || !s->partition);
		NEEDS(s->partition || (s->sector_count > 0 && s->first_sector % 8 == 0 &&
				       s->sector_count % 8 == 0));
		NEEDS(d->kind != DISK_MEMORY ||
		      (s->first_sector <= d->bytes / 512 &&
		       s->sector_count <= d->bytes / 512 - s->first_sector));
		return NULL;
	}
	return "a share is of a disk that there is";
}

static const char *disks(const struct config *c)
{
	const struct disk_share *all[MAX_PARTITIONS * CONFIG_SHARE_MAX];
	uint32_t count = 0;

	NEEDS(c->disk_count <= CONFIG_DISK_MAX);
	for (uint32_t i = 0; i < c->partition_count; i++) {
		NEEDS(c->partitions[i].disk_count <= CONFIG_SHARE_MAX);
		for (uint32_t n = 0; n < c->partitions[i].disk_count; n++) {
			const struct disk_share *const s = &c->partitions[i].disks[n];
			const char *broken = share(c, s);

			for (uint32_t k = 0; k < count && !broken; k++)
				broken = pair_of_shares(all[k], s);
			if (broken)
				return broken;
			all[count++] = s;
		}
	}
	NEEDS(count == 0 || c->service.kind == CPU_RESERVED || c->service.kind == CPU_OWNED);
	for (uint32_t i = 0; i < c->disk_count; i++)
		for (uint32_t n = 0; n < i; n++)
			NEEDS(strcmp(c->disks[i].name, c->disks[n].name) != 0);
	return NULL;
}

static const char *names(const struct config *c)
{
	NEEDS(is_name(c->name, 31));
	NEEDS(c->partition_count >= 1 && c->partition_count <= MAX_PARTITIONS);
	for (uint32_t i = 0; i < c->partition_count; i++) {
		NEEDS(is_name(c->partitions[i].name, 15));
		for (uint32_t n = 0; n < i; n++)
			NEEDS(strcmp(c->partitions[i].name, c->partitions[n].name) != 0);
	}
	return NULL;
}

const char *plan_breaks(const struct config *c, const struct board *b, const struct plan *p)
{
	const char *broken = names(c);

	if (!broken)
		broken = vcpus(c, b, p);
	if (!broken)
		broken = cores(b, p);
	if (!broken)
		broken = tasks(c, p);
	if (!broken)
		broken = memory(c, b, p);
	if (!broken)
		broken = devices(c);
	return broken ? broken : disks(c);
}
