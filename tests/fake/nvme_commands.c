/* SPDX-License-Identifier: Apache-2.0 */
/* tests/fake/nvme_commands.c - what the fake controller's commands do. */
#include <string.h>
#include "tests/fake/nvme.h"

#define DNR               0x4000u
#define INVALID_OPCODE    (DNR | 0x001)
#define INVALID_FIELD     (DNR | 0x002)
#define INVALID_NAMESPACE (DNR | 0x00b)
#define LBA_RANGE         (DNR | 0x080)
#define CQ_INVALID        (DNR | 0x100)
#define QID_INVALID       (DNR | 0x101)
#define QUEUE_SIZE        (DNR | 0x102)
#define INVALID_LOG       (DNR | 0x109)
#define NS_ATTACHED       (DNR | 0x118)
#define NS_PRIVATE        (DNR | 0x119)
#define CTRL_LIST         (DNR | 0x11c)
#define CONTROLLER_ID     (DNR | 0x11f)
#define SECONDARY_STATE   (DNR | 0x120)
#define RESOURCE_COUNT    (DNR | 0x121)
#define RESOURCE_ID       (DNR | 0x122)

static uint64_t dw64(const struct fake_nvme_command *c, uint32_t i)
{
	return c->dw[i] | (uint64_t)c->dw[i + 1] << 32;
}

static void put(uint8_t *page, uint32_t offset, uint32_t bytes, uint64_t value)
{
	for (uint32_t i = 0; i < bytes; i++)
		page[offset + i] = (uint8_t)(value >> 8 * i);
}

/* --- data ----------------------------------------------------------------------------------------- */

/* "Physical Region Page Entry and List": one page of the transfer after the other. */
struct prp {
	struct fake_nvme *f;
	uint64_t prp2, list, left;
	uint64_t page, bytes; /* the part at hand */
	bool is_first;
};

static uint64_t next_entry(struct prp *p)
{
	uint64_t entry = 0;
	const uint8_t *at;

	/* The last entry of a list's page points to the next list where more is to come. */
	if ((p->list & 0xfff) == 0xff8 && p->left > 4096) {
		at = fake_nvme_at(p->f, p->list, 8);
		if (!at)
			return 0;
		memcpy(&p->list, at, 8);
	}
	at = fake_nvme_at(p->f, p->list, 8);
	if (!at)
		return 0;
	memcpy(&entry, at, 8);
	p->list += 8;
	return entry;
}

static bool next_part(struct prp *p)
{
	p->left -= p->bytes;
	if (p->left == 0)
		return false;
	if (p->is_first) {
		p->is_first = false;
		if (p->page & 3)
			fake_nvme_blame(p->f, "PRP1 is not a multiple of 4");
		p->bytes = min_u64(4096 - (p->page & 0xfff), p->left);
		return true;
	}
	if (p->list == 0 && p->left <= 4096) {
		p->page = p->prp2;
	} else {
		if (p->list == 0)
			p->list = p->prp2;
		if (p->list & 7)
			fake_nvme_blame(p->f, "PRP list is not a multiple of 8");
		p->page = next_entry(p);
	}
	if (p->page & 0xfff)
		fake_nvme_blame(p->f, "PRP entry has an offset");
	p->bytes = min_u64(4096, p->left);
	return true;
}

/* `data` NULL: zeroes to the host, or nowhere. */
static void transfer(struct fake_nvme *f, const struct fake_nvme_command *c, uint8_t *data,
		     uint64_t bytes, bool to_host)
{
	struct prp p = { f, dw64(c, 8), 0, bytes, dw64(c, 6), 0, true };
	uint64_t done = 0;

	while (next_part(&p)) {
		uint8_t *host = fake_nvme_at(f, p.page, p.bytes);

		if (!host)
			return;
		if (to_host && data)
			memcpy(host, data + done, p.bytes);
		else if (to_host)
			memset(host, 0, p.bytes);
		else if (data)
			memcpy(data + done, host, p.bytes);
		done += p.bytes;
	}
}

/* --- identify --------------------------------------------------------------------------------------- */

static void identify_controller(const struct fake_nvme *f, uint8_t *page)
{
	memcpy(page + 4, "S123                ", 20);
	memcpy(page + 24, "Fake NVMe, obedient                     ", 40);
	memcpy(page + 64, "1.0\x01    ", 8);
	put(page, 77, 1, f->mdts);
	put(page, 78, 2, f->cntlid);
	put(page, 80, 4, f->version);
	put(page, 88, 4, 2000000);
	put(page, 111, 1, f->type);
	put(page, 256, 2, f->oacs);
	put(page, 512, 1, f->sqes);
	put(page, 513, 1, f->cqes);
	put(page, 516, 4, f->nn);
	put(page, 520, 2, f->oncs);
	put(page, 525, 1, 1);
}

