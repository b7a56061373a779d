/* SPDX-License-Identifier: Apache-2.0 */
/* core/disk.c - at boot: disks come up, and each share becomes a device in its guest's PC. */
#include "core/disk.h"
#include <string.h>
#include "arch/clock.h"
#include "arch/mem.h"
#include "arch/mp.h"
#include "arch/pc.h"
#include "core/lib/fmt.h"
#include "core/log.h"
#include "core/partition_memory.h"
#include "core/plan_disk.h"
#include "core/plan_text.h"
#include "drivers/memdisk/memdisk.h"

#define LIMIT_SEC   60u  /* until a disk is up */
#define BLOCK_BYTES 512u /* of a memory disk */

typedef unsigned long long ull;

static struct memdisk *memdisks[CONFIG_DISK_MAX];

static enum err refuse(const char **reason, enum err e, const char *format, ...) PRINTF(3, 4);
static enum err refuse(const char **reason, enum err e, const char *format, ...)
{
	static char text[200]; /* one thing at a time is at fault, and boot stops there */
	va_list args;

	va_start(args, format);
	fmt_text_v(text, sizeof(text), format, args);
	va_end(args);
	*reason = text;
	return e;
}

static uint64_t to_tsc(uint64_t ns)
{
	return mul_div(ns, arch_clock_tsc_hz(), SEC(1));
}

static uint64_t pages(uint64_t bytes)
{
	return align_up(bytes, PAGE_BYTES) / PAGE_BYTES;
}

/* ---- Disks ---- */

static struct disk *begin_memory(const struct disk_config *c, uint32_t i, const struct plan *plan,
				 const char **reason)
{
	const struct memdisk_config wanted = {
		.memory = arch_mem_at((hpa_t){ plan->disks[i].memory_base }),
		.bytes = c->bytes,
		.block_bytes = BLOCK_BYTES,
		.request_max_bytes = DISK_REQUEST_MAX_BYTES,
		.time = c->time,
		.tsc_hz = arch_clock_tsc_hz(),
	};

	memdisks[i] = arch_mem_take_pages(pages(sizeof(struct memdisk)));
	*reason = "no frames for it";
	if (!memdisks[i])
		return NULL;
	memset(wanted.memory, 0, wanted.bytes);
	*reason = "its times are none";
	return memdisk_begin(memdisks[i], &wanted, arch_clock_now_tsc()) == OK ? &memdisks[i]->disk
									       : NULL;
}

static const struct disk_driver *driver_of(const struct disk_config *c)
{
	if (c->kind == DISK_MEMORY)
		return NULL;
	return c->kind == DISK_NVME ? &disk_nvme : &disk_virtio;
}

static struct disk *begin(const struct disk_unit *u, uint32_t i, const struct plan *plan,
			  const char **reason)
{
	return u->driver ? u->driver->begin(u->config, i, reason)
			 : begin_memory(u->config, i, plan, reason);
}

static bool wait_for(struct disk_unit *u)
{
	const struct disk *const d = u->disk;
	const uint64_t limit_tsc = arch_clock_now_tsc() + LIMIT_SEC * arch_clock_tsc_hz();
	uint64_t again_tsc = 0;

	while (d->state != DISK_UP && d->state != DISK_GONE && arch_clock_now_tsc() < limit_tsc) {
		if (again_tsc <= arch_clock_now_tsc())
			disk_step(u, arch_clock_now_tsc(), &again_tsc);
		else
			arch_mp_relax();
	}
	return d->state == DISK_UP;
}

static void fill_claims(struct disk_unit *u, const struct plan_disk *planned)
{
	for (uint32_t i = 0; i < u->client_count; i++) {
		const struct disk_share *const s = u->clients[i].share;
		struct iosched_client_config *const c = &u->claims[i];

		*c = (struct iosched_client_config){
			.weight = plan_weight(s, planned, i),
			.queue_count = disk_queue_count(s),
			.has_async_writes = s->has_async_writes,
			.priority = s->priority,
			.budget_bytes = s->budget_bytes,
			.period_tsc = to_tsc(s->budget_period_ns),
		};
		for (uint32_t n = 0; n < c->queue_count; n++)
			c->queue_weights[n] = plan_queue_weight(s, planned->tuning, i, n);
	}
}

static enum err init_sched(struct disk_unit *u, const struct plan_disk *planned)
{
	const struct disk_tuned *const tuning = planned->tuning;
	static const enum iosched_kind kinds[] = { [DISK_BFQ] = IOSCHED_BFQ,
						   [DISK_FIFO] = IOSCHED_NONE,
						   [DISK_DEADLINE] = IOSCHED_DEADLINE,
						   [DISK_PRIORITY] = IOSCHED_PRIORITY,
						   [DISK_BUDGET] = IOSCHED_BUDGET };
	const struct disk_config *const d = u->config;
	struct iosched_config wanted = {
		.kind = kinds[d->scheduler],
		.client_count = u->client_count,
		.clients = u->claims,
		.depth = disk_default(d->depth, DISK_DEPTH),
		.slice_idle_tsc = to_tsc(plan_slice_idle_ns(d, tuning)),
		.is_strict = d->is_strict || tuning != NULL,
		.timeout_tsc = to_tsc(plan_timeout_ns(d, tuning)),
		.max_budget_bytes = disk_max_budget_bytes(d),
		.has_fixed_budgets = d->has_fixed_budgets,
		.read_expire_tsc = to_tsc(DISK_READ_EXPIRE_NS),
		.write_expire_tsc = to_tsc(DISK_WRITE_EXPIRE_NS),
		.tsc_hz = arch_clock_tsc_hz(),
	};

