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
#include "core/plan_rate.h"

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

typedef unsigned long long ull;

/* CONFIG_DISK_MAX: there is none of this name. */
static uint32_t find_disk(const struct check *k, const char *name)
{
	for (uint32_t i = 0; name && i < k->disk_count; i++)
		if (config_is_same_name(k->config->disks[i].name, name))
			return i;
	return CONFIG_DISK_MAX;
}

/* Shares can mean it: it has a name, and is the first of this name. */
static bool has_own_name(const struct check *k, uint32_t disk)
{
	const char *const name = k->config->disks[disk].name;

	return check_is_name(name, DEVICE_NAME_MAX) && find_disk(k, name) == disk;
}

struct short_text check_disk_label(const struct check *k, uint32_t disk)
{
	const char *const name = k->config->disks[disk].name;
	struct short_text t;

	if (has_own_name(k, disk))
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
	const char *const name = k->config->disks[i].name;

	if (!check_is_name(name, DEVICE_NAME_MAX))
		refuse_disk(k, i,
			    "name = %s: a share names its disk by 1 to %u characters of "
			    "[a-z0-9_-]; give one",
			    text_quoted(name).s, DEVICE_NAME_MAX);
	else if (!has_own_name(k, i))
		refuse_disk(k, i,
			    "name = '%s': disks[%u] has it already; a share names its disk by it: "
			    "give another",
			    name, find_disk(k, name));
}

static void refuse_address(struct check *k, uint32_t i, const char *other)
{
	refuse_disk(k, i,
		    "address = '%s': %s is this function, too; a function is one disk, PF or "
		    "device: correct it, or take one of the two out",
		    k->config->disks[i].address, other);
}

/* Against disks before it, PFs, and what guests have whole. */
static void check_is_function_alone(struct check *k, uint32_t i, pci_addr_t mine)
{
	const struct config *const c = k->config;
	char who[2 * sizeof(struct short_text)];
	pci_addr_t other;

	for (uint32_t n = 0; n < i; n++)
		if (device_parse_pci(c->disks[n].address, &other) && other == mine)
			refuse_address(k, i, check_disk_label(k, n).s);
	for (uint32_t n = 0; c->pfs && n < c->pf_count && n < CONFIG_PF_MAX; n++)
		if (device_parse_pci(c->pfs[n].address, &other) && other == mine) {
			fmt_text(who, sizeof(who), "pfs[%u]", n);
			refuse_address(k, i, who);
		}
	for (part_id_t part = 0; part < k->partition_count; part++) {
		const struct partition_config *const p = &c->partitions[part];

		for (uint32_t n = 0; p->devices && n < p->device_count && n < CONFIG_DEVICE_MAX;
		     n++) {
			if (p->devices[n].kind != DEVICE_FUNCTION ||
			    !device_parse_pci(p->devices[n].name, &other) || other != mine)
				continue;
			fmt_text(who, sizeof(who), "devices[%u] of %s", n, check_label(k, part).s);
			refuse_address(k, i, who);
		}
	}
}