static void identify_list(const struct fake_nvme *f, uint8_t *page, uint32_t above)
{
	uint32_t n = 0;

	for (uint32_t nsid = above + 1; nsid <= f->ns_count; nsid++)
		if (f->ns[nsid - 1].is_shared || (f->ns[nsid - 1].attached & 1u << f->cntlid))
			put(page, 4 * n++, 4, nsid);
	if (f->list_is_unsorted)
		put(page, 4 * n, 4, 1);
}

static void identify_namespace(const struct fake_nvme *f, const struct fake_nvme_namespace *n,
			       uint8_t *page)
{
	put(page, 0, 8, n->blocks);
	put(page, 8, 8, n->blocks);
	put(page, 25, 1, 3);
	put(page, 26, 1, f->format);
	put(page, 29, 1, n->protection);
	put(page, 128 + 4u * f->format, 2, n->metadata);
	put(page, 128 + 4u * f->format + 2, 1, n->shift);
}

static uint32_t sum_of_secondaries(const struct fake_nvme *f, uint32_t type)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < f->secondary_count; i++)
		sum += type ? f->secondary[i].vi : f->secondary[i].vq;
	return sum;
}

static void identify_primary(const struct fake_nvme *f, uint8_t *page)
{
	put(page, 0, 2, f->cntlid);
	put(page, 4, 1, 3);
	for (uint32_t type = 0; type < 2; type++) {
		const uint32_t at = 32 + 32 * type;

		put(page, at, 4, f->total[type]);
		put(page, at + 4, 4, sum_of_secondaries(f, type));
		put(page, at + 8, 2, f->primary[type]);
		put(page, at + 10, 2, f->own[type]);
		put(page, at + 12, 2, f->most[type]);
		put(page, at + 14, 2, 1);
	}
}

static void identify_secondaries(const struct fake_nvme *f, uint8_t *page, uint32_t least)
{
	uint32_t n = 0;

	for (; n < 2 && f->lists_foreigners && least == 0; n++) {
		put(page, 32 + 32 * n, 2, 1 + n);
		put(page, 34 + 32 * n, 2, f->cntlid - 1u);
		put(page, 40 + 32 * n, 2, 1 + n);
	}
	for (uint32_t i = 0; i < f->secondary_count; i++) {
		const uint32_t at = 32 + 32 * n;

		if (f->cntlid + 1 + i < least)
			continue;
		put(page, at, 2, f->cntlid + 1 + i);
		put(page, at + 2, 2, f->cntlid);
		put(page, at + 4, 1, f->secondary[i].is_online);
		put(page, at + 8, 2, i + 1);
		put(page, at + 10, 2, f->secondary[i].vq);
		put(page, at + 12, 2, f->secondary[i].vi);
		n++;
	}
	put(page, 0, 1, n);
}

static uint16_t identify(struct fake_nvme *f, const struct fake_nvme_command *c)
{
	const uint32_t nsid = c->dw[1], cntid = c->dw[10] >> 16;
	uint8_t page[4096] = { 0 };

	switch (c->dw[10] & 0xff) {
	case 0x00:
		if (nsid == 0 || nsid > f->nn)
			return INVALID_NAMESPACE;
		if (nsid <= f->ns_count)
			identify_namespace(f, &f->ns[nsid - 1], page);
		break;
	case 0x01:
		identify_controller(f, page);
		break;
	case 0x02:
		identify_list(f, page, nsid);
		break;
	case 0x14:
		identify_primary(f, page);
		break;
	case 0x15:
		identify_secondaries(f, page, cntid);
		break;
	default:
		return INVALID_FIELD;
	}
	for (uint32_t i = 0; i < sizeof(page) && f->pages_are_noise; i++) {
		f->seed = f->seed * 6364136223846793005u + 1442695040888963407u;
		page[i] = (uint8_t)(f->seed >> 40);
	}
	transfer(f, c, page, sizeof(page), true);
	return 0;
}

/* --- queues ------------------------------------------------------------------------------------------ */

static uint16_t set_features(struct fake_nvme *f, const struct fake_nvme_command *c,
			     uint32_t *result)
{
	const uint32_t sq = c->dw[11] & 0xffff, cq = c->dw[11] >> 16;
	uint32_t granted;

	if ((c->dw[10] & 0xff) != 7 || sq == 0xffff || cq == 0xffff || f->queue_limit == 0)
		return INVALID_FIELD;
	granted = (uint32_t)min_u64(f->queue_limit, (sq < cq ? cq : sq) + 1);
	f->queues_granted = granted;
	*result = (granted - 1) << 16 | (granted - 1);
	return 0;
}

