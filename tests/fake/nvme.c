/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fake/nvme.c - registers, queues and completions of the fake controller. */
#include <stdio.h>
#include <string.h>
#include "tests/fake/nvme.h"

#define RDY 1u
#define CFS 2u

void fake_nvme_blame(struct fake_nvme *f, const char *what)
{
	if (f->host_errors++ == 0)
		snprintf(f->host_error, sizeof(f->host_error), "%s", what);
}

void fake_nvme_init(struct fake_nvme *f)
{
	memset(f, 0, sizeof(*f));
	f->mqes = 1023;
	f->timeout_units = 4;
	f->css = 1;
	f->version = 0x00010400;
	f->sqes = 0x66;
	f->cqes = 0x44;
	f->type = 1;
	f->mdts = 7;
	f->oacs = 0x88;
	f->oncs = 0x0c;
	f->nn = 256;
	f->queue_limit = FAKE_NVME_QUEUES - 1;
	f->tick_hz = 1000000000;
	f->ready_tsc = 1000000;
	f->disable_tsc = 500000;
	f->ns_count = 1;
	f->format = 2;
	f->power_cycles = 7;
	f->ns[0] = (struct fake_nvme_namespace){ .blocks = 4096, .shift = 9, .is_shared = true };
	f->secondary_count = 4;
	for (uint32_t type = 0; type < 2; type++) {
		f->total[type] = type ? 6 : 12;
		f->own[type] = type ? 3 : 7;
		f->most[type] = type ? 1 : 3;
		f->primary[type] = f->primary_next[type] = f->total[type];
	}
}

void fake_nvme_region(struct fake_nvme *f, uint64_t hpa, void *at, uint64_t bytes)
{
	f->regions[f->region_count++] = (struct fake_nvme_region){ hpa, bytes, at };
}

/* DMA. What lies in no region is the host's mistake. */
uint8_t *fake_nvme_at(struct fake_nvme *f, uint64_t hpa, uint64_t bytes)
{
	for (uint32_t i = 0; i < f->region_count; i++) {
		const struct fake_nvme_region *r = &f->regions[i];

		if (hpa >= r->hpa && hpa - r->hpa <= r->bytes && bytes <= r->bytes - (hpa - r->hpa))
			return r->at + (hpa - r->hpa);
	}
	fake_nvme_blame(f, "DMA outside memory");
	return NULL;
}

/* --- resets ------------------------------------------------------------------------------------- */

void fake_nvme_take_offline(struct fake_nvme *f)
{
	for (uint32_t i = 0; i < f->secondary_count; i++)
		f->secondary[i] = (struct fake_nvme_secondary){ 0 };
}

static void drop_queues(struct fake_nvme *f)
{
	memset(f->sq, 0, sizeof(f->sq));
	memset(f->cq, 0, sizeof(f->cq));
	f->pending_count = 0;
	f->queues_granted = 0;
	fake_nvme_take_offline(f);
}

void fake_nvme_flr(struct fake_nvme *f)
{
	drop_queues(f);
	f->flrs++;
	f->cc = f->csts = f->aqa = 0;
	f->asq = f->acq = 0;
	f->change_at = 0;
	f->vfs_enabled = false;
	memcpy(f->primary, f->primary_next, sizeof(f->primary));
}

void fake_nvme_lose_power(struct fake_nvme *f)
{
	for (uint32_t i = 0; i < f->ns_count; i++)
		if (f->ns[i].medium)
			memcpy(f->ns[i].data, f->ns[i].medium, f->ns[i].blocks << f->ns[i].shift);
	f->power_cycles++;
	fake_nvme_flr(f);
}

void fake_nvme_enable_vfs(struct fake_nvme *f)
{
	f->vfs_enabled = true;
}

void fake_nvme_vf_flr(struct fake_nvme *f, uint32_t number)
{
	f->secondary[number - 1].is_reset = true;
}

static void enable(struct fake_nvme *f)
{
	if (f->csts & RDY)
		fake_nvme_blame(f, "enabled while ready");
	if ((f->cc >> 16 & 0xf) != 6 || (f->cc >> 20 & 0xf) != 4)
		fake_nvme_blame(f, "queue entry sizes");
	if ((f->cc >> 7 & 0xf) < f->mpsmin)
		fake_nvme_blame(f, "page size");
	if (!(f->css >> (f->cc >> 4 & 7) & 1))
		fake_nvme_blame(f, "command set");
	if (f->asq == 0 || f->acq == 0 || (f->asq & 0xfff) || (f->acq & 0xfff) ||
	    !(f->aqa & 0xfff) || !(f->aqa >> 16 & 0xfff))
		fake_nvme_blame(f, "admin queues");
	f->sq[0] = (struct fake_nvme_sq){ true, f->asq, (f->aqa & 0xfff) + 1, 0, 0, 0 };
	f->cq[0] = (struct fake_nvme_cq){ true, f->acq, (f->aqa >> 16 & 0xfff) + 1, 0, 0, 1 };
	f->change_at = f->now + f->ready_tsc;
}

