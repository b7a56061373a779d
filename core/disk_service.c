/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/disk_service.c - requests on their way: kicks of guests, and steps of the service.
 *
 * A kick is the guest's own time: what it has made available is taken, ordered, and given to the disk.
 * What the disk has done is the service's: at most DISK_STEP_MAX requests a step. Neither waits for the
 * other longer than the lock is held.
 */
#include "arch/clock.h"
#include "arch/pc.h"
#include "core/disk.h"
#include "core/lib/assert.h"
#include "core/run.h"

struct disks disks;

/* ---- What it all costs: looked at in one of DISK_SAMPLE kicks and steps ---- */

static void choose_sample(struct disk_unit *u, uint32_t *number)
{
	u->is_sampled = (++*number & (DISK_SAMPLE - 1)) == 0;
}

static uint64_t begin_ticks(const struct disk_unit *u)
{
	return u->is_sampled ? arch_clock_now_tsc() : 0;
}

static void end_ticks(const struct disk_unit *u, uint64_t *account, uint64_t begin_tsc)
{
	if (u->is_sampled)
		*account += DISK_SAMPLE * (arch_clock_now_tsc() - begin_tsc);
}

/* ---- From the guest's ring to the scheduler ---- */

static void give_free(struct disk_client *c, struct block_request *r)
{
	r->next = c->free;
	c->free = r;
}

static void trace_request(const struct disk_unit *u, const struct block_request *r,
			  enum trace_io_event event)
{
	if (trace_disk)
		trace_disk(&(struct trace_io){ .event = event,
					       .disk = u->number,
					       .client = r->client,
					       .number = (uint32_t)(r->queue & 7) << 8 |
							 (r->vblk.chain_id & 0xff),
					       .sectors = r->sector_count });
}

static void add(struct disk_unit *u, struct disk_client *c, struct block_request *r,
		uint64_t now_tsc)
{
	uint64_t begin_tsc;

	ASSERT(r->sector_count == 0 ||
	       (r->sector >= c->vblk.config.first_sector &&
		r->sector + r->sector_count <=
			c->vblk.config.first_sector + c->vblk.config.sector_count));
	r->arrived_tsc = now_tsc;
	trace_request(u, r, TRACE_IO_TAKEN);
	begin_tsc = begin_ticks(u);
	iosched_add(&u->sched, r, now_tsc);
	end_ticks(u, &u->ticks.sched, begin_tsc);
}

/* A long one is as much work as some: of DISK_STEP_MAX. */
static uint32_t work_of(const struct block_request *r)
{
	return 1 + r->segment_count / DISK_STEP_SEGMENTS;
}

/* Up to `most` of work from one ring; that there may be more of it is remembered. The last may be a long one. */
static uint32_t take(struct disk_unit *u, struct disk_client *c, uint32_t queue, uint32_t most,
		     uint64_t now_tsc)
{
	struct block_request *r;
	uint32_t n = 0;

	/* Without a free one: one of them comes back, and then it is this ring's turn. */
	while (n < most && (r = c->free) != NULL) {
		struct block_request *const next = r->next;
		const enum err e = vblk_take(&c->vblk, queue, r);

		if (e == OK) {
			c->free = next;
			add(u, c, r, now_tsc);
			n += work_of(r);
			continue;
		}
		r->next = next;
		if (e != ERR_BUSY) { /* answered, or broken: the guest is to be told */
			c->touched |= BIT32(queue);
			u->touched |= BIT32(c->index);
		}
		if (e != ERR_RANGE) {
			c->more &= ~BIT32(queue);
			return n;
		}
		n += DISK_STEP_MAX / 2; /* nobody knows how long it was */
	}
	/* As many as had been asked for: nobody is to come back for nothing. */
	if (c->free && !u->is_polled && !vblk_want_kicks(&c->vblk, queue))
		c->more &= ~BIT32(queue);
	else
		c->more |= BIT32(queue);
	return (uint32_t)min_u64(n, most);
}

