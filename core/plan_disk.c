/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks that partitions share, and the shares. How large a real disk is, and where its GPT partitions
 * lie, is seen at boot only (core/disk.c).
 */
#include <string.h>
#include "core/device_name.h"
#include "core/disk_config.h"
#include "core/lib/fmt.h"
#include "core/plan_check.h"

#define DEPTH_MAX      128u
#define POLL_MIN_NS    US(10)
#define POLL_MAX_NS    MS(100)
#define TIME_MAX_NS    SEC(10)
#define BUDGET_MAX     MIB(64)
#define DISK_MAX_BYTES GIB(512)
#define ALIGN_SECTORS  (PAGE_BYTES / BLOCK_SECTOR_BYTES) /* no disk has larger blocks */
#define GPT_NAME_MAX   36u
#define QUEUE_SIZE_MIN 16u
#define QUEUE_SIZE_MAX 256u
#define DISK_NAME_MAX  15u

typedef unsigned long long ull;

struct short_text check_disk_label(const struct check *k, uint32_t disk)
{
	const char *const name = k->config->disks[disk].name;
	struct short_text t;

	if (check_is_name(name, DISK_NAME_MAX))
		fmt_text(t.s, sizeof(t.s), "disk '%s'", name);
	else
		fmt_text(t.s, sizeof(t.s), "disks[%u]", disk);
	return t;
}

static void refuse_disk(struct check *k, uint32_t disk, const char *format, ...) PRINTF(3, 4);
static void refuse_disk(struct check *k, uint32_t disk, const char *format, ...)
{
	char what[PLAN_REFUSAL_BYTES];
	va_list args;

	va_start(args, format);
	fmt_text_v(what, sizeof(what), format, args);
	va_end(args);
	refuse(k, check_disk_label(k, disk).s, "%s", what);
}

static uint32_t share_count(const struct partition_config *p)
{
	return p->disks ? (uint32_t)min_u64(p->disk_count, CONFIG_SHARE_MAX) : 0;
}

/* CONFIG_DISK_MAX: there is none of this name. */
static uint32_t find_disk(const struct check *k, const char *name)
{
	for (uint32_t i = 0; name && i < k->disk_count; i++)
		if (k->config->disks[i].name && strcmp(k->config->disks[i].name, name) == 0)
			return i;
	return CONFIG_DISK_MAX;
}

/* ---- Disks ---- */

bool check_disk_memory(struct check *k, uint32_t i)
{
	const struct disk_config *const d = &k->config->disks[i];

	if (d->kind != DISK_MEMORY) {
		if (d->bytes != 0)
			refuse_disk(k, i,
				    "bytes = %s: this disk says itself how large it is; leave it "
				    "out",
				    text_size(d->bytes).s);
		return false;
	}
	if (d->bytes == 0 || d->bytes % LARGE_PAGE_BYTES != 0 || d->bytes > DISK_MAX_BYTES) {
		refuse_disk(k, i,
			    "bytes = %s: RAM for a disk comes in pieces of %s, at most %s; give %s",
			    text_size(d->bytes).s, text_size(LARGE_PAGE_BYTES).s,
			    text_size(DISK_MAX_BYTES).s,
			    text_size(d->bytes == 0 || d->bytes > DISK_MAX_BYTES
					      ? MIB(64)
					      : align_up(d->bytes, LARGE_PAGE_BYTES))
				    .s);
		return false;
	}
	return true;
}

static void check_disk_name(struct check *k, uint32_t i)
{
	const struct disk_config *const d = &k->config->disks[i];

	if (!check_is_name(d->name, DISK_NAME_MAX))
		refuse_disk(k, i,
			    "name = %s: a share names its disk by 1 to %u characters of "
			    "[a-z0-9_-]; give one",
			    text_quoted(d->name).s, DISK_NAME_MAX);
	else if (find_disk(k, d->name) != i)
		refuse_disk(k, i, "another disk, disks[%u], has this name; give each its own",
			    find_disk(k, d->name));
}