static void check_disk_place(struct check *k, uint32_t i)
{
	const struct disk_config *const d = &k->config->disks[i];
	pci_addr_t mine;

	if (d->kind != DISK_NVME && d->nsid != 0)
		refuse_disk(k, i, "nsid = %u: only NVMe disks have namespaces; leave it out",
			    d->nsid);
	if (!d->address)
		return;
	if (d->kind == DISK_MEMORY)
		refuse_disk(k, i, "address = %s: this disk is RAM, which has none; leave it out",
			    text_quoted(d->address).s);
	else if (!device_parse_pci(d->address, &mine))
		refuse_disk(k, i,
			    "address = %s: not the address of a PCI function; write bus, device "
			    "and function in hexadecimal, as in \"02:00.0\"",
			    text_quoted(d->address).s);
	else
		check_is_function_alone(k, i, mine);
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

/* ---- How long it takes ---- */

static void check_time_limits(struct check *k, uint32_t i)
{
	const struct service_time_config *const t = &k->config->disks[i].time;
	const struct {
		const char *name;
		uint64_t ns;
	} all[] = { { "read.fixed", t->read.fixed_ns },
		    { "read.ns_per_kib", t->read.ns_per_kib },
		    { "write.fixed", t->write.fixed_ns },
		    { "write.ns_per_kib", t->write.ns_per_kib },
		    { "fua", t->fua_ns },
		    { "flush", t->flush_ns },
		    { "trim", t->trim_ns },
		    { "uniform", t->uniform_ns },
		    { "stall_every", t->stall_every_ns },
		    { "stall", t->stall_ns } };

	for (uint32_t n = 0; n < ARRAY_SIZE(all); n++)
		if (all[n].ns > SERVICE_NS_MAX)
			refuse_disk(k, i, "time.%s = %s: no disk takes that long; give at most %s",
				    all[n].name, text_time(all[n].ns).s,
				    text_time(SERVICE_NS_MAX).s);
	if (t->parallel == 0 || t->parallel > SERVICE_UNIT_MAX)
		refuse_disk(
			k, i,
			"time.parallel = %u: a disk serves 1 to %u requests at a time; give one "
			"of these",
			t->parallel, SERVICE_UNIT_MAX);
}

static void check_time_model(struct check *k, uint32_t i)
{
	static const struct service_time_config not_given;
	const struct service_time_config *const t = &k->config->disks[i].time;
	const uint32_t before = k->refusals->count;

	if (k->config->disks[i].kind != DISK_MEMORY && memcmp(t, &not_given, sizeof(*t)) == 0)
		return;
	check_time_limits(k, i);
	if (t->stall_ns ? t->stall_every_ns <= t->stall_ns : t->stall_every_ns != 0)
		refuse_disk(k, i,
			    "time.stall = %s in every %s: a stall is shorter than what it recurs "
			    "in; give stall and a larger stall_every, or neither",
			    text_time(t->stall_ns).s, text_time(t->stall_every_ns).s);
	if ((uint32_t)t->jitter > SERVICE_QUANTILES)
		refuse_disk(k, i,
			    "time.jitter = %u: not a choice; give SERVICE_STEADY, SERVICE_UNIFORM "
			    "or SERVICE_QUANTILES",
			    (uint32_t)t->jitter);
	if (k->refusals->count == before && service_time_check(t) != OK)
		refuse_disk(k, i,
			    "time.quantile_count = %u: 2 to %u quantiles lead from 0 to 1000000 "
			    "ppm, ppm increasing, times not decreasing and at most %s; correct "
			    "time.quantiles",
			    t->quantile_count, SERVICE_QUANTILE_MAX, text_time(SERVICE_NS_MAX).s);
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
			    ".DISKS() of no partition has a share of it; give one, or leave the "
			    "disk out");
	if (k->plan->disks[i].client_count > DISK_CLIENT_MAX)
		refuse_disk(k, i,
			    ".DISKS() of all partitions have %u shares of it; a disk has at most "
			    "%u: take %u out",
			    k->plan->disks[i].client_count, DISK_CLIENT_MAX,
			    k->plan->disks[i].client_count - DISK_CLIENT_MAX);
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
	if (has_own_name(k, i))
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

static void check_gpt_name(struct check *k, part_id_t part, uint32_t n, const struct disk_config *d)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];

	if (d->kind == DISK_MEMORY)
		refuse_partition(k, part,
				 "disks[%u].partition = %s: disk %s is RAM, which begins without "
				 "partitions; give first_sector and sector_count instead",
				 n, text_quoted(s->partition).s, text_quoted(d->name).s);
	else if (s->first_sector != 0 || s->sector_count != 0)
		refuse_partition(k, part,
				 "disks[%u].partition = %s: sectors from %llu, %llu of them, are "
				 "given, too; give one of the two",
				 n, text_quoted(s->partition).s, (ull)s->first_sector,
				 (ull)s->sector_count);
	else if (length_of(s->partition) == 0 || length_of(s->partition) > GPT_NAME_MAX)
		refuse_partition(k, part,
				 "disks[%u].partition = %s: GPT names have 1 to %u characters; "
				 "correct it",
				 n, text_quoted(s->partition).s, GPT_NAME_MAX);
}