/* ---- From the scheduler to the disk ---- */

static void fail(struct disk_unit *u, struct block_request *r, enum err e)
{
	r->status = e == ERR_UNSUPPORTED ? BLOCK_UNSUPPORTED : BLOCK_IO_ERROR;
	r->next = u->failed;
	u->failed = r;
	u->due_tsc = 0;
}

static bool has_any(const struct disk_unit *u)
{
	return u->held || iosched_queued(&u->sched) > 0;
}

/* Of a life that is over: begun it must not be any more. It comes back undone. */
static bool undo_stale(struct disk_unit *u, struct block_request *r, uint64_t now_tsc)
{
	struct disk_client *const c = &u->clients[r->client];

	if (r->vblk.life == c->vblk.life)
		return false;
	iosched_done(&u->sched, r, now_tsc);
	vblk_end(&c->vblk, r);
	give_free(c, r);
	u->touched |= BIT32(c->index);
	u->due_tsc = 0; /* somebody may wait for it */
	return true;
}

static struct block_request *choose(struct disk_unit *u, uint64_t now_tsc)
{
	struct block_request *r = u->held;
	uint64_t again_tsc, begin_tsc;

	u->held = NULL;
	if (r)
		return r;
	begin_tsc = begin_ticks(u);
	r = iosched_next(&u->sched, now_tsc, &again_tsc);
	end_ticks(u, &u->ticks.sched, begin_tsc);
	u->due_tsc = min_u64(u->due_tsc, again_tsc);
	return r;
}

static enum err submit(struct disk_unit *u, struct block_request *r, uint64_t now_tsc)
{
	const uint64_t begin_tsc = begin_ticks(u);
	const enum err e = u->disk->ops->submit(u->disk, r, now_tsc);

	end_ticks(u, &u->ticks.device, begin_tsc);
	return e;
}

/* What scheduler and disk allow, at most DISK_STEP_MAX. True: there may be more. */
static bool pump(struct disk_unit *u, uint64_t now_tsc)
{
	struct block_request *r;
	uint64_t done_tsc, begin_tsc;
	bool any = false;
	uint32_t n = 0;

	for (; n < DISK_STEP_MAX && has_any(u) && (r = choose(u, now_tsc)) != NULL;
	     n += work_of(r)) {
		enum err e;

		if (undo_stale(u, r, now_tsc))
			continue;
		e = submit(u, r, now_tsc);
		if (e == ERR_BUSY) {
			u->held = r;
			break;
		}
		if (e != OK) {
			fail(u, r, e);
			continue;
		}
		any = true;
		trace_request(u, r, TRACE_IO_GIVEN);
	}
	if (!any)
		return n >= DISK_STEP_MAX;
	begin_tsc = begin_ticks(u);
	u->disk->ops->kick(u->disk);
	/* Only when there will be any. */
	(void)u->disk->ops->poll(u->disk, now_tsc, NULL, 0, &done_tsc);
	end_ticks(u, &u->ticks.device, begin_tsc);
	u->due_tsc = min_u64(u->due_tsc, done_tsc);
	return n >= DISK_STEP_MAX;
}

/* ---- From the disk to the guest's ring ---- */

static void end(struct disk_unit *u, struct block_request *r, uint64_t now_tsc)
{
	struct disk_client *const c = &u->clients[r->client];
	const uint64_t begin_tsc = begin_ticks(u);

	iosched_done(&u->sched, r, now_tsc);
	end_ticks(u, &u->ticks.sched, begin_tsc);
	disk_count(c, r, now_tsc);
	trace_request(u, r, TRACE_IO_DONE);
	vblk_end(&c->vblk, r);
	c->touched |= BIT32(r->queue);
	u->touched |= BIT32(c->index);
	give_free(c, r);
}

static void end_failed(struct disk_unit *u, uint64_t now_tsc)
{
	for (uint32_t n = 0; u->failed && n < DISK_STEP_MAX; n++) {
		struct block_request *const r = u->failed;

		u->failed = r->next;
		end(u, r, now_tsc);
	}
	if (u->failed)
		u->due_tsc = 0;
}