static void check_disk_place(struct check *k, uint32_t i)
{
	const struct disk_config *const d = &k->config->disks[i];
	pci_addr_t mine, other;

	if (d->kind == DISK_MEMORY && (d->address || d->nsid != 0))
		refuse_disk(k, i,
			    "address and nsid are those of a device, and this disk is RAM; "
			    "leave them out");
	if (d->kind == DISK_VIRTIO && d->nsid != 0)
		refuse_disk(k, i, "nsid = %u: a virtio disk has no namespaces; leave it out",
			    d->nsid);
	if (d->kind == DISK_MEMORY || !d->address)
		return;
	if (!device_parse_pci(d->address, &mine)) {
		refuse_disk(k, i,
			    "address = '%.20s': not the address of a PCI function; write bus, "
			    "device and function in hexadecimal, as in \"02:00.0\"",
			    d->address);
		return;
	}
	for (uint32_t n = 0; n < i; n++)
		if (device_parse_pci(k->config->disks[n].address, &other) && other == mine)
			refuse_disk(k, i, "address = '%s': %s has it, too; a function is one disk",
				    d->address, check_disk_label(k, n).s);
}

static void check_times(struct check *k, uint32_t i)
{
	const struct disk_config *const d = &k->config->disks[i];

	if (d->slice_idle_ns > TIME_MAX_NS && d->slice_idle_ns != DISK_NO_IDLE)
		refuse_disk(k, i,
			    "slice_idle = %s: nobody waits that long for a guest's next request; "
			    "give at most %s, or DISK_NO_IDLE",
			    text_time(d->slice_idle_ns).s, text_time(TIME_MAX_NS).s);
	if (d->timeout_sync_ns > TIME_MAX_NS)
		refuse_disk(k, i,
			    "timeout_sync = %s: a turn that long starves all others; give at "
			    "most %s",
			    text_time(d->timeout_sync_ns).s, text_time(TIME_MAX_NS).s);
	if (d->poll_ns != 0 && (d->poll_ns < POLL_MIN_NS || d->poll_ns > POLL_MAX_NS))
		refuse_disk(k, i,
			    "poll = %s: more often is nothing but looking, more seldom nothing but "
			    "waiting; give %s to %s, or 0 for %s",
			    text_time(d->poll_ns).s, text_time(POLL_MIN_NS).s,
			    text_time(POLL_MAX_NS).s, text_time(DISK_POLL_NS).s);
}

static void check_order(struct check *k, uint32_t i)
{
	const struct disk_config *const d = &k->config->disks[i];

	if ((unsigned)d->scheduler > DISK_BUDGET)
		refuse_disk(k, i,
			    "scheduler = %u: not a choice; give DISK_BFQ, DISK_FIFO, "
			    "DISK_DEADLINE, DISK_PRIORITY or DISK_BUDGET",
			    (unsigned)d->scheduler);
	if (d->depth > DEPTH_MAX)
		refuse_disk(k, i,
			    "depth = %u: a device is given at most %u requests at a time; give at "
			    "most that, or 0 for %u",
			    d->depth, DEPTH_MAX, DISK_DEPTH);
	if (d->max_budget_bytes != 0 &&
	    (d->max_budget_bytes < DISK_REQUEST_MAX_BYTES || d->max_budget_bytes > BUDGET_MAX))
		refuse_disk(k, i,
			    "max_budget = %s: a turn holds one request of %s at least, and %s at "
			    "most; give that, or 0 for %s",
			    text_size(d->max_budget_bytes).s, text_size(DISK_REQUEST_MAX_BYTES).s,
			    text_size(BUDGET_MAX).s, text_size(DISK_MAX_BUDGET_BYTES).s);
	if (d->audit_records > CONFIG_TRACE_RECORDS_MAX ||
	    (d->audit_records & (d->audit_records - 1)) != 0)
		refuse_disk(k, i,
			    "audit_records = %u: a power of two, at most %u; give one, or 0 for "
			    "none",
			    d->audit_records, CONFIG_TRACE_RECORDS_MAX);
	check_times(k, i);
}