static uint16_t check_queue(const struct fake_nvme *f, const struct fake_nvme_command *c)
{
	const uint32_t id = c->dw[10] & 0xffff, size = c->dw[10] >> 16;

	if (id == 0 || id > f->queues_granted)
		return QID_INVALID;
	if (size == 0 || size > f->mqes)
		return QUEUE_SIZE;
	if (!(c->dw[11] & 1) || (dw64(c, 6) & 0xfff) || dw64(c, 6) == 0)
		return INVALID_FIELD;
	return 0;
}

static uint16_t create_cq(struct fake_nvme *f, const struct fake_nvme_command *c)
{
	const uint32_t id = c->dw[10] & 0xffff;
	const uint16_t status = check_queue(f, c);

	if (status)
		return status;
	if (f->cq[id].exists)
		return QID_INVALID;
	f->cq[id] = (struct fake_nvme_cq){ true, dw64(c, 6), (c->dw[10] >> 16) + 1, 0, 0, 1 };
	return 0;
}

static uint16_t create_sq(struct fake_nvme *f, const struct fake_nvme_command *c)
{
	const uint32_t id = c->dw[10] & 0xffff, cq = c->dw[11] >> 16;
	const uint16_t status = check_queue(f, c);

	if (status)
		return status;
	if (f->sq[id].exists)
		return QID_INVALID;
	if (cq == 0 || cq >= FAKE_NVME_QUEUES || !f->cq[cq].exists)
		return CQ_INVALID;
	f->sq[id] = (struct fake_nvme_sq){ true, dw64(c, 6), (c->dw[10] >> 16) + 1,
					   0,    0,          (uint16_t)cq };
	return 0;
}

static uint16_t get_log(struct fake_nvme *f, const struct fake_nvme_command *c)
{
	const uint64_t bytes = ((c->dw[10] >> 16 | (uint64_t)(c->dw[11] & 0xffff) << 16) + 1) * 4;
	uint8_t page[512] = { 0 };

	if ((c->dw[10] & 0xff) != 2 || f->has_no_smart)
		return INVALID_LOG;
	if (bytes > sizeof(page))
		return INVALID_FIELD;
	put(page, 1, 2, 300);
	put(page, 3, 1, 97);
	put(page, 4, 1, 10);
	put(page, 5, 1, 3);
	put(page, 32, 8, 123456789012);
	put(page, 48, 8, 5);
	put(page, 48 + 8, 8, 1); /* beyond 64 bits */
	put(page, 112, 8, f->power_cycles);
	put(page, 128, 8, 8);
	put(page, 144, 8, 9);
	put(page, 160, 8, 10);
	f->log_reads++;
	transfer(f, c, page, bytes, true);
	return 0;
}

/* --- virtualization ------------------------------------------------------------------------------------ */

static uint16_t assign(struct fake_nvme *f, struct fake_nvme_secondary *s, uint32_t type,
		       uint32_t count, uint32_t *result)
{
	uint16_t *has = type ? &s->vi : &s->vq;
	uint32_t used;

	if (type > 1)
		return RESOURCE_ID;
	used = f->primary[type] + sum_of_secondaries(f, type);
	if (s->is_online)
		return SECONDARY_STATE;
	if (count > f->most[type])
		return RESOURCE_COUNT;
	if (used - *has + count > f->total[type])
		return RESOURCE_ID;
	*has = (uint16_t)(count - ((f->gives_less >> type & 1) && count));
	s->is_reset = false;
	*result = *has;
	return 0;
}

static uint16_t virtualize(struct fake_nvme *f, const struct fake_nvme_command *c, uint32_t *result)
{
	const uint32_t cntlid = c->dw[10] >> 16, type = c->dw[10] >> 8 & 7;
	const uint32_t action = c->dw[10] & 0xf, count = c->dw[11] & 0xffff;
	const uint32_t at = cntlid - f->cntlid - 1;
	struct fake_nvme_secondary *s = at < f->secondary_count ? &f->secondary[at] : NULL;

	if (!(f->oacs & 0x80))
		return INVALID_OPCODE;
	if (action == 1) {
		if (cntlid != f->cntlid)
			return CONTROLLER_ID;
		if (type > 1)
			return RESOURCE_ID;
		if (count > f->total[type])
			return RESOURCE_COUNT;
		if (!f->ignores_primary)
			f->primary_next[type] = count;
		*result = count;
		return 0;
	}
	if (action < 7 || action > 9)
		return INVALID_FIELD;
	if (!s)
		return CONTROLLER_ID;
	if (action == 8)
		return assign(f, s, type, count, result);
	if (action == 7) {
		*s = (struct fake_nvme_secondary){ 0 };
		return 0;
	}
	if (!f->vfs_enabled || s->vq < 2 || s->vi < 1)
		return SECONDARY_STATE;
	f->online_without_reset += !s->is_reset;
	s->is_online = true;
	return 0;
}

