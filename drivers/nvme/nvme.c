/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/nvme/nvme.c - the life of a controller: reset, enable, watch, recover, shut down.
 *
 * The drawing is in nvme.h. Each state has one function, which nvme_step() calls once.
 */
#include "core/lib/assert.h"
#include "drivers/nvme/nvme_priv.h"
#include <string.h>

/* The second fault in a row: a Controller Reset has not helped. */
#define FAULTS_BEFORE_FLR 2u
/* Completions of the admin queue taken in one call. */
#define ADMIN_BATCH NVME_ADMIN_SLOTS
/* Where RTD3E says nothing. */
#define SHUTDOWN_NS SEC(5)

static const char *const fault_texts[NVME_FAULT_COUNT] = {
	[NVME_FAULT_NONE] = "none",
	[NVME_FAULT_GONE] = "registers read as all ones",
	[NVME_FAULT_FATAL_STATUS] = "it reports a fatal error (CSTS.CFS)",
	[NVME_FAULT_READY_TIMEOUT] = "it does not get ready",
	[NVME_FAULT_DISABLE_TIMEOUT] = "it cannot be disabled",
	[NVME_FAULT_ADMIN_TIMEOUT] = "an admin command is not completed",
	[NVME_FAULT_IO_TIMEOUT] = "an I/O command is not completed",
	[NVME_FAULT_QUEUE_ID] = "a completion names another queue",
	[NVME_FAULT_COMMAND_ID] = "a completion of a command that is not in flight",
	[NVME_FAULT_QUEUE_HEAD] = "a completion with an impossible queue position",
	[NVME_FAULT_COMMAND] = "a command of the bring-up failed",
	[NVME_FAULT_DATA] = "its own description contradicts the specification",
	[NVME_FAULT_UNSUPPORTED] = "page size, command set or queue entry size is unsupported",
	[NVME_FAULT_REQUESTED] = "requested",
};

static const char *const state_texts[NVME_STATE_COUNT] = {
	[NVME_DISABLING] = "being disabled",
	[NVME_WANTS_FLR] = "waiting for a function level reset",
	[NVME_COLLECTING] = "waiting for lost commands to be taken back",
	[NVME_ENABLING] = "being enabled",
	[NVME_IDENTIFYING] = "being identified",
	[NVME_READY] = "ready",
	[NVME_SHUTTING_DOWN] = "shutting down",
	[NVME_STOPPED] = "stopped",
	[NVME_FAILED] = "given up",
};

const char *nvme_fault_text(enum nvme_fault fault)
{
	return (uint32_t)fault < NVME_FAULT_COUNT ? fault_texts[fault] : "unknown";
}

const char *nvme_state_text(enum nvme_state state)
{
	return (uint32_t)state < NVME_STATE_COUNT ? state_texts[state] : "unknown";
}

/* --- into and out of trouble ---------------------------------------------------------------------- */

static void start_disable(struct nvme *d, uint64_t now_tsc)
{
	nvme_io_close(d);
	d->state = NVME_DISABLING;
	d->is_en_cleared = false;
	d->deadline_tsc = now_tsc + d->ready_tsc;
}

/* It may still be alive: what it holds comes back only after nvme_after_block(). */
static void give_up(struct nvme *d)
{
	nvme_io_close(d);
	nvme_write(d, NVME_CC, 0);
	d->state = NVME_FAILED;
}

static void fault(struct nvme *d, enum nvme_fault what, uint64_t now_tsc)
{
	d->fault = what;
	d->fault_count++;
	d->faults_in_row++;
	if (what == NVME_FAULT_GONE || what == NVME_FAULT_UNSUPPORTED ||
	    d->faults_in_row >= d->config.fault_limit) {
		give_up(d);
		return;
	}
	d->wants_flr |= d->faults_in_row >= FAULTS_BEFORE_FLR;
	d->reset_count++;
	start_disable(d, now_tsc);
}

/* Nothing that the controller was told before has a meaning any more. */
static void forget(struct nvme *d)
{
	d->admin.owner = NULL;
	d->admin.is_done = false;
	nvme_queue_reset(&d->admin.queue);
	d->epoch++;
}

/* CSTS.RDY is 0: no command is being processed, no queue exists. */
static void on_disabled(struct nvme *d)
{
	if (d->wants_flr) {
		d->state = NVME_WANTS_FLR;
		return;
	}
	forget(d);
	nvme_io_collect(d);
	d->state = d->is_stopping ? NVME_STOPPED : NVME_COLLECTING;
}