static void check_time_model(struct check *k, uint32_t i)
{
	const struct service_time_config *const t = &k->config->disks[i].time;
	enum err e = OK;

	if (k->config->disks[i].kind == DISK_MEMORY)
		e = service_time_check(t);
	if (e == ERR_RANGE)
		refuse_disk(k, i,
			    "time: parallel = %u and the times in it: 1 to %u units, and no time "
			    "above %s; correct what is not",
			    t->parallel, SERVICE_UNIT_MAX, text_time(SERVICE_NS_MAX).s);
	else if (e != OK)
		refuse_disk(k, i,
			    "time: stalls of %s in every %s, jitter %u with %u quantiles: a stall "
			    "is shorter than what it recurs in, and quantiles lead from 0 to "
			    "1000000 ppm, increasing; correct what is not",
			    text_time(t->stall_ns).s, text_time(t->stall_every_ns).s,
			    (unsigned)t->jitter, t->quantile_count);
}

static void check_is_shared(struct check *k, uint32_t i)
{
	k->plan->disks[i].client_count = 0;
	for (part_id_t part = 0; part < k->partition_count; part++) {
		const struct partition_config *const p = &k->config->partitions[part];

		for (uint32_t n = 0; n < share_count(p); n++)
			k->plan->disks[i].client_count += find_disk(k, p->disks[n].disk) == i;
	}
	if (k->plan->disks[i].client_count == 0)
		refuse_disk(k, i,
			    "no partition has a share of it; give one, by .DISKS(), or leave "
			    "the disk out");
	if (k->plan->disks[i].client_count > DISK_CLIENT_MAX)
		refuse_disk(k, i, "%u shares: a disk has at most %u; take some out",
			    k->plan->disks[i].client_count, DISK_CLIENT_MAX);
}

static void check_disk(struct check *k, uint32_t i)
{
	const enum disk_kind kind = k->config->disks[i].kind;

	check_disk_name(k, i);
	if (kind != DISK_MEMORY && kind != DISK_NVME && kind != DISK_VIRTIO)
		refuse_disk(k, i,
			    "kind = %u: not a choice; give DISK_MEMORY, DISK_NVME or DISK_VIRTIO",
			    (unsigned)kind);
	check_disk_place(k, i);
	check_order(k, i);
	check_time_model(k, i);
	check_is_shared(k, i);
}

/* ---- Shares ---- */

static size_t length_of(const char *text)
{
	size_t n = 0;

	while (n <= GPT_NAME_MAX && text[n] != '\0')
		n++;
	return n;
}

static bool has_range(const struct disk_share *s)
{
	return s->sector_count != 0 && s->first_sector <= UINT64_MAX - s->sector_count;
}

static void check_range(struct check *k, part_id_t part, uint32_t n, const struct disk_config *d)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];
	const uint64_t sectors = d->bytes / BLOCK_SECTOR_BYTES;

	if (s->partition && d->kind == DISK_MEMORY)
		refuse_partition(k, part,
				 "disks[%u].partition = %s: disk '%s' is RAM, which begins without "
				 "partitions; give a range of sectors",
				 n, text_quoted(s->partition).s, d->name);
	if (s->partition) {
		if (s->first_sector != 0 || s->sector_count != 0)
			refuse_partition(k, part,
					 "disks[%u]: a GPT partition and a range of sectors are "
					 "both given; give one of the two",
					 n);
		if (length_of(s->partition) == 0 || length_of(s->partition) > GPT_NAME_MAX)
			refuse_partition(k, part,
					 "disks[%u].partition = %s: GPT names have 1 to %u "
					 "characters; correct it",
					 n, text_quoted(s->partition).s, GPT_NAME_MAX);
		return;
	}
	if (!has_range(s))
		refuse_partition(k, part,
				 "disks[%u]: sectors from %llu, %llu of them: not a range; give "
				 "first_sector and sector_count, or the name of a GPT partition",
				 n, (ull)s->first_sector, (ull)s->sector_count);
	else if (s->first_sector % ALIGN_SECTORS != 0 || s->sector_count % ALIGN_SECTORS != 0)
		refuse_partition(k, part,
				 "disks[%u]: sectors from %llu, %llu of them: both are multiples "
				 "of %u (4 KiB), whatever blocks the disk has; round them",
				 n, (ull)s->first_sector, (ull)s->sector_count, ALIGN_SECTORS);
	else if (d->kind == DISK_MEMORY &&
		 (s->first_sector > sectors || s->sector_count > sectors - s->first_sector))
		refuse_partition(k, part,
				 "disks[%u]: sectors from %llu, %llu of them: disk '%s' has %llu; "
				 "stay within, or make it larger",
				 n, (ull)s->first_sector, (ull)s->sector_count, d->name,
				 (ull)sectors);
}