	if (d->audit_records != 0) {
		u->audit =
			arch_mem_take_pages(pages(d->audit_records * sizeof(struct iosched_audit)));
		if (!u->audit)
			return ERR_NOMEM;
		wanted.audit = u->audit;
		wanted.audit_mask = d->audit_records - 1;
	}
	fill_claims(u, planned);
	return iosched_init(&u->sched, &wanted);
}

/* ---- Clients ---- */

static enum err make_requests(struct disk_client *c)
{
	struct block_request *const all =
		arch_mem_take_pages(pages(c->request_count * sizeof(*all)));

	if (!all)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < c->request_count; i++) {
		all[i].next = c->free;
		c->free = &all[i];
	}
	return OK;
}

/* NULL: it is one. */
static const char *range_fault(const struct disk_client *c, const struct vblk_config *v)
{
	const uint64_t blocks = v->block_bytes / BLOCK_SECTOR_BYTES;
	const uint64_t all = c->unit->disk->facts.sector_count;

	if (v->first_sector > all || v->sector_count > all - v->first_sector)
		return "it is not all on the disk";
	if (v->first_sector % blocks != 0 || v->sector_count % blocks != 0)
		return "it is no whole number of the disk's blocks";
	for (const struct disk_client *o = c->unit->clients; o < c; o++)
		if (!(c->share->is_read_only && o->share->is_read_only) &&
		    v->first_sector < o->vblk.config.first_sector + o->vblk.config.sector_count &&
		    o->vblk.config.first_sector < v->first_sector + v->sector_count)
			return "another share has some of it";
	return NULL;
}

static enum err find_range(struct disk_client *c, struct vblk_config *v, const char **reason)
{
	const char *why = NULL;

	v->first_sector = c->share->first_sector;
	v->sector_count = c->share->sector_count;
	if (c->share->partition)
		why = disk_find_partition(c->unit, c->share->partition, &v->first_sector,
					  &v->sector_count);
	if (!why)
		why = range_fault(c, v);
	if (!why)
		return OK;
	return refuse(
		reason, ERR_RANGE,
		"partition '%s': its share of disk '%s'%s%s, sectors from %llu, %llu of them: "
		"%s; the disk has %llu: correct the share, or the disk",
		c->partition->config->name, c->unit->config->name,
		c->share->partition ? ", GPT partition " : "",
		c->share->partition ? c->share->partition : "", (ull)v->first_sector,
		(ull)v->sector_count, why, (ull)c->unit->disk->facts.sector_count);
}

static enum err make_device(struct disk_client *c, const char **reason)
{
	const struct disk_facts *const f = &c->unit->disk->facts;
	const struct disk_share *const s = c->share;
	struct vblk_config wanted = {
		.block_bytes = f->block_bytes,
		.request_max_bytes = (uint32_t)min_u64(f->request_max_bytes, disk_request_max(s)),
		.queue_count = disk_queue_count(s),
		.queue_size = (uint16_t)disk_queue_size(s),
		.is_read_only = s->is_read_only,
		.has_discard = f->has_discard,
		.has_write_zeroes = f->has_write_zeroes,
		.is_writethrough = s->is_writethrough,
		.has_cache = f->has_cache,
		.client = (uint16_t)c->index,
	};
	enum err e = find_range(c, &wanted, reason);

	if (e != OK)
		return e;
	fmt_text(wanted.serial, sizeof(wanted.serial), "%s", c->unit->config->name);
	e = vblk_init(&c->vblk, &wanted, &c->memory);
	return e == OK ? OK
		       : refuse(reason, e, "partition '%s': its share of disk '%s' is no device",
				c->partition->config->name, c->unit->config->name);
}

static enum err make_client(struct disk_unit *u, struct partition *p, const struct disk_share *s,
			    const char **reason)
{
	struct disk_client *const c = &u->clients[u->client_count];
	struct pc_model model = { .ops = &disk_model, .context = c, .io_bar = VIRTIO_PCI_IO_BAR };
	enum err e;

	*c = (struct disk_client){ .unit = u,
				   .partition = p,
				   .part = (part_id_t)(p - partitions),
				   .share = s,
				   .index = u->client_count,
				   .request_count = disk_request_count(s) };
	e = partition_describe_memory(p, &c->memory);
	if (e == OK)
		e = make_requests(c);
	if (e != OK)
		return refuse(reason, e, "partition '%s': no frames for its share of disk '%s'",
			      p->config->name, u->config->name);
	e = make_device(c, reason);
	if (e != OK)
		return e;
	vblk_facts(&c->vblk, &model.facts);
	e = arch_pc_add_model((part_id_t)(p - partitions), &model, &c->pc_index);
	if (e != OK)
		return refuse(reason, e, "partition '%s': its PC has no place for disk '%s'",
			      p->config->name, u->config->name);
	u->client_count++;
	log_line(p->tag, "has sectors %llu to %llu of disk %s", (ull)c->vblk.config.first_sector,
		 (ull)(c->vblk.config.first_sector + c->vblk.config.sector_count - 1),
		 u->config->name);
	return OK;
}