/* --- one function per state ------------------------------------------------------------------------ */

/*
 * "Controller Configuration": CC.EN is cleared only when the controller has got ready after it was
 * set, or has failed.
 */
static void step_disabling(struct nvme *d, uint64_t now_tsc)
{
	const uint32_t csts = nvme_read(d, NVME_CSTS);
	const uint32_t cc = nvme_read(d, NVME_CC);

	if (csts == NVME_GONE) {
		fault(d, NVME_FAULT_GONE, now_tsc);
		return;
	}
	if (!d->is_en_cleared) {
		if ((cc & NVME_CC_EN) && !(csts & (NVME_CSTS_RDY | NVME_CSTS_CFS)) &&
		    now_tsc < d->deadline_tsc)
			return;
		if (cc & NVME_CC_EN)
			nvme_write(d, NVME_CC, cc & ~(NVME_CC_EN | NVME_CC_SHN_MASK));
		d->is_en_cleared = true;
		d->deadline_tsc = now_tsc + d->ready_tsc;
		return;
	}
	if (!(csts & NVME_CSTS_RDY)) {
		on_disabled(d);
	} else if (now_tsc >= d->deadline_tsc) {
		fault(d, NVME_FAULT_DISABLE_TIMEOUT, now_tsc);
		/* A Controller Reset has just been shown not to work. */
		if (d->state == NVME_DISABLING)
			d->state = NVME_WANTS_FLR;
	}
}

static void step_collecting(struct nvme *d, uint64_t now_tsc)
{
	uint32_t cc = NVME_CC_IOSQES | NVME_CC_IOCQES | NVME_CC_EN;

	if (!nvme_io_is_collected(d))
		return;
	__atomic_store_n(&d->pending_fault, NVME_FAULT_NONE, __ATOMIC_RELAXED);
	cc |= d->cap & NVME_CAP_CSS_NVM ? NVME_CC_CSS_NVM : NVME_CC_CSS_IOCSS;
	nvme_write(d, NVME_AQA, NVME_AQA_SIZES(NVME_ADMIN_ENTRIES));
	nvme_write(d, NVME_ASQ, (uint32_t)d->admin.queue.sq_hpa.v);
	nvme_write(d, NVME_ASQ + 4, (uint32_t)(d->admin.queue.sq_hpa.v >> 32));
	nvme_write(d, NVME_ACQ, (uint32_t)d->admin.queue.cq_hpa.v);
	nvme_write(d, NVME_ACQ + 4, (uint32_t)(d->admin.queue.cq_hpa.v >> 32));
	nvme_write(d, NVME_CC, cc);
	d->state = NVME_ENABLING;
	d->deadline_tsc = now_tsc + d->ready_tsc;
}

static void step_enabling(struct nvme *d, uint64_t now_tsc)
{
	if (nvme_read(d, NVME_CSTS) & NVME_CSTS_RDY) {
		nvme_bringup_begin(d);
		d->state = NVME_IDENTIFYING;
	} else if (now_tsc >= d->deadline_tsc) {
		fault(d, NVME_FAULT_READY_TIMEOUT, now_tsc);
	}
}

static void poll_admin(struct nvme *d, uint64_t now_tsc)
{
	enum nvme_fault what = NVME_FAULT_NONE;
	struct nvme_done done;
	uint32_t n = 0;

	while (n < ADMIN_BATCH && nvme_queue_take(&d->admin.queue, &done, &what)) {
		d->admin.done = done;
		d->admin.is_done = true;
		n++;
	}
	if (n > 0)
		nvme_queue_give_back(d, &d->admin.queue);
	if (what != NVME_FAULT_NONE)
		fault(d, what, now_tsc);
	else if (now_tsc >= nvme_queue_deadline(&d->admin.queue))
		fault(d, NVME_FAULT_ADMIN_TIMEOUT, now_tsc);
}

static void step_identifying(struct nvme *d, uint64_t now_tsc)
{
	bool is_complete = false;
	enum nvme_fault what;

	poll_admin(d, now_tsc);
	if (d->state != NVME_IDENTIFYING)
		return;
	what = nvme_bringup_step(d, now_tsc, &is_complete);
	if (what != NVME_FAULT_NONE) {
		fault(d, what, now_tsc);
	} else if (is_complete) {
		d->state = NVME_READY;
		d->good_tsc = now_tsc + mul_div(NVME_GOOD_NS, d->config.tsc_hz, SEC(1));
	}
}