static bool overlap(const struct disk_share *a, const struct disk_share *b)
{
	if (strcmp(a->disk, b->disk) != 0 || (a->is_read_only && b->is_read_only))
		return false;
	if (a->partition || b->partition) /* a name and a range: compared at boot */
		return a->partition && b->partition && strcmp(a->partition, b->partition) == 0;
	return has_range(a) && has_range(b) &&
	       a->first_sector < b->first_sector + b->sector_count &&
	       b->first_sector < a->first_sector + a->sector_count;
}

/* Against all that stand before it in the configuration. */
static void check_is_alone(struct check *k, part_id_t part, uint32_t n)
{
	const struct disk_share *const mine = &k->config->partitions[part].disks[n];

	for (part_id_t i = 0; i <= part; i++) {
		const struct partition_config *const p = &k->config->partitions[i];

		for (uint32_t m = 0; m < share_count(p) && (i < part || m < n); m++)
			if (p->disks[m].disk && overlap(mine, &p->disks[m]))
				refuse_partition(k, part,
						 "disks[%u]: %s has sectors of it already, as "
						 "disks[%u]; only what all only read can be shared",
						 n, check_label(k, i).s, m);
	}
}

static void check_queues(struct check *k, part_id_t part, uint32_t n)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];

	if (s->queue_count > DISK_QUEUE_MAX)
		refuse_partition(k, part,
				 "disks[%u].queue_count = %u: a device has at most %u; give at "
				 "most that",
				 n, s->queue_count, DISK_QUEUE_MAX);
	if (s->queue_size != 0 &&
	    (s->queue_size < QUEUE_SIZE_MIN || s->queue_size > QUEUE_SIZE_MAX ||
	     (s->queue_size & (s->queue_size - 1)) != 0))
		refuse_partition(k, part,
				 "disks[%u].queue_size = %u: a power of two from %u to %u; give "
				 "one, or 0 for %u",
				 n, s->queue_size, QUEUE_SIZE_MIN, QUEUE_SIZE_MAX, DISK_QUEUE_SIZE);
	for (uint32_t i = 0; i < DISK_QUEUE_MAX; i++)
		if (s->queue_weights[i] > DISK_WEIGHT_MAX ||
		    (s->queue_weights[i] != 0 && i >= disk_queue_count(s)))
			refuse_partition(k, part,
					 "disks[%u].queue_weights[%u] = %u: 1 to %u, for each of "
					 "its %u queues; give that, or 0 for %u",
					 n, i, s->queue_weights[i], DISK_WEIGHT_MAX,
					 disk_queue_count(s), DISK_WEIGHT);
}

static void check_requests(struct check *k, part_id_t part, uint32_t n)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];

	if (s->request_max_bytes % PAGE_BYTES != 0 || s->request_max_bytes > DISK_REQUEST_MAX_BYTES)
		refuse_partition(
			k, part,
			"disks[%u].request_max = %s: a multiple of 4 KiB, at most %s; give "
			"one, or 0 for the most",
			n, text_size(s->request_max_bytes).s, text_size(DISK_REQUEST_MAX_BYTES).s);
	if (s->outstanding > DISK_REQUESTS_MAX)
		refuse_partition(
			k, part,
			"disks[%u].outstanding = %u: a share has at most %u requests; give "
			"at most that",
			n, s->outstanding, DISK_REQUESTS_MAX);
}

