/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/plan_disk_bound.c - what the plan promises to the shares of a disk, and how it prints them.
 *
 * A promise is of BFQ, and of a disk whose service times the configuration tells: io/disk_bound.h. What
 * the hypervisor adds to the disk's own time is in it: until the service notices that a request is done
 * and gives the disk the next one, the disk does nothing.
 */
#include <string.h>
#include "core/disk_config.h"
#include "core/lib/fmt.h"
#include "core/plan_check.h"
#include "core/plan_disk.h"
#include "drivers/disk.h"
#include "io/disk_bound.h"

typedef unsigned long long ull;

/* Requests of guests are of a page at least, as far as the promise goes. */
#define REQUEST_MIN_BYTES PAGE_BYTES

/* The longest that the service takes to look: its budget may just have been used up. */
uint64_t plan_disk_service_ns(const struct config *c, const struct disk_config *d)
{
	uint64_t ns = PLAN_SERVICE_STEP_NS;

	if (c->service.kind == CPU_RESERVED)
		ns += c->service.period_ns - c->service.budget_ns;
	if (d->kind != DISK_MEMORY)
		ns += d->poll_ns != 0 ? d->poll_ns : DISK_POLL_NS;
	return ns;
}

/* The longest of all kinds of requests; a memory disk also copies, DISK_COPY_MAX bytes a step. */
static void describe_device(const struct config *c, const struct disk_config *d,
			    struct disk_bound_system *s)
{
	const struct service_time_config *const t = &d->time;
	const uint64_t kib_ns = max_u64(t->read.ns_per_kib, t->write.ns_per_kib);
	uint64_t fixed_ns = max_u64(t->read.fixed_ns, t->write.fixed_ns);

	if (t->jitter == SERVICE_UNIFORM)
		fixed_ns += t->uniform_ns;
	else if (t->jitter == SERVICE_QUANTILES)
		fixed_ns += t->quantiles[t->quantile_count - 1].ns;
	fixed_ns = max_u64(fixed_ns + t->fua_ns, max_u64(t->flush_ns, t->trim_ns));
	s->device.fixed_ns = fixed_ns + plan_disk_service_ns(c, d);
	s->device.byte_ps = (kib_ns * 1000 + 1023) / 1024;
	if (d->kind == DISK_MEMORY)
		s->device.byte_ps += PLAN_SERVICE_STEP_NS * 1000 / DISK_COPY_MAX;
	s->device.stall_ns = t->stall_ns;
}

uint64_t plan_disk_bound_ns(const struct config *c, const struct plan *plan, uint32_t disk,
			    part_id_t part, uint32_t share)
{
	const struct disk_config *const d = &c->disks[disk];
	const struct disk_tuned *const tuning = plan->disks[disk].tuning;
	struct disk_bound_client clients[DISK_CLIENT_MAX];
	struct disk_bound_system s = {
		.clients = clients,
		.depth = disk_default(d->depth, DISK_DEPTH),
		.max_budget_bytes = disk_max_budget_bytes(d),
		.has_fixed_budgets = d->has_fixed_budgets,
		.slice_idle_ns = plan_slice_idle_ns(d, tuning),
		.timeout_ns = plan_timeout_ns(d, tuning),
	};
	uint32_t mine = 0;

	if (d->scheduler != DISK_BFQ || d->time.parallel == 0)
		return UINT64_MAX;
	for (part_id_t i = 0; i < c->partition_count; i++)
		for (uint32_t n = 0; n < c->partitions[i].disk_count; n++) {
			const struct disk_share *const other = &c->partitions[i].disks[n];

			if (!disk_is_on(other, d) || s.client_count == DISK_CLIENT_MAX)
				continue;
			if (i == part && n == share)
				mine = s.client_count;
			clients[s.client_count] = (struct disk_bound_client){
				.weight = plan_weight(other, &plan->disks[disk], s.client_count),
				.request_max_bytes = disk_request_max(other),
				.request_min_bytes = REQUEST_MIN_BYTES,
			};
			s.client_count++; /* the weight is that of its number so far */
		}
	describe_device(c, d, &s);
	return disk_bound_of(&s, mine,
			     disk_default(c->partitions[part].disks[share].outstanding, 1))
		.ns;
}

/* ---- Text ---- */

#define WHERE_BYTES 64u

static uint32_t weights_of(const struct config *c, const struct disk_config *d,
			   const struct plan_disk *planned)
{
	uint32_t sum = 0, guest = 0;

	for (part_id_t i = 0; i < c->partition_count; i++)
		for (uint32_t n = 0; n < c->partitions[i].disk_count; n++)
			if (disk_is_on(&c->partitions[i].disks[n], d))
				sum += plan_weight(&c->partitions[i].disks[n], planned, guest++);
	return sum;
}

