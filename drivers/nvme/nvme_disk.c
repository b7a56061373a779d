/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/nvme/nvme_disk.c - a disk out of a controller: bring-up, recovery, SMART, operations.
 *
 *	DOWN --READY, the disk is known--> HEALTH --SMART was read or refused--> OPEN
 *	  ^                                                                       |
 *	  +----------------------- the controller is not READY --------------------+
 */
#include "drivers/nvme/nvme_disk.h"
#include "drivers/nvme/nvme_disk_priv.h"
#include "drivers/nvme/nvme_priv.h"
#include <string.h>

#define POLL_NS US(10) /* between looks while something is in flight */

enum phase { DOWN, HEALTH, OPEN };

static struct nvme_disk *of(struct disk *d)
{
	return (struct nvme_disk *)(void *)d;
}

static uint64_t to_tsc(const struct nvme_disk *n, uint64_t ns)
{
	return mul_div(ns, n->config.controller.tsc_hz, SEC(1));
}

/* --- what it is --------------------------------------------------------------------------------------- */

static const struct nvme_namespace *find_namespace(const struct nvme_disk *n)
{
	if (n->config.nsid)
		return nvme_namespace(&n->d, n->config.nsid);
	for (uint32_t i = 0; i < n->d.namespace_count; i++)
		if (n->d.namespaces[i].is_usable)
			return &n->d.namespaces[i];
	return NULL;
}

static void set_facts(struct nvme_disk *n, const struct nvme_namespace *ns)
{
	const struct nvme_identity *id = &n->d.id;
	struct disk_facts *f = &n->disk.facts;

	n->nsid = ns->nsid;
	n->block_shift = ns->block_shift;
	f->block_bytes = 1u << ns->block_shift;
	f->sector_count = ns->block_count << (ns->block_shift - 9);
	f->request_max_bytes = n->config.request_max_bytes;
	f->has_cache = id->has_cache;
	f->has_discard = id->has_dsm;
	f->has_write_zeroes = id->has_write_zeroes;
	memcpy(f->model, id->model, sizeof(f->model));
	memcpy(f->serial, id->serial, sizeof(f->serial));
	memcpy(f->firmware, id->firmware, sizeof(f->firmware));
	/* Whole blocks, as a page is. */
	n->command_max_bytes =
		min_u64(id->transfer_max_bytes, (uint64_t)NVME_DISK_PAGES * PAGE_BYTES);
}

/* After a reset nothing may have changed that requests were made for. */
static const char *what_has_changed(const struct nvme_disk *n, const struct nvme_namespace *ns)
{
	const struct disk_facts *f = &n->disk.facts;

	if (strncmp(f->serial, n->d.id.serial, sizeof(f->serial)) != 0 || ns->nsid != n->nsid)
		return "another disk answers after its reset";
	if (ns->block_shift != n->block_shift ||
	    ns->block_count << (ns->block_shift - 9) < f->sector_count)
		return "the namespace has changed with its reset";
	return NULL;
}

/* NULL: it is the disk that we want. */
static const char *recognize(struct nvme_disk *n)
{
	const struct nvme_namespace *ns = find_namespace(n);

	if (!ns)
		return "no such namespace, or none that is usable";
	if (n->was_up)
		return what_has_changed(n, ns);
	set_facts(n, ns);
	return NULL;
}

/* --- SMART --------------------------------------------------------------------------------------------- */

static bool has_lost_power(const struct nvme_disk *n, const struct nvme_smart *now)
{
	return n->smart_tsc != 0 && (now->power_cycles != n->smart.power_cycles ||
				     now->unsafe_shutdowns != n->smart.unsafe_shutdowns);
}

/* The write cache went with the power, and with it what nobody had flushed. */
static void lose_cache(struct nvme_disk *n)
{
	n->lost_cache |= n->dirty | n->flushing;
	n->dirty = n->flushing = 0;
}

static enum err take_smart(struct nvme_disk *n, uint64_t now_tsc)
{
	struct nvme_smart smart;
	const enum err e = nvme_smart_take(&n->d, &smart);

	if (e == ERR_BUSY)
		return e;
	n->is_smart_asked = false;
	n->smart_due_tsc = now_tsc + to_tsc(n, NVME_DISK_SMART_NS);
	/* Refused after a reset, and was given before: nobody knows then. */
	if (e == OK ? has_lost_power(n, &smart) : n->phase == HEALTH && n->smart_tsc != 0)
		lose_cache(n);
	if (e == OK) {
		n->smart = smart;
		n->smart_tsc = now_tsc;
	}
	return e;
}