static void show(struct disk_client *c)
{
	for (; c->touched; c->touched &= c->touched - 1)
		c->vectors |= vblk_show(&c->vblk, (uint32_t)__builtin_ctz(c->touched)).vectors;
}

/* ---- Resets: what the client had in the scheduler comes back undone ---- */

/*
 * At most `most` of them, of a device whose reset is not over: nothing new is queued before all have come back.
 * What the disk has does when it is done.
 */
static uint32_t drop(struct disk_unit *u, struct disk_client *c, uint32_t most)
{
	struct block_request *r;
	uint32_t n = 0;

	while (n < most && (r = iosched_remove(&u->sched, c->index)) != NULL) {
		vblk_end(&c->vblk, r);
		give_free(c, r);
		n++;
	}
	u->touched |= BIT32(c->index);
	return n;
}

/* After vblk_reset(). A part now; the rest is the service's, and the guest's while it waits. */
static void abandon(struct disk_unit *u, struct disk_client *c)
{
	c->more = c->touched = 0;
	c->vectors = 0;
	if (drop(u, c, DISK_STEP_MAX) < DISK_STEP_MAX)
		return;
	u->waiting |= BIT32(c->index);
	u->due_tsc = 0;
}

/* ---- The guest's device ---- */

/* The service's next step is wanted when the unit says. */
static void give_and_ask(struct disk_unit *u)
{
	const uint64_t due_tsc = u->due_tsc;

	lock_give(&u->lock);
	if (!u->is_polled)
		service_want(SERVICE_DISKS, due_tsc);
}

static uint64_t read_model(void *context, uint64_t offset, uint32_t width)
{
	struct disk_client *const c = context;
	uint64_t value;

	lock_take(&c->unit->lock);
	if (vblk_is_resetting(&c->vblk)) /* for that it waits */
		(void)drop(c->unit, c, DISK_STEP_MAX);
	value = vblk_read(&c->vblk, offset, width);
	lock_give(&c->unit->lock);
	return value;
}

/*
 * What is done for a kick of these queues at a time. If there is more in them, and room for it, the guest makes
 * it again, where it can; what else is left is the service's.
 */
static void serve_kick(struct disk_unit *u, struct disk_client *c, uint32_t kicked,
		       uint64_t now_tsc, bool *again)
{
	uint32_t left = DISK_STEP_MAX;
	bool goes_on;

	c->more |= kicked;
	if (c->is_cut || !c->is_master)
		return;
	for (uint32_t queues = kicked; queues && left > 0; queues &= queues - 1)
		left -= take(u, c, (uint32_t)__builtin_ctz(queues), left, now_tsc);
	goes_on = pump(u, now_tsc);
	if (c->more) {
		u->waiting |= BIT32(c->index);
		goes_on |= c->free != NULL;
	}
	if (again && (c->more & kicked) && c->free)
		*again = true;
	else if (goes_on)
		u->due_tsc = 0;
}

/* *again: as of pc_model_ops.write_port(). NULL: what a kick leaves is the service's. */
static uint64_t write_device(struct disk_client *c, uint64_t offset, uint32_t width, uint64_t value,
			     bool *again)
{
	struct disk_unit *const u = c->unit;
	struct vblk_effect e;
	uint64_t now_tsc, vectors;

	lock_take(&u->lock);
	now_tsc = arch_clock_now_tsc(); /* and not before: others have told theirs meanwhile */
	choose_sample(u, &u->kick_number);
	e = vblk_write(&c->vblk, offset, width, value);
	c->vectors |= e.vectors;
	if (e.was_reset)
		abandon(u, c);
	c->kicks += e.kicked != 0;
	if (e.kicked && !u->is_polled)
		serve_kick(u, c, e.kicked, now_tsc, again);
	show(c);
	if (!c->is_cut)
		u->touched &= ~BIT32(c->index);
	vectors = c->vectors;
	c->vectors = 0;
	end_ticks(u, &u->ticks.kick, now_tsc);
	give_and_ask(u);
	return vectors;
}