static void print_where(const struct disk_share *s, char where[WHERE_BYTES])
{
	if (s->partition)
		fmt_text(where, WHERE_BYTES, "GPT partition %s", text_quoted(s->partition).s);
	else
		fmt_text(where, WHERE_BYTES, "sectors %llu to %llu", (ull)s->first_sector,
			 (ull)(s->first_sector + s->sector_count - 1));
}

/* The disk's share number `guest`. */
static void print_share(const struct config *c, const struct plan *plan, uint32_t disk,
			part_id_t part, uint32_t n, uint32_t guest, void (*put)(const char *text))
{
	const struct disk_tuned *const tuning = plan->disks[disk].tuning;
	const struct disk_share *const s = &c->partitions[part].disks[n];
	const uint32_t weight = plan_weight(s, &plan->disks[disk], guest);
	const uint32_t all = weights_of(c, &c->disks[disk], &plan->disks[disk]);
	const uint64_t ns = plan_disk_bound_ns(c, plan, disk, part, n);
	char where[WHERE_BYTES];

	print_where(s, where);
	text_line(put, "  %-15s %s%s, %u queue%s of %u, requests up to %s",
		  c->partitions[part].name, where, s->is_read_only ? ", read-only" : "",
		  disk_queue_count(s), disk_queue_count(s) == 1 ? "" : "s", disk_queue_size(s),
		  text_size(disk_request_max(s)).s);
	if (c->disks[disk].scheduler == DISK_BFQ)
		text_line(put, "  %-15s weight %u of %u: %s of the disk", "", weight, all,
			  text_percent(((uint64_t)weight * 1000000 + all - 1) / all).s);
	if (plan->disks[disk].rates)
		plan_print_disk_rate(c, plan, disk, part, n, guest, put);
	if (ns != UINT64_MAX)
		text_line(
			put,
			"  %-15s a request ends within %s, %u of them at a time, as long as it asks "
			"for less than its share",
			"", text_time(ns).s, disk_default(s->outstanding, 1));
	if (tuning)
		plan_print_tasks(&c->disks[disk], tuning, guest, put);
}

static void print_disk(const struct config *c, const struct plan *plan, uint32_t i,
		       void (*put)(const char *text))
{
	static const char *const kinds[] = {
		[DISK_MEMORY] = "memory", [DISK_NVME] = "NVMe", [DISK_VIRTIO] = "virtio"
	};
	static const char *const orders[] = { [DISK_BFQ] = "budget-fair",
					      [DISK_FIFO] = "as they come",
					      [DISK_DEADLINE] = "by deadlines",
					      [DISK_PRIORITY] = "by priority",
					      [DISK_BUDGET] = "by replenished budgets" };
	const struct disk_config *const d = &c->disks[i];
	const struct disk_tuned *const tuning = plan->disks[i].tuning;
	uint32_t guest = 0;

	text_line(put, "disk %s: %s%s%s, %s, %u at a time, served by %s", d->name, kinds[d->kind],
		  d->kind == DISK_MEMORY ? " of " : "",
		  d->kind == DISK_MEMORY ? text_size(d->bytes).s : "", orders[d->scheduler],
		  disk_default(d->depth, DISK_DEPTH),
		  c->service.kind == CPU_OWNED ? "a core that polls" : "the service");
	if (d->kind == DISK_MEMORY)
		text_line(put, "  %-15s at 0x%llx", "", (ull)plan->disks[i].memory_base);
	if (d->scheduler == DISK_BFQ)
		text_line(put, "  %-15s slice_idle %s, timeout_sync %s, budgets %s %s", "",
			  text_time(plan_slice_idle_ns(d, tuning)).s,
			  text_time(plan_timeout_ns(d, tuning)).s,
			  d->has_fixed_budgets ? "of" : "up to",
			  text_size(disk_max_budget_bytes(d)).s);
	if (tuning)
		plan_print_tuning(d, tuning, put);
	for (part_id_t part = 0; part < c->partition_count; part++)
		for (uint32_t n = 0; n < c->partitions[part].disk_count; n++)
			if (disk_is_on(&c->partitions[part].disks[n], d))
				print_share(c, plan, i, part, n, guest++, put);
}

void plan_print_disks(const struct config *c, const struct plan *plan,
		      void (*put)(const char *text))
{
	for (uint32_t i = 0; i < c->disk_count; i++)
		print_disk(c, plan, i, put);
}