static uint16_t attach(struct fake_nvme *f, const struct fake_nvme_command *c)
{
	struct fake_nvme_namespace *n;
	uint8_t page[4096];
	uint32_t id, count;

	if (!(f->oacs & 8))
		return INVALID_OPCODE;
	if ((c->dw[10] & 0xf) != 0)
		return INVALID_FIELD;
	if (c->dw[1] == 0 || c->dw[1] > f->ns_count)
		return INVALID_NAMESPACE;
	n = &f->ns[c->dw[1] - 1];
	transfer(f, c, page, sizeof(page), false);
	count = page[0] | (uint32_t)page[1] << 8;
	id = page[2] | (uint32_t)page[3] << 8;
	if (count != 1 || id < f->cntlid || id > f->cntlid + f->secondary_count)
		return CTRL_LIST;
	if (n->attached & 1u << id)
		return NS_ATTACHED;
	if (n->attached && !n->is_shared)
		return NS_PRIVATE;
	n->attached |= 1u << id;
	return 0;
}

/* --- I/O --------------------------------------------------------------------------------------------------- */

static void discard(struct fake_nvme_namespace *n, uint64_t lba, uint64_t blocks)
{
	if (n->data)
		memset(n->data + (lba << n->shift), 0, blocks << n->shift);
}

/* From the cache to the medium. */
static void persist(struct fake_nvme_namespace *n, uint64_t lba, uint64_t blocks)
{
	if (n->medium)
		memcpy(n->medium + (lba << n->shift), n->data + (lba << n->shift),
		       blocks << n->shift);
}

static uint16_t deallocate(struct fake_nvme *f, struct fake_nvme_namespace *n,
			   const struct fake_nvme_command *c)
{
	const uint32_t count = (c->dw[10] & 0xff) + 1;
	uint8_t ranges[4096];

	transfer(f, c, ranges, count * 16, false);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t blocks;
		uint64_t lba;

		memcpy(&blocks, ranges + 16 * i + 4, 4);
		memcpy(&lba, ranges + 16 * i + 8, 8);
		if (lba > n->blocks || blocks > n->blocks - lba)
			return LBA_RANGE;
		if (c->dw[11] & 4)
			discard(n, lba, blocks);
	}
	return 0;
}

static uint16_t execute_io(struct fake_nvme *f, const struct fake_nvme_command *c)
{
	const uint64_t lba = dw64(c, 10), blocks = (c->dw[12] & 0xffff) + UINT64_C(1);
	const uint32_t opcode = c->dw[0] & 0xff;
	struct fake_nvme_namespace *n;
	uint8_t *data;

	if (c->dw[1] == 0 || c->dw[1] > f->ns_count)
		return INVALID_NAMESPACE;
	n = &f->ns[c->dw[1] - 1];
	if (opcode == 0) {
		f->flushes++;
		persist(n, 0, n->blocks);
		return 0;
	}
	if (f->lacks_opcodes && opcode >= 8)
		return INVALID_OPCODE;
	if (opcode == 9)
		return deallocate(f, n, c);
	if (opcode != 1 && opcode != 2 && opcode != 8)
		return INVALID_OPCODE;
	if (lba > n->blocks || blocks > n->blocks - lba)
		return LBA_RANGE;
	if (opcode == 8) {
		discard(n, lba, blocks);
		if (c->dw[12] >> 30 & 1)
			persist(n, lba, blocks);
		return 0;
	}
	if (f->mdts && blocks << n->shift > UINT64_C(4096) << f->mdts)
		return INVALID_FIELD;
	data = n->data ? n->data + (lba << n->shift) : NULL;
	f->fua_writes += opcode == 1 && (c->dw[12] >> 30 & 1);
	transfer(f, c, data, blocks << n->shift, opcode == 2);
	if (opcode == 1 && (c->dw[12] >> 30 & 1))
		persist(n, lba, blocks);
	return 0;
}

uint16_t fake_nvme_execute(struct fake_nvme *f, const struct fake_nvme_command *c, uint32_t *result)
{
	if (c->queue)
		return execute_io(f, c);
	switch (c->dw[0] & 0xff) {
	case 0x01:
		return create_sq(f, c);
	case 0x02:
		return get_log(f, c);
	case 0x05:
		return create_cq(f, c);
	case 0x06:
		return identify(f, c);
	case 0x09:
		return set_features(f, c, result);
	case 0x15:
		return attach(f, c);
	case 0x1c:
		return virtualize(f, c, result);
	default:
		return INVALID_OPCODE;
	}
}