static uint64_t write_model(void *context, uint64_t offset, uint32_t width, uint64_t value)
{
	return write_device(context, offset, width, value, NULL);
}

static uint64_t write_port(void *context, uint64_t offset, uint32_t width, uint64_t value,
			   bool *again)
{
	return write_device(context, VIRTIO_PCI_NOTIFY + offset, width, value, again);
}

static void cut(struct disk_unit *u, struct disk_client *c)
{
	if (c->is_cut)
		return;
	c->is_cut = true;
	(void)vblk_reset(&c->vblk);
	abandon(u, c);
}

/* What was made available meanwhile is looked at now. What the disk is at goes on. */
static void set_master(void *context, bool is_master)
{
	struct disk_client *const c = context;

	lock_take(&c->unit->lock);
	c->is_master = is_master;
	if (is_master && vblk_is_live(&c->vblk))
		c->more = BIT32(c->vblk.config.queue_count) - 1;
	if (c->more) {
		c->unit->waiting |= BIT32(c->index);
		c->unit->due_tsc = 0;
	}
	give_and_ask(c->unit);
}

static void reset_model(void *context)
{
	struct disk_client *const c = context;

	lock_take(&c->unit->lock);
	(void)vblk_reset(&c->vblk);
	abandon(c->unit, c);
	c->is_cut = c->wants_quiet = c->is_master = false;
	give_and_ask(c->unit);
}

const struct pc_model_ops disk_model = { read_model, write_model, write_port, set_master,
					 reset_model };

/* ---- Steps of the service ---- */

/* What kicks and resets have left; or, polled, whatever lies in the rings. */
static void look_at_rings(struct disk_unit *u, uint64_t now_tsc)
{
	uint32_t left = DISK_STEP_MAX;

	if (!u->waiting && !u->is_polled)
		return;
	for (uint32_t n = 0; n < u->client_count && left > 0; n++) {
		struct disk_client *const c = &u->clients[u->turn];
		uint32_t queues = u->is_polled ? BIT32(c->vblk.config.queue_count) - 1 : c->more;

		u->turn = u->turn + 1 < u->client_count ? u->turn + 1 : 0;
		if (vblk_is_resetting(&c->vblk))
			left -= drop(u, c, left);
		if (!c->more && left > 0)
			u->waiting &= ~BIT32(c->index);
		if (queues == 0 || c->is_cut || !c->is_master || !vblk_is_live(&c->vblk))
			continue;
		for (; queues && left > 0; queues &= queues - 1) {
			const uint32_t queue = (uint32_t)__builtin_ctz(queues);

			if (u->is_polled)
				vblk_refuse_kicks(&c->vblk, queue);
			left -= take(u, c, queue, left, now_tsc);
		}
	}
	if (left == 0)
		u->due_tsc = 0;
}

static void poll(struct disk_unit *u, uint64_t now_tsc)
{
	struct block_request *done[DISK_STEP_MAX];
	const uint64_t begin_tsc = begin_ticks(u);
	uint64_t again_tsc = TSC_NEVER;
	uint32_t count = u->disk->ops->poll(u->disk, now_tsc, done, DISK_STEP_MAX, &again_tsc);

	end_ticks(u, &u->ticks.device, begin_tsc);
	for (uint32_t i = 0; i < count; i++)
		end(u, done[i], now_tsc);
	u->due_tsc = min_u64(u->due_tsc, again_tsc);
}

static void serve_driver(struct disk_unit *u, uint64_t now_tsc)
{
	if (now_tsc >= u->serve_tsc || u->disk->state != DISK_UP)
		disk_step(u, now_tsc, &u->serve_tsc);
	u->due_tsc = min_u64(u->due_tsc, min_u64(u->serve_tsc, u->report_tsc));
}