static void step_ready(struct nvme *d, uint64_t now_tsc)
{
	poll_admin(d, now_tsc);
	if (d->state == NVME_READY && now_tsc >= d->good_tsc)
		d->faults_in_row = 0;
}

static void step_shutting_down(struct nvme *d, uint64_t now_tsc)
{
	const uint32_t csts = nvme_read(d, NVME_CSTS);

	if ((csts & NVME_CSTS_SHST_MASK) != NVME_CSTS_SHST_COMPLETE && now_tsc < d->deadline_tsc)
		return;
	start_disable(d, now_tsc);
}

typedef void step_fn(struct nvme *d, uint64_t now_tsc);

static step_fn *const steps[NVME_STATE_COUNT] = {
	[NVME_DISABLING] = step_disabling, [NVME_COLLECTING] = step_collecting,
	[NVME_ENABLING] = step_enabling,   [NVME_IDENTIFYING] = step_identifying,
	[NVME_READY] = step_ready,         [NVME_SHUTTING_DOWN] = step_shutting_down,
};

/* While it is enabled: is it still there, and well? Did the owner of an I/O queue find a fault? */
static void watch(struct nvme *d, uint64_t now_tsc)
{
	const uint32_t csts = nvme_read(d, NVME_CSTS);
	const uint32_t found = __atomic_load_n(&d->pending_fault, __ATOMIC_ACQUIRE);

	if (csts == NVME_GONE)
		fault(d, NVME_FAULT_GONE, now_tsc);
	else if (csts & NVME_CSTS_CFS)
		fault(d, NVME_FAULT_FATAL_STATUS, now_tsc);
	else if (found != NVME_FAULT_NONE)
		fault(d, (enum nvme_fault)found, now_tsc);
}

static bool is_enabled(const struct nvme *d)
{
	return d->state == NVME_ENABLING || d->state == NVME_IDENTIFYING || d->state == NVME_READY;
}

static uint64_t next_look(const struct nvme *d, uint64_t now_tsc)
{
	switch (d->state) {
	case NVME_WANTS_FLR:
	case NVME_STOPPED:
	case NVME_FAILED:
		return TSC_NEVER;
	case NVME_READY:
		return now_tsc + (d->admin.queue.in_flight ? d->poll_tsc : d->watch_tsc);
	default:
		return now_tsc + d->poll_tsc;
	}
}

enum nvme_state nvme_step(struct nvme *d, uint64_t now_tsc, uint64_t *again_tsc)
{
	if (is_enabled(d))
		watch(d, now_tsc);
	if (steps[d->state])
		steps[d->state](d, now_tsc);
	*again_tsc = next_look(d, now_tsc);
	return d->state;
}

/* --- what the caller asks for ------------------------------------------------------------------------ */

void nvme_reset(struct nvme *d, enum nvme_reset kind, uint64_t now_tsc)
{
	if (d->state == NVME_FAILED)
		return;
	d->fault = NVME_FAULT_REQUESTED;
	d->is_stopping = false;
	d->wants_flr |= kind == NVME_RESET_FUNCTION;
	d->reset_count++;
	start_disable(d, now_tsc);
}

void nvme_after_flr(struct nvme *d, uint64_t now_tsc)
{
	if (d->state != NVME_WANTS_FLR)
		return;
	d->wants_flr = false;
	d->flr_count++;
	start_disable(d, now_tsc);
}

void nvme_give_up(struct nvme *d)
{
	if (d->state != NVME_FAILED)
		give_up(d);
}

void nvme_after_block(struct nvme *d)
{
	if (d->state != NVME_FAILED)
		return;
	forget(d);
	nvme_io_collect(d);
}

enum err nvme_shutdown(struct nvme *d, uint64_t now_tsc)
{
	const uint64_t limit_ns = d->id.shutdown_us ? US(d->id.shutdown_us) : SHUTDOWN_NS;
	uint32_t cc;

	if (d->state != NVME_READY || d->admin.queue.in_flight)
		return ERR_BUSY;
	nvme_io_close(d);
	d->is_stopping = true;
	cc = nvme_read(d, NVME_CC) & ~NVME_CC_SHN_MASK;
	nvme_write(d, NVME_CC, cc | NVME_CC_SHN_NORMAL);
	d->state = NVME_SHUTTING_DOWN;
	d->deadline_tsc =
		now_tsc + mul_div(min_u64(limit_ns, NVME_READY_NS_MAX), d->config.tsc_hz, SEC(1));
	return OK;
}