static void write_cc(struct fake_nvme *f, uint32_t value)
{
	const uint32_t old = f->cc;

	f->cc = value;
	if ((value & 1) && !(old & 1)) {
		enable(f);
	} else if (!(value & 1) && (old & 1)) {
		if (!(f->csts & (RDY | CFS)) && f->now < f->change_at + 1000000000)
			fake_nvme_blame(f, "disabled before ready");
		drop_queues(f);
		f->resets++;
		f->change_at = f->now + f->disable_tsc;
	} else if ((value & 0xc000) && !(old & 0xc000)) {
		f->shutdown_seen = true;
		f->csts |= 2u << 2;
	}
}

static void settle(struct fake_nvme *f)
{
	if (f->now < f->change_at)
		return;
	if (f->cc & 1) {
		if (f->cfs_when_enabled)
			f->csts |= CFS;
		else if (!f->never_ready)
			f->csts |= RDY;
	} else if (!f->never_disabled) {
		f->csts = 0;
	}
}

/* --- registers ---------------------------------------------------------------------------------- */

static uint64_t cap(const struct fake_nvme *f)
{
	return f->mqes | BIT64(16) | (uint64_t)f->timeout_units << 24 | (uint64_t)f->dstrd << 32 |
	       (uint64_t)f->css << 37 | (uint64_t)f->mpsmin << 48 | UINT64_C(4) << 52 |
	       (f->crto ? BIT64(59) : 0);
}

uint32_t fake_nvme_read(void *context, uint32_t offset)
{
	struct fake_nvme *f = context;

	if (f->is_gone)
		return 0xffffffff;
	switch (offset) {
	case 0x00:
		return (uint32_t)cap(f);
	case 0x04:
		return (uint32_t)(cap(f) >> 32);
	case 0x08:
		return f->version;
	case 0x14:
		return f->cc;
	case 0x1c:
		return f->csts;
	case 0x68:
		return f->crto;
	default:
		fake_nvme_blame(f, "read of a register that a driver has no use for");
		return 0;
	}
}

static void write_doorbell(struct fake_nvme *f, uint32_t offset, uint32_t value)
{
	const uint32_t number = (offset - 0x1000) / (4u << f->dstrd);
	const uint32_t id = number / 2;

	if ((offset - 0x1000) % (4u << f->dstrd) || id >= FAKE_NVME_QUEUES) {
		fake_nvme_blame(f, "doorbell of no queue");
		return;
	}
	if (number % 2 == 0) {
		if (!f->sq[id].exists || value >= f->sq[id].size)
			fake_nvme_blame(f, "submission doorbell");
		else
			f->sq[id].tail = value;
	} else {
		if (!f->cq[id].exists || value >= f->cq[id].size)
			fake_nvme_blame(f, "completion doorbell");
		else
			f->cq[id].head = value;
	}
}

static void set_half(uint64_t *value, uint32_t offset, uint32_t half)
{
	const uint32_t shift = offset & 4 ? 32 : 0;

	*value = (*value & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)half << shift;
}

void fake_nvme_write(void *context, uint32_t offset, uint32_t value)
{
	struct fake_nvme *f = context;

	if (f->is_gone)
		return;
	if (offset == 0x14)
		write_cc(f, value);
	else if (offset >= 0x1000)
		write_doorbell(f, offset, value);
	else if (f->cc & 1)
		fake_nvme_blame(f, "queue attributes changed while enabled");
	else if (offset == 0x24)
		f->aqa = value;
	else if (offset == 0x28 || offset == 0x2c)
		set_half(&f->asq, offset, value);
	else if (offset == 0x30 || offset == 0x34)
		set_half(&f->acq, offset, value);
	else
		fake_nvme_blame(f, "write of a register that a driver has no use for");
}

/* --- commands and completions -------------------------------------------------------------------- */

static bool is_in_flight(const struct fake_nvme *f, uint32_t queue, uint32_t cid)
{
	for (uint32_t i = 0; i < f->pending_count; i++)
		if (f->pending[i].queue == queue && f->pending[i].dw[0] >> 16 == cid)
			return true;
	return false;
}

static void fetch(struct fake_nvme *f, uint16_t id)
{
	struct fake_nvme_sq *sq = &f->sq[id];

	while (sq->exists && sq->head != sq->tail && f->pending_count < FAKE_NVME_PENDING) {
		const uint8_t *entry = fake_nvme_at(f, sq->base + 64 * sq->head, 64);
		struct fake_nvme_command *c = &f->pending[f->pending_count];

		if (!entry) {
			f->csts |= CFS;
			return;
		}
		memcpy(c->dw, entry, 64);
		c->queue = id;
		c->position = sq->head;
		if (is_in_flight(f, id, c->dw[0] >> 16) || c->dw[0] >> 16 == 0xffff)
			fake_nvme_blame(f, "command identifier in use");
		if (c->dw[0] & 0xff00)
			fake_nvme_blame(f, "fused, SGL or reserved bits");
		sq->head = (sq->head + 1) % sq->size;
		f->pending_count++;
		f->commands++;
		f->io_commands += id != 0;
	}
	if (f->pending_count > f->pending_max)
		f->pending_max = f->pending_count;
}