static void ask_smart(struct nvme_disk *n, uint64_t now_tsc)
{
	if (nvme_smart_start(&n->d, now_tsc) == OK)
		n->is_smart_asked = true;
}

const struct nvme_smart *nvme_disk_smart(const struct nvme_disk *n, uint64_t *taken_tsc)
{
	*taken_tsc = n->smart_tsc;
	return n->smart_tsc ? &n->smart : NULL;
}

/* --- serve() -------------------------------------------------------------------------------------------- */

static void lose_disk(struct nvme_disk *n, const char *why)
{
	n->disk.state = DISK_GONE;
	n->disk.why = why;
	nvme_parts_fail(n);
}

static void open_disk(struct nvme_disk *n)
{
	n->phase = OPEN;
	n->was_up = true;
	/* Fewer may have been granted than before. */
	n->submit_queue %= n->d.io_granted_count;
	n->cut_queue %= n->d.io_granted_count;
	n->disk.state = DISK_UP;
	n->disk.why = NULL;
}

static void serve_ready(struct nvme_disk *n, uint64_t now_tsc)
{
	const char *why;

	if (n->phase == DOWN) {
		why = recognize(n);
		if (why) {
			nvme_give_up(&n->d);
			lose_disk(n, why);
			return;
		}
		n->is_smart_asked = false;
		n->phase = HEALTH;
	}
	if (n->is_smart_asked)
		(void)take_smart(n, now_tsc);
	else if (n->phase == HEALTH || now_tsc >= n->smart_due_tsc)
		ask_smart(n, now_tsc);
	if (n->phase == HEALTH && !n->is_smart_asked)
		open_disk(n);
}

static void serve_down(struct nvme_disk *n, enum nvme_state state)
{
	n->phase = DOWN;
	n->disk.why = nvme_fault_text(n->d.fault);
	if (state == NVME_FAILED)
		lose_disk(n, n->disk.why);
	else if (state == NVME_STOPPED)
		lose_disk(n, "it was shut down");
	else if (n->disk.state == DISK_UP)
		n->disk.state = DISK_RECOVERING;
}

static enum disk_state serve(struct disk *d, uint64_t now_tsc, uint64_t *again_tsc)
{
	struct nvme_disk *const n = of(d);
	const enum nvme_state state = nvme_step(&n->d, now_tsc, again_tsc);

	d->reset_count = n->d.reset_count;
	if (d->state != DISK_GONE && state == NVME_READY)
		serve_ready(n, now_tsc);
	else if (d->state != DISK_GONE)
		serve_down(n, state);
	if (n->phase == OPEN)
		*again_tsc = min_u64(*again_tsc, n->smart_due_tsc);
	else if (d->state != DISK_GONE && nvme_disk_needs(n) == NVME_DISK_NOTHING)
		*again_tsc = min_u64(*again_tsc, now_tsc + n->d.poll_tsc);
	/* Queues that a reset has closed want an owner's poll, empty ones too. */
	nvme_parts_go_on(n, now_tsc);
	return d->state;
}

/* --- the other operations -------------------------------------------------------------------------------- */

static enum err submit(struct disk *d, struct block_request *r, uint64_t now_tsc)
{
	struct nvme_disk *const n = of(d);
	enum err e;

	if (d->state == DISK_GONE) {
		r->status = BLOCK_IO_ERROR;
		nvme_parts_finish(n, r);
		d->in_flight++;
		return OK;
	}
	if (d->state != DISK_UP)
		return ERR_BUSY;
	e = disk_check(&d->facts, r);
	if (e == OK)
		e = nvme_parts_begin(n, r, now_tsc);
	d->in_flight += e == OK;
	return e;
}

static void kick(struct disk *d)
{
	struct nvme_disk *const n = of(d);

	for (uint32_t i = 0; i < n->queue_count; i++)
		nvme_io_kick(&n->queues[i]);
}

static uint32_t poll(struct disk *d, uint64_t now_tsc, struct block_request *done[], uint32_t max,
		     uint64_t *again_tsc)
{
	struct nvme_disk *const n = of(d);
	uint32_t count = 0;

	nvme_parts_go_on(n, now_tsc);
	while (count < max && n->done_first) {
		done[count++] = n->done_first;
		n->done_first = n->done_first->next;
	}
	d->in_flight -= count;
	*again_tsc = d->in_flight == 0 ? TSC_NEVER : now_tsc + (n->done_first ? 0 : d->poll_tsc);
	return count;
}