enum err nvme_admin_send(struct nvme *d, const void *owner, const struct nvme_sqe *c,
			 uint64_t now_tsc)
{
	if (d->admin.owner)
		return ERR_BUSY;
	d->admin.owner = owner;
	d->admin.is_done = false;
	nvme_queue_put(&d->admin.queue, c, 0, now_tsc + d->admin_timeout_tsc);
	nvme_queue_ring(d, &d->admin.queue);
	return OK;
}

enum err nvme_admin_start(struct nvme *d, const void *owner, const struct nvme_sqe *c,
			  uint64_t now_tsc)
{
	return d->state == NVME_READY ? nvme_admin_send(d, owner, c, now_tsc) : ERR_BUSY;
}

bool nvme_admin_is_pending(const struct nvme *d, const void *owner)
{
	return d->admin.owner == owner;
}

bool nvme_admin_take(struct nvme *d, const void *owner, struct nvme_done *done)
{
	if (d->admin.owner != owner || !d->admin.is_done)
		return false;
	d->admin.owner = NULL;
	*done = d->admin.done;
	return true;
}

/* --- the beginning ----------------------------------------------------------------------------------- */

static uint64_t ready_ns(const struct nvme *d)
{
	uint64_t units = max_u64(NVME_CAP_TO(d->cap), 1);

	if (d->cap & NVME_CAP_CRMS_CRWMS)
		units = max_u64(units, NVME_CRTO_CRWMT(nvme_read(d, NVME_CRTO)));
	return min_u64(units * MS(500), NVME_READY_NS_MAX);
}

static uint64_t to_tsc(const struct nvme *d, uint64_t ns)
{
	return mul_div(ns, d->config.tsc_hz, SEC(1)) + 1;
}

static void take_memory(struct nvme *d)
{
	uint8_t *at = d->config.memory.at;
	const uint64_t hpa = d->config.memory.hpa.v;
	struct nvme_queue *q = &d->admin.queue;

	q->sq = (struct nvme_sqe *)(void *)at;
	q->sq_hpa = (hpa_t){ hpa };
	q->cq = (const struct nvme_cqe *)(void *)(at + PAGE_BYTES);
	q->cq_hpa = (hpa_t){ hpa + PAGE_BYTES };
	d->page = at + 2 * PAGE_BYTES;
	d->page_hpa = (hpa_t){ hpa + 2 * PAGE_BYTES };
	nvme_queue_init(q, 0, NVME_ADMIN_ENTRIES, d->admin.slots, NVME_ADMIN_SLOTS);
}

static bool is_config_valid(const struct nvme_config *c)
{
	return (c->registers || c->hook) && c->register_bytes >= NVME_DOORBELLS + PAGE_BYTES &&
	       c->memory.at && c->memory.bytes >= NVME_MEMORY_BYTES &&
	       (c->memory.hpa.v & (PAGE_BYTES - 1)) == 0 && c->tsc_hz && c->fault_limit &&
	       c->admin_timeout_ns && c->io_timeout_ns && c->poll_ns && c->watch_ns;
}

enum err nvme_init(struct nvme *d, const struct nvme_config *config, uint64_t now_tsc)
{
	memset(d, 0, sizeof(*d));
	d->state = NVME_FAILED;
	if (!is_config_valid(config))
		return ERR_INVAL;
	d->config = *config;
	d->cap = nvme_read(d, NVME_CAP) | (uint64_t)nvme_read(d, NVME_CAP + 4) << 32;
	if (d->cap == UINT64_MAX) {
		d->fault = NVME_FAULT_GONE;
		return ERR_NODEV;
	}
	d->dstrd = NVME_CAP_DSTRD(d->cap);
	/* Our pages have 4 KiB; a controller whose smallest is larger cannot be given them. */
	if (NVME_CAP_MPSMIN(d->cap) != 0 || NVME_CAP_MQES(d->cap) == 0 ||
	    !(d->cap & (NVME_CAP_CSS_NVM | NVME_CAP_CSS_IOCSS)) ||
	    NVME_CQHDBL(0, d->dstrd) + 4 > config->register_bytes) {
		d->fault = NVME_FAULT_UNSUPPORTED;
		return ERR_UNSUPPORTED;
	}
	d->ready_tsc = to_tsc(d, ready_ns(d));
	d->poll_tsc = to_tsc(d, config->poll_ns);
	d->watch_tsc = to_tsc(d, config->watch_ns);
	d->admin_timeout_tsc = to_tsc(d, config->admin_timeout_ns);
	d->io_timeout_tsc = to_tsc(d, config->io_timeout_ns);
	take_memory(d);
	start_disable(d, now_tsc);
	return OK;
}