static void check_range(struct check *k, part_id_t part, uint32_t n, const struct disk_config *d)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];
	const uint64_t sectors = d->bytes / BLOCK_SECTOR_BYTES;

	if (s->partition) {
		check_gpt_name(k, part, n, d);
		return;
	}
	if (!has_range(s))
		refuse_partition(k, part,
				 "disks[%u].first_sector = %llu, sector_count = %llu: not a range; "
				 "give both, or the name of a GPT partition",
				 n, (ull)s->first_sector, (ull)s->sector_count);
	else if (s->first_sector % ALIGN_SECTORS != 0 || s->sector_count % ALIGN_SECTORS != 0)
		refuse_partition(
			k, part,
			"disks[%u].first_sector = %llu, sector_count = %llu: both are "
			"multiples of %u (4 KiB), whatever blocks the disk has; give %llu "
			"and %llu",
			n, (ull)s->first_sector, (ull)s->sector_count, ALIGN_SECTORS,
			/* Down: no further than its own range goes, and all others' are aligned. */
			(ull)align_down(s->first_sector, ALIGN_SECTORS),
			(ull)max_u64(align_down(s->sector_count, ALIGN_SECTORS), ALIGN_SECTORS));
	else if (d->kind == DISK_MEMORY &&
		 (s->first_sector > sectors || s->sector_count > sectors - s->first_sector))
		refuse_partition(k, part,
				 "disks[%u].first_sector = %llu, sector_count = %llu: disk %s has "
				 "%llu; end there, or make it larger",
				 n, (ull)s->first_sector, (ull)s->sector_count,
				 text_quoted(d->name).s, (ull)sectors);
}

static bool overlap(const struct disk_share *a, const struct disk_share *b)
{
	if (!config_is_same_name(a->disk, b->disk) || (a->is_read_only && b->is_read_only))
		return false;
	if (a->partition || b->partition) /* a name and a range: compared at boot */
		return a->partition && b->partition &&
		       strncmp(a->partition, b->partition, GPT_NAME_MAX + 1) == 0;
	return has_range(a) && has_range(b) &&
	       a->first_sector < b->first_sector + b->sector_count &&
	       b->first_sector < a->first_sector + a->sector_count;
}

static void refuse_overlap(struct check *k, part_id_t part, uint32_t n, part_id_t other, uint32_t m)
{
	const struct disk_share *const s = &k->config->partitions[part].disks[n];

	if (s->partition)
		refuse_partition(k, part,
				 "disks[%u].partition = %s: %s has it already, as its disks[%u]; "
				 "only readers share: give another, or both .is_read_only",
				 n, text_quoted(s->partition).s, check_label(k, other).s, m);
	else
		refuse_partition(k, part,
				 "disks[%u].first_sector = %llu, sector_count = %llu: %s has some "
				 "of these already, as its disks[%u]; only readers share: give "
				 "others, or both .is_read_only",
				 n, (ull)s->first_sector, (ull)s->sector_count,
				 check_label(k, other).s, m);
}