static const struct disk_ops ops = { "NVMe", serve, submit, kick, poll };

void nvme_disk_use_queue(struct nvme_disk *n, uint32_t core)
{
	if (n->phase == OPEN)
		n->submit_queue = core % n->d.io_granted_count;
}

/* --- the caller's part ------------------------------------------------------------------------------------ */

enum nvme_disk_need nvme_disk_needs(const struct nvme_disk *n)
{
	if (n->d.state == NVME_WANTS_FLR)
		return NVME_DISK_FLR;
	return n->d.state == NVME_FAILED && !n->is_blocked ? NVME_DISK_BLOCK : NVME_DISK_NOTHING;
}

void nvme_disk_after_flr(struct nvme_disk *n, uint64_t now_tsc)
{
	nvme_after_flr(&n->d, now_tsc);
}

void nvme_disk_after_block(struct nvme_disk *n)
{
	nvme_give_up(&n->d);
	nvme_after_block(&n->d);
	n->is_blocked = true;
}

enum err nvme_disk_shutdown(struct nvme_disk *n, uint64_t now_tsc)
{
	return n->disk.in_flight ? ERR_BUSY : nvme_shutdown(&n->d, now_tsc);
}

/* --- the beginning ------------------------------------------------------------------------------------------ */

uint64_t nvme_disk_memory_bytes(uint32_t queue_count, uint16_t depth)
{
	return NVME_MEMORY_BYTES + queue_count * nvme_io_memory_bytes(depth, NVME_DISK_PAGES) +
	       NVME_DISK_BOUNCE_MAX * (uint64_t)PAGE_BYTES;
}

static struct nvme_memory slice(struct nvme_memory *rest, uint64_t bytes)
{
	const struct nvme_memory m = { rest->at, rest->hpa, bytes };

	rest->at = (uint8_t *)rest->at + bytes;
	rest->hpa.v += bytes;
	rest->bytes -= bytes;
	return m;
}

/* Where doorbells lie beyond what is mapped, fewer queues have to do. */
static enum err add_queues(struct nvme_disk *n, struct nvme_memory *rest)
{
	const uint64_t bytes = nvme_io_memory_bytes(n->config.depth, NVME_DISK_PAGES);
	enum err e = OK;

	for (uint32_t i = 0; i < n->config.queue_count && e == OK; i++) {
		const struct nvme_io_config c = { .memory = slice(rest, bytes),
						  .slots = n->slots[i],
						  .slot_count = n->config.depth,
						  .page_count = NVME_DISK_PAGES };

		e = nvme_io_add(&n->d, &n->queues[i], &c);
		n->queue_count += e == OK;
	}
	return n->queue_count > 0 ? OK : e;
}

static bool is_config_valid(const struct nvme_disk_config *c)
{
	return c->queue_count >= 1 && c->queue_count <= NVME_DISK_QUEUE_MAX && c->depth >= 1 &&
	       c->depth <= NVME_DISK_DEPTH_MAX && c->request_max_bytes >= PAGE_BYTES &&
	       c->request_max_bytes % PAGE_BYTES == 0 && c->memory.at;
}

enum err nvme_disk_begin(struct nvme_disk *n, const struct nvme_disk_config *config,
			 uint64_t now_tsc)
{
	struct nvme_memory rest = config->memory;
	struct nvme_memory bounce;
	enum err e;

	memset(n, 0, sizeof(*n));
	n->disk = (struct disk){ .ops = &ops, .state = DISK_GONE, .why = "its configuration" };
	if (!is_config_valid(config))
		return ERR_INVAL;
	if (rest.bytes < nvme_disk_memory_bytes(config->queue_count, config->depth))
		return ERR_NOMEM;
	n->config = *config;
	n->config.controller.memory = slice(&rest, NVME_MEMORY_BYTES);
	bounce = slice(&rest, NVME_DISK_BOUNCE_MAX * (uint64_t)PAGE_BYTES);
	n->bounce = bounce.at;
	n->bounce_hpa = bounce.hpa;
	nvme_parts_init(n);
	e = nvme_init(&n->d, &n->config.controller, now_tsc);
	n->disk.why = nvme_fault_text(n->d.fault);
	if (e != OK)
		return e;
	e = add_queues(n, &rest);
	n->disk.why = "no room for its queues";
	if (e != OK)
		return e;
	n->disk.poll_tsc = to_tsc(n, POLL_NS);
	n->disk.state = DISK_COMING_UP;
	n->disk.why = NULL;
	return OK;
}