static enum err make_clients(struct disk_unit *u, const struct config *system, const char **reason)
{
	enum err e = OK;

	for (part_id_t i = 0; i < partition_count; i++) {
		const struct partition_config *const p = &system->partitions[i];

		for (uint32_t n = 0; n < p->disk_count && e == OK; n++)
			if (disk_is_on(&p->disks[n], u->config))
				e = make_client(u, &partitions[i], &p->disks[n], reason);
	}
	return e;
}

/* ---- Start ---- */

static void say(const struct disk_unit *u)
{
	const struct disk_facts *const f = &u->disk->facts;

	log_line(u->tag, "%s%s%s, %llu MiB in blocks of %u, %s cache; %s, %u at a time, %u share%s",
		 u->disk->ops->name, f->model[0] ? ": " : "", f->model,
		 (ull)(f->sector_count / 2048), f->block_bytes, f->has_cache ? "with a" : "no",
		 iosched_name(u->sched.config.kind), u->sched.config.depth, u->client_count,
		 u->client_count == 1 ? "" : "s");
}

static uint64_t to_us(uint64_t tsc)
{
	return mul_div(tsc, SEC(1) / US(1), arch_clock_tsc_hz());
}

/* What the scheduler has of what the optimizer found. */
static void say_settings(const struct disk_unit *u)
{
	log_machine("{\"tuned_disk\":\"%s\",\"slice_idle_us\":%llu,\"timeout_us\":%llu}",
		    u->config->name, (ull)to_us(u->sched.config.slice_idle_tsc),
		    (ull)to_us(u->sched.config.timeout_tsc));
	for (uint32_t i = 0; i < u->client_count; i++) {
		const struct iosched_client_config *const c = &u->sched.config.clients[i];
		char text[DISK_QUEUE_MAX * 6 + 1];
		struct text weights = text_begin(text, sizeof(text));

		for (uint32_t n = 0; n < c->queue_count; n++)
			text_add(&weights, "%s%u", n ? "," : "", c->queue_weights[n]);
		log_machine("{\"tuned_disk\":\"%s\",\"share_of\":\"%s\",\"weight\":%u,"
			    "\"queue_weights\":[%s]}",
			    u->config->name, u->clients[i].partition->config->name, c->weight,
			    text);
	}
}

static enum err start_unit(const struct config *system, const struct plan *plan, uint32_t i,
			   const char **reason)
{
	const struct disk_config *const d = &system->disks[i];
	struct disk_unit *const u = arch_mem_take_pages(pages(sizeof(*u)));
	const char *why = "no frames for it";
	enum err e;

	if (!u)
		return refuse(reason, ERR_NOMEM, "disk '%s': %s", d->name, why);
	u->config = d;
	u->number = i;
	u->is_polled = system->service.kind == CPU_OWNED;
	u->due_tsc = u->serve_tsc = 0;
	u->ns_per_tick = (uint64_t)(((unsigned __int128)SEC(1) << 32) / arch_clock_tsc_hz());
	u->report_tsc = d->report_ns != 0 ? arch_clock_now_tsc() + to_tsc(d->report_ns) : TSC_NEVER;
	fmt_text(u->tag, sizeof(u->tag), "disk %s", d->name);
	u->clients = arch_mem_take_pages(pages(plan->disks[i].client_count * sizeof(*u->clients)));
	u->driver = driver_of(d);
	u->disk = u->clients ? begin(u, i, plan, &why) : NULL;
	if (!u->disk || !wait_for(u))
		return refuse(reason, ERR_NODEV, "disk '%s': it does not come up: %s", d->name,
			      u->disk && u->disk->why ? u->disk->why : why);
	u->disk->poll_tsc = to_tsc(d->poll_ns ? d->poll_ns : DISK_POLL_NS);
	e = make_clients(u, system, reason);
	if (e != OK)
		return e;
	if (init_sched(u, &plan->disks[i]) != OK)
		return refuse(reason, ERR_NOMEM, "disk '%s': its scheduler cannot be set up",
			      d->name);
	disks.units[disks.count++] = u;
	say(u);
	if (plan->disks[i].tuning)
		say_settings(u);
	return OK;
}

static enum err start(const struct config *system, const struct plan *plan, const char **reason)
{
	enum err e = OK;

	for (uint32_t i = 0; i < system->disk_count && e == OK; i++)
		e = start_unit(system, plan, i, reason);
	return e;
}

const struct service_ops disk_service = { start, disk_serve, disk_cut_off, disk_is_quiet,
					  disk_summary };
