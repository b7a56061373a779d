/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/model/igb_rig.h"
#include <string.h>

#define VFMAILBOX 0xc40u
#define VMBMEM    0x800u
#define REQ       1u
#define ACKED     2u
#define VFU       4u
#define PFSTS     0x10u
#define PFACK     0x20u
#define RSTI      0x40u
#define RSTD      0x80u
#define STICKY    (PFSTS | PFACK | RSTD)
#define STEP_NS   US(1) /* that a step takes */

void rig_start(struct rig *r)
{
	static const uint8_t mac[6] = { 0x00, 0x1b, 0x21, 0x10, 0x20, 0x30 };

	memset(r, 0, sizeof(*r));
	memcpy(r->m.mac, mac, 6);
	r->m.reset_reads = 3;
	r->m.master_reads = 2;
	r->m.mdic_reads = 2;
	r->now = SEC(5);
	r->m.clock = &r->now;
	igb_model_start(&r->m);
}

struct igb_config rig_config(uint32_t vf_count)
{
	return (struct igb_config){ .tsc_hz = RIG_HZ, .vf_count = vf_count };
}

enum err rig_up(struct rig *r)
{
	uint64_t again = r->now;
	enum err error = OK;

	for (uint32_t i = 0; i < 100000 && (i == 0 || error == ERR_BUSY); i++) {
		const uint32_t before = r->m.accesses;

		if (again > r->now)
			r->now = again;
		error = igb_step(&r->d, r->now, &again);
		r->now += STEP_NS;
		if (r->m.accesses - before > r->step_most)
			r->step_most = r->m.accesses - before;
	}
	return error;
}

enum err rig_start_up(struct rig *r, const struct igb_config *config)
{
	const struct igb_io io = { igb_model_read, igb_model_write, &r->m };
	enum err error;

	rig_start(r);
	error = igb_init(&r->d, config, &io);
	if (error == OK)
		error = rig_up(r);
	igb_model_link(&r->m, true);
	for (uint32_t vf = 0; vf < config->vf_count && error == OK; vf++)
		error = igb_vf_open(&r->d, vf);
	return error;
}

void rig_poll(struct rig *r)
{
	const uint32_t before = r->m.accesses;

	igb_poll(&r->d, r->now, &r->events);
	if (r->m.accesses - before > r->poll_most)
		r->poll_most = r->m.accesses - before;
	for (uint32_t i = 0; i < r->events.count; i++) {
		const struct igb_event *e = &r->events.list[i];

		r->told[e->kind & 15]++;
		r->last[e->kind & 15] = *e;
	}
	r->now += RIG_POLL;
}

void rig_poll_for(struct rig *r, uint64_t ns)
{
	for (uint64_t t = 0; t < ns; t += RIG_POLL)
		rig_poll(r);
}

uint32_t rig_mailbox(struct rig *r, uint32_t vf)
{
	const uint32_t value = igb_model_vf_read(&r->m, vf, VFMAILBOX) | r->sticky[vf];

	r->sticky[vf] |= value & STICKY;
	return value;
}

static bool lock(struct rig *r, uint32_t vf)
{
	igb_model_vf_write(&r->m, vf, VFMAILBOX, VFU);
	return rig_mailbox(r, vf) & VFU;
}

bool rig_send(struct rig *r, uint32_t vf, const uint32_t *words, uint32_t count)
{
	if (!lock(r, vf))
		return false;
	r->sticky[vf] &= ~(PFSTS | PFACK);
	for (uint32_t i = 0; i < count; i++)
		igb_model_vf_write(&r->m, vf, VMBMEM + 4 * i, words[i]);
	igb_model_vf_write(&r->m, vf, VFMAILBOX, REQ);
	return true;
}

uint32_t rig_vf_reads(struct rig *r, uint32_t vf)
{
	uint32_t word;

	if (!lock(r, vf))
		return 0;
	word = igb_model_vf_read(&r->m, vf, VMBMEM);
	igb_model_vf_write(&r->m, vf, VFMAILBOX, ACKED);
	return word;
}

uint32_t rig_ask(struct rig *r, uint32_t vf, const uint32_t *words, uint32_t count,
		 uint32_t answer[3])
{
	if (!rig_send(r, vf, words, count))
		return 0;
	for (uint32_t i = 0; i < 20; i++) {
		rig_poll(r);
		if ((rig_mailbox(r, vf) & (PFSTS | PFACK)) == (PFSTS | PFACK))
			break;
		if (i == 19)
			return 0;
	}
	if (!lock(r, vf))
		return 0;
	for (uint32_t i = 0; i < 3; i++)
		answer[i] = igb_model_vf_read(&r->m, vf, VMBMEM + 4 * i);
	igb_model_vf_write(&r->m, vf, VFMAILBOX, ACKED);
	r->sticky[vf] &= ~(PFSTS | PFACK);
	return answer[0];
}

uint32_t rig_ask2(struct rig *r, uint32_t vf, uint32_t first, uint32_t second)
{
	uint32_t answer[3];

	return rig_ask(r, vf, (uint32_t[]){ first, second }, 2, answer);
}

uint32_t rig_ask_mac(struct rig *r, uint32_t vf, uint32_t first, const struct igb_mac *mac)
{
	uint32_t words[3] = { first, 0, 0 }, answer[3];

	memcpy(&words[1], mac->byte, 6);
	return rig_ask(r, vf, words, 3, answer);
}

bool rig_vf_init(struct rig *r, uint32_t vf)
{
	uint32_t answer[3];

	igb_model_vf_write(&r->m, vf, 0, BIT32(26));
	if (rig_mailbox(r, vf) & RSTI)
		return false;
	if (rig_ask(r, vf, (uint32_t[]){ VF_RESET }, 1, answer) != (VF_RESET | ACK))
		return false;
	memcpy(r->mac[vf].byte, &answer[1], 6);
	r->sticky[vf] = 0;
	r->m.queues[vf] = 1;
	return true;
}

bool rig_receives(struct rig *r, uint32_t vf)
{
	return *igb_model_reg(&r->m, 0xc8c) & BIT32(vf);
}

uint32_t rig_frame(struct rig *r, uint32_t source, const struct igb_mac *to,
		   const struct igb_mac *from, int32_t descriptor, int32_t tag, uint32_t bytes)
{
	struct model_frame f = { .tag = tag, .descriptor = descriptor, .bytes = bytes };

	memcpy(f.to, to->byte, 6);
	memcpy(f.from, from->byte, 6);
	return igb_model_switch(&r->m, source, &f);
}