/* Against all that stand before it in the configuration. */
static void check_is_alone(struct check *k, part_id_t part, uint32_t n)
{
	const struct disk_share *const mine = &k->config->partitions[part].disks[n];

	for (part_id_t i = 0; i <= part; i++) {
		const struct partition_config *const p = &k->config->partitions[i];

		for (uint32_t m = 0; m < share_count(p) && (i < part || m < n); m++)
			if (overlap(mine, &p->disks[m]))
				refuse_overlap(k, part, n, i, m);
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
	else if (!s->tasks && s->task_count != 0)
		refuse_partition(k, part,
				 "disks[%u].task_count = %u, but tasks is not given; give both, by "
				 ".TASKS(), or neither",
				 n, s->task_count);
	else if (disk_queue_count(s) > DISK_QUEUE_MAX)
		refuse_partition(k, part,
				 "disks[%u].task_count = %u: a task is a virtqueue, and a device "
				 "has at most %u; take %u out",
				 n, s->task_count, DISK_QUEUE_MAX, s->task_count - DISK_QUEUE_MAX);
	if (s->queue_size != 0 &&
	    (s->queue_size < QUEUE_SIZE_MIN || s->queue_size > QUEUE_SIZE_MAX ||
	     (s->queue_size & (s->queue_size - 1)) != 0))
		refuse_partition(k, part,
				 "disks[%u].queue_size = %u: a power of two from %u to %u; give "
				 "one, or 0 for %u",
				 n, s->queue_size, QUEUE_SIZE_MIN, QUEUE_SIZE_MAX, DISK_QUEUE_SIZE);
	for (uint32_t i = 0; i < DISK_QUEUE_MAX; i++)
		if (s->queue_weights[i] > DISK_WEIGHT_MAX)
			refuse_partition(k, part,
					 "disks[%u].queue_weights[%u] = %u: weights are 1 to %u; "
					 "give one of these, or 0 for %u",
					 n, i, s->queue_weights[i], DISK_WEIGHT_MAX, DISK_WEIGHT);
		else if (s->queue_weights[i] != 0 && i >= disk_queue_count(s))
			refuse_partition(
				k, part,
				"disks[%u].queue_weights[%u] = %u: there is no such queue; "
				"leave it out, or give queue_count = %u",
				n, i, s->queue_weights[i], i + 1);
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

	if (s->request_bytes != 0 && !rate_is_tuple(&s->bytes_per_s))
		refuse_partition(k, part,
				 "disks[%u].request_bytes = %u: it is what bytes_per_s is promised "
				 "for; give that, or leave it out",
				 n, s->request_bytes);
	if (s->weight > DISK_WEIGHT_MAX)
		refuse_partition(
			k, part,
			"disks[%u].weight = %u: weights are 1 to %u; give one of these, or 0 for %u",
			n, s->weight, DISK_WEIGHT_MAX, DISK_WEIGHT);
	if (has_budget && d->scheduler != DISK_BUDGET)
		refuse_partition(k, part,
				 "disks[%u].budget = %s in %s: the scheduler of disk %s has no "
				 "budgets of this kind; leave it out, or give the disk DISK_BUDGET",
				 n, text_size(s->budget_bytes).s, text_time(s->budget_period_ns).s,
				 text_quoted(d->name).s);
	else if (!has_budget && d->scheduler == DISK_BUDGET)
		refuse_partition(k, part,
				 "disks[%u].budget is not given; DISK_BUDGET serves by it: give "
				 "budget_bytes and budget_period_ns",
				 n);
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
		refuse_partition(
			k, part,
			"disks[%u].disk = %s: no disk has this name; correct it, or add it "
			"to .disks of the system",
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
	if (p->disk_count > CONFIG_SHARE_MAX ||
	    (p->disk_count != 0 && p->device_count <= CONFIG_DEVICE_MAX &&
	     p->disk_count + p->device_count > CONFIG_DEVICE_MAX))
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
	const uint32_t before = k->refusals->count;

	if (!c->disks && c->disk_count != 0)
		refuse_system(k, "disk_count = %u, but disks is not given; give both, or neither",
			      c->disk_count);
	if (c->disk_count > CONFIG_DISK_MAX)
		refuse_system(k, "disk_count = %u: at most %u are supported; take %u out",
			      c->disk_count, CONFIG_DISK_MAX, c->disk_count - CONFIG_DISK_MAX);
	for (uint32_t i = 0; i < k->disk_count; i++)
		check_disk(k, i);
	for (part_id_t i = 0; i < k->partition_count; i++)
		check_shares(k, i);
	/* Where a list is wrong, there is nothing to tune for. */
	for (uint32_t i = 0; i < k->disk_count && check_disk_tuning; i++)
		if (has_own_name(k, i))
			check_disk_tuning(k, i, before);
	for (uint32_t i = 0; i < k->disk_count && check_disk_rates; i++)
		if (has_own_name(k, i))
			check_disk_rates(k, i, before);
}