/* Clients with messages, or that somebody waits for: told when the lock is given back. */
static uint32_t show_all(struct disk_unit *u)
{
	uint32_t clients = 0;

	for (; u->touched; u->touched &= u->touched - 1) {
		const uint32_t i = (uint32_t)__builtin_ctz(u->touched);
		struct disk_client *const c = &u->clients[i];

		show(c);
		c->sent = c->vectors;
		c->vectors = 0;
		c->is_quiet = c->wants_quiet && vblk_taken_count(&c->vblk) == 0;
		c->wants_quiet &= !c->is_quiet;
		c->messages += c->sent != 0;
		if (c->sent || c->is_quiet)
			clients |= BIT32(i);
	}
	return clients;
}

static void tell(struct disk_client *c)
{
	if (c->sent)
		run_notify(arch_pc_send(c->part, c->pc_index, c->sent));
	if (c->is_quiet)
		run_poke(BIT64(c->partition->vcpus[0].id));
}

static void serve_unit(struct disk_unit *u)
{
	uint64_t now_tsc;
	uint32_t clients;

	lock_take(&u->lock);
	now_tsc = arch_clock_now_tsc();
	choose_sample(u, &u->step_number);
	__atomic_store_n(&u->due_tsc, TSC_NEVER, __ATOMIC_RELAXED);
	end_failed(u, now_tsc);
	poll(u, now_tsc);
	look_at_rings(u, now_tsc);
	serve_driver(u, now_tsc); /* first: what a disk that recovers held up goes on at once */
	if (has_any(u) && pump(u, now_tsc))
		u->due_tsc = 0;
	clients = show_all(u);
	end_ticks(u, &u->ticks.service, now_tsc);
	lock_give(&u->lock);
	for (; clients; clients &= clients - 1)
		tell(&u->clients[__builtin_ctz(clients)]);
}

static uint64_t due_of(const struct disk_unit *u)
{
	return u->is_polled ? 0 : __atomic_load_n(&u->due_tsc, __ATOMIC_RELAXED);
}

/* Of those that are due, each has its turn. */
uint64_t disk_serve(uint64_t now_tsc)
{
	uint64_t next_tsc = TSC_NEVER;

	for (uint32_t n = 0; n < disks.count; n++) {
		struct disk_unit *const u = disks.units[disks.turn];

		disks.turn = disks.turn + 1 < disks.count ? disks.turn + 1 : 0;
		if (due_of(u) > now_tsc)
			continue;
		if (now_tsc < u->report_tsc || !disk_report(u, now_tsc))
			serve_unit(u);
		break;
	}
	for (uint32_t i = 0; i < disks.count; i++)
		next_tsc = min_u64(next_tsc, due_of(disks.units[i]));
	return next_tsc;
}

/* ---- Ends and restarts ---- */

static bool is_of(const struct disk_client *c, const struct partition *p)
{
	return c->partition == p;
}

/* Nothing of it is taken or begun any more. What the disk is at ends by itself, in its own memory. */
void disk_cut_off(const struct partition *p)
{
	if (p->config->disk_count == 0)
		return;
	for (uint32_t i = 0; i < disks.count; i++) {
		struct disk_unit *const u = disks.units[i];

		lock_take(&u->lock);
		for (uint32_t n = 0; n < u->client_count; n++)
			if (is_of(&u->clients[n], p))
				cut(u, &u->clients[n]);
		give_and_ask(u);
	}
}

bool disk_is_quiet(const struct partition *p)
{
	bool is_quiet = true;

	if (p->config->disk_count == 0)
		return true;
	for (uint32_t i = 0; i < disks.count; i++) {
		struct disk_unit *const u = disks.units[i];

		lock_take(&u->lock);
		for (uint32_t n = 0; n < u->client_count; n++) {
			struct disk_client *const c = &u->clients[n];

			if (!is_of(c, p))
				continue;
			cut(u, c);
			c->wants_quiet = vblk_taken_count(&c->vblk) != 0;
			is_quiet &= !c->wants_quiet;
		}
		give_and_ask(u);
	}
	return is_quiet;
}
