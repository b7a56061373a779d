/* SPDX-License-Identifier: Apache-2.0 */
/* tools/plan_json_tuples.c - of tools/plan --json: what was wanted by tuples, and what is given. */
#include "tools/plan_json_tuples.h"
#include <stdio.h>
#include <string.h>
#include "core/disk_config.h"
#include "core/plan_disk.h"
#include "core/plan_grant.h"
#include "core/plan_rate.h"

typedef unsigned long long ull;

static const char *comma;

/* `of`: which virtual CPU, device, share. */
static void grant(const char *resource, uint32_t of, const struct tuple *t, uint64_t given)
{
	if (t->usual == 0 && t->min == 0 && t->max == 0)
		return;
	printf("%s{\"resource\":\"%s\",\"of\":%u,\"usual\":%llu,\"min\":%llu,\"max\":%llu,\"given\":%llu,"
	       "\"is\":\"%s\"}",
	       comma, resource, of, (ull)t->usual, (ull)t->min, (ull)t->max, (ull)given,
	       given < t->usual   ? "shrunk"
	       : given > t->usual ? "grown"
				  : "usual");
	comma = ",";
}

static void network_grants(const struct config *c, const struct partition_config *p)
{
	for (uint32_t i = 0; i < p->device_count; i++) {
		const struct device_config *const d = &p->devices[i];

		for (uint32_t n = 0; n < c->pf_count && d->kind == DEVICE_VF; n++) {
			struct net_qos q;

			if (strcmp(c->pfs[n].name, d->name) != 0 ||
			    !rate_is_network(c->pfs[n].driver))
				continue;
			q = plan_grant(c, &c->pfs[n], d);
			grant("rx_bytes_per_s", i, &d->qos.rx_bytes_per_s, q.rx_bytes_per_s.usual);
			grant("tx_bytes_per_s", i, &d->qos.tx_bytes_per_s, q.tx_bytes_per_s.usual);
		}
	}
}

/* The number of p->disks[share] among those of its disk. */
static uint32_t guest_of(const struct config *c, const struct disk_config *d,
			 const struct disk_share *share)
{
	uint32_t guest = 0;

	for (uint32_t i = 0; i < c->partition_count; i++)
		for (uint32_t n = 0; n < c->partitions[i].disk_count; n++) {
			if (&c->partitions[i].disks[n] == share)
				return guest;
			guest += disk_is_on(&c->partitions[i].disks[n], d);
		}
	return guest;
}

static void target_grants(const struct disk_tuned *t, const struct disk_share *s, uint32_t guest)
{
	for (uint32_t i = 0; i < s->task_count; i++) {
		const struct disk_task *const task = &s->tasks[i];
		const struct tuple wanted = { task->target_ns, task->target_ns,
					      task->target_max_ns };

		if (task->target_max_ns != 0)
			grant("disk_target_ns", i, &wanted,
			      t->optimum.load.guests[guest].tasks[i].target_ns);
	}
}

static void disk_grants(const struct config *c, const struct plan *plan,
			const struct partition_config *p)
{
	for (uint32_t n = 0; n < p->disk_count; n++)
		for (uint32_t i = 0; i < c->disk_count; i++) {
			const struct disk_share *const s = &p->disks[n];
			const struct plan_disk *const d = &plan->disks[i];
			const uint32_t guest = guest_of(c, &c->disks[i], s);

			if (!disk_is_on(s, &c->disks[i]))
				continue;
			if (d->rates)
				grant("disk_bytes_per_s", n, &s->bytes_per_s,
				      d->rates->given[guest]);
			if (d->tuning)
				target_grants(d->tuning, s, guest);
		}
}

void json_grants(const struct config *c, const struct plan *plan, part_id_t part)
{
	const struct plan_partition *const planned = &plan->partitions[part];
	const struct tuple memory = plan_memory_tuple(c, part);

	comma = "";
	printf(",\"criticality\":%u,\"grants\":[", c->partitions[part].criticality);
	for (uint32_t i = 0; i < planned->vcpu_count; i++) {
		const uint32_t vcpu = planned->vcpu_first + i;
		const struct tuple budget = plan_budget_tuple(c, plan, vcpu);

		grant("budget_ns", i, &budget, plan->vcpus[vcpu].claim.budget_ns);
	}
	grant("memory_bytes", 0, &memory, planned->memory_bytes);
	network_grants(c, &c->partitions[part]);
	disk_grants(c, plan, &c->partitions[part]);
	printf("]");
}

/* ---- What is to be linked ---- */

static bool has_budget_range(const struct partition_config *p)
{
	bool has_any = p->cpu.budget_min_ns != 0 || p->cpu.budget_max_ns != 0;

	for (uint32_t n = 0; p->cpus && n < p->cpu_count; n++)
		has_any |= p->cpus[n].budget_min_ns != 0 || p->cpus[n].budget_max_ns != 0;
	return has_any;
}

bool has_tuples(const struct config *c)
{
	bool has_any = c->service.budget_min_ns != 0 || c->service.budget_max_ns != 0;

	for (uint32_t i = 0; i < c->partition_count; i++) {
		const struct partition_config *const p = &c->partitions[i];

		has_any |=
			p->memory_min_bytes != 0 || p->memory_max_bytes != 0 || has_budget_range(p);
	}
	return has_any;
}

bool has_disk_rates(const struct config *c)
{
	for (uint32_t i = 0; i < c->partition_count; i++)
		for (uint32_t n = 0; n < c->partitions[i].disk_count; n++)
			if (rate_is_tuple(&c->partitions[i].disks[n].bytes_per_s))
				return true;
	return false;
}