static void check_claims(struct check *k, part_id_t part, uint32_t n, const struct disk_config *d)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];
	const bool has_budget = s->budget_bytes != 0 || s->budget_period_ns != 0;

	if (s->weight > DISK_WEIGHT_MAX)
		refuse_partition(k, part, "disks[%u].weight = %u: 1 to %u; give that, or 0 for %u",
				 n, s->weight, DISK_WEIGHT_MAX, DISK_WEIGHT);
	if (has_budget != (d->scheduler == DISK_BUDGET))
		refuse_partition(k, part, "disks[%u].budget: %s; %s", n,
				 has_budget ? "this disk's scheduler has no budgets of this kind"
					    : "DISK_BUDGET serves by budgets",
				 has_budget ? "leave it out, or give the disk DISK_BUDGET"
					    : "give budget_bytes and budget_period");
	else if (has_budget && (s->budget_bytes < PAGE_BYTES || s->budget_period_ns < MS(1) ||
				s->budget_period_ns > TIME_MAX_NS))
		refuse_partition(k, part,
				 "disks[%u].budget = %s in %s: at least %s, in every %s to %s; "
				 "give that",
				 n, text_size(s->budget_bytes).s, text_time(s->budget_period_ns).s,
				 text_size(PAGE_BYTES).s, text_time(MS(1)).s,
				 text_time(TIME_MAX_NS).s);
}

static void check_share(struct check *k, part_id_t part, uint32_t n)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];
	const uint32_t disk = find_disk(k, s->disk);

	if (disk == CONFIG_DISK_MAX) {
		refuse_partition(k, part,
				 "disks[%u].disk = %s: no disk has this name; add it to .disks of "
				 "the system",
				 n, text_quoted(s->disk).s);
		return;
	}
	check_range(k, part, n, &k->config->disks[disk]);
	check_is_alone(k, part, n);
	check_queues(k, part, n);
	check_requests(k, part, n);
	check_claims(k, part, n, &k->config->disks[disk]);
}

static void check_shares(struct check *k, part_id_t part)
{
	const struct partition_config *const p = &k->config->partitions[part];

	if (!p->disks && p->disk_count != 0)
		refuse_partition(k, part,
				 "disk_count = %u, but disks is not given; give both, by .DISKS(), "
				 "or neither",
				 p->disk_count);
	if (p->disk_count > CONFIG_SHARE_MAX || p->disk_count + p->device_count > CONFIG_DEVICE_MAX)
		refuse_partition(k, part,
				 "disk_count = %u, device_count = %u: a PC has room for %u in all, "
				 "of which at most %u are disks; take some out",
				 p->disk_count, p->device_count, CONFIG_DEVICE_MAX,
				 CONFIG_SHARE_MAX);
	if (share_count(p) > 0 && !check_has_pc(p))
		refuse_partition(k, part,
				 "disks: there is no PC around this guest for a PCI bus to be in; "
				 "give .platform = PLATFORM_PC");
	for (uint32_t n = 0; n < share_count(p); n++)
		check_share(k, part, n);
}

void check_disks(struct check *k)
{
	const struct config *const c = k->config;

	if (!c->disks && c->disk_count != 0)
		refuse_system(k, "disk_count = %u, but disks is not given; give both, or neither",
			      c->disk_count);
	if (c->disk_count > CONFIG_DISK_MAX)
		refuse_system(k, "disk_count = %u: at most %u are supported; take some out",
			      c->disk_count, CONFIG_DISK_MAX);
	for (uint32_t i = 0; i < k->disk_count; i++)
		check_disk(k, i);
	for (part_id_t i = 0; i < k->partition_count; i++)
		check_shares(k, i);
	for (uint32_t i = 0; i < k->disk_count && check_disk_tuning; i++)
		check_disk_tuning(k, i);
	for (uint32_t i = 0; i < k->disk_count && check_disk_rates; i++)
		check_disk_rates(k, i);
}