static void post(struct fake_nvme *f, uint32_t id, const uint32_t dw[4])
{
	struct fake_nvme_cq *cq = &f->cq[id];
	uint8_t *entry;
	uint32_t dw3;

	if (!cq->exists)
		return;
	if ((cq->tail + 1) % cq->size == cq->head) {
		fake_nvme_blame(f, "completion queue overflows");
		return;
	}
	entry = fake_nvme_at(f, cq->base + 16 * cq->tail, 16);
	if (!entry)
		return;
	dw3 = dw[3] | cq->phase << 16;
	memcpy(entry, dw, 12);
	memcpy(entry + 12, &dw3, 4);
	cq->tail = (cq->tail + 1) % cq->size;
	if (cq->tail == 0)
		cq->phase ^= 1;
}

/* False: nothing is to be posted. */
static bool play(struct fake_nvme *f, const struct fake_nvme_command *c, uint32_t dw[4])
{
	const uint32_t size = f->sq[c->queue].size;
	const uint32_t cid = c->dw[0] >> 16;

	switch (f->trick) {
	case FAKE_NVME_LOSE:
		return false;
	case FAKE_NVME_DUPLICATE:
		post(f, f->sq[c->queue].cq, dw);
		return true;
	case FAKE_NVME_WRONG_CID:
		dw[3] = (dw[3] & 0xffff0000) | (cid ^ 0x3b);
		return true;
	case FAKE_NVME_OLD_CID:
		dw[3] = (dw[3] & 0xffff0000) | f->last_cid;
		return true;
	case FAKE_NVME_WRONG_QUEUE:
		dw[2] ^= 1u << 16;
		return true;
	case FAKE_NVME_HEAD_BEYOND:
		dw[2] = (dw[2] & 0xffff0000) | (f->sq[c->queue].tail + 1) % size;
		return true;
	case FAKE_NVME_HEAD_OUTSIDE:
		dw[2] = (dw[2] & 0xffff0000) | (size + c->position + 1);
		return true;
	case FAKE_NVME_HEAD_BEFORE:
		dw[2] = (dw[2] & 0xffff0000) | c->position;
		return true;
	case FAKE_NVME_FATAL:
		f->csts |= CFS;
		return false;
	case FAKE_NVME_GONE:
		f->is_gone = true;
		return false;
	case FAKE_NVME_ERROR:
		dw[3] = (dw[3] & 0xffff) | (uint32_t)f->trick_status << 17;
		return true;
	default:
		return true;
	}
}

static bool is_trick_due(const struct fake_nvme *f, const struct fake_nvme_command *c)
{
	return f->trick != FAKE_NVME_HONEST && f->completions >= f->trick_at &&
	       (f->trick_times == 0 || f->completions < f->trick_at + f->trick_times) &&
	       c->queue >= f->trick_queue_least;
}

static void complete_one(struct fake_nvme *f)
{
	uint32_t at = 0, result = 0;
	struct fake_nvme_command c;
	uint16_t status;
	uint32_t dw[4];

	if (f->seed) {
		f->seed = f->seed * 6364136223846793005u + 1442695040888963407u;
		at = (uint32_t)(f->seed >> 33) % f->pending_count;
	}
	c = f->pending[at];
	memmove(&f->pending[at], &f->pending[at + 1],
		(f->pending_count - at - 1) * sizeof(f->pending[0]));
	f->pending_count--;
	status = fake_nvme_execute(f, &c, &result);
	dw[0] = result;
	dw[1] = 0;
	dw[2] = (uint32_t)c.queue << 16 | f->sq[c.queue].head;
	dw[3] = (uint32_t)status << 17 | c.dw[0] >> 16;
	if (!is_trick_due(f, &c) || play(f, &c, dw))
		post(f, f->sq[c.queue].cq, dw);
	f->last_cid = (uint16_t)(c.dw[0] >> 16);
	f->completions++;
}

void fake_nvme_run(struct fake_nvme *f, uint64_t now, uint32_t budget)
{
	f->now = now;
	settle(f);
	if (f->is_gone || (f->csts & (RDY | CFS)) != RDY || !(f->cc & 1))
		return;
	for (uint16_t id = 0; id < FAKE_NVME_QUEUES; id++)
		fetch(f, id);
	while (f->pending_count && budget-- && !f->is_gone && !(f->csts & CFS))
		complete_one(f);
}
