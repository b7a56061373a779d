/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch as its VFs see it. What follows from the state of all VFs (who receives, VLANs,
 * multicast hashes) is computed as a whole each time and written where it differs from what the
 * device has: nothing that a VF had can be left behind.
 */
#include "drivers/igb/igb_internal.h"

#define EXTRA_MAX ARRAY_SIZE(((struct igb *)0)->extra)

_Static_assert(IGB_MAC_MAX == IGB_RAR_COUNT, "one address register each");
_Static_assert(IGB_VLAN_MAX == IGB_VLVF_COUNT, "one filter each");
_Static_assert(ARRAY_SIZE(((struct igb *)0)->mta) == IGB_MTA_WORDS, "as large as the device's");

/* --- addresses ------------------------------------------------------------------------------ */

bool igb_mac_is_unicast(const struct igb_mac *mac)
{
	uint32_t any = 0;

	for (uint32_t i = 0; i < 6; i++)
		any |= mac->byte[i];
	return any && !(mac->byte[0] & 1);
}

bool igb_mac_is_same(const struct igb_mac *a, const struct igb_mac *b)
{
	for (uint32_t i = 0; i < 6; i++)
		if (a->byte[i] != b->byte[i])
			return false;
	return true;
}

/*
 * Derived: the upper half of the first byte says which VF, and is never the PF's; bit 1 says that
 * no vendor gave it.
 */
struct igb_mac igb_vf_home(const struct igb *d, uint32_t vf)
{
	struct igb_mac mac = d->config.vfs[vf].mac;

	if (igb_mac_is_unicast(&mac))
		return mac;
	mac = d->mac;
	mac.byte[0] = (uint8_t)((mac.byte[0] ^ (vf + 1) << 4) & 0xfe) | 2;
	return mac;
}

const char *igb_vf_check_macs(const struct igb *d)
{
	if (!igb_mac_is_unicast(&d->mac))
		return "the PF's own address is none";
	for (uint32_t vf = 0; vf < d->config.vf_count; vf++) {
		const struct igb_mac mac = igb_vf_home(d, vf);

		if (igb_mac_is_same(&mac, &d->mac))
			return "a VF has the PF's address";
		for (uint32_t other = 0; other < vf; other++) {
			const struct igb_mac its = igb_vf_home(d, other);

			if (igb_mac_is_same(&mac, &its))
				return "two VFs have the same address";
		}
	}
	return NULL;
}

/* By the PF or another VF, which need not be open: its address waits for it. */
static bool mac_is_taken(const struct igb *d, uint32_t vf, const struct igb_mac *mac)
{
	if (igb_mac_is_same(mac, &d->mac))
		return true;
	for (uint32_t other = 0; other < d->config.vf_count; other++) {
		const struct igb_vf *o = &d->vfs[other];

		if (other != vf &&
		    (igb_mac_is_same(mac, &o->home) || igb_mac_is_same(mac, &o->mac)))
			return true;
	}
	for (uint32_t i = 0; i < EXTRA_MAX; i++)
		if (d->extra_owner[i] && d->extra_owner[i] != vf + 1 &&
		    igb_mac_is_same(mac, &d->extra[i]))
			return true;
	return false;
}

/* Never valid with half of another address in it. */
static void write_rar(struct igb *d, uint32_t index, const struct igb_mac *mac, uint32_t vf)
{
	const uint8_t *b = mac->byte;

	if (!d->has_tables)
		return;
	igb_write(d, IGB_RAH(index), 0);
	igb_write(d, IGB_RAL(index),
		  (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
			  (uint32_t)b[3] << 24);
	igb_write(d, IGB_RAH(index),
		  (uint32_t)b[4] | (uint32_t)b[5] << 8 | IGB_RAH_POOL(vf) | IGB_RAH_AV);
}

static void clear_rar(struct igb *d, uint32_t index)
{
	if (d->has_tables)
		igb_write(d, IGB_RAH(index), 0);
}

bool igb_vf_set_mac(struct igb *d, uint32_t vf, const struct igb_mac *mac)
{
	struct igb_vf *v = &d->vfs[vf];

	if (igb_mac_is_same(mac, &v->mac))
		return true;
	if (!igb_mac_is_same(mac, &v->home) &&
	    (!(d->config.vfs[vf].flags & IGB_VF_MAY_SET_MAC) || !igb_mac_is_unicast(mac) ||
	     mac_is_taken(d, vf, mac)))
		return false;
	v->mac = *mac;
	write_rar(d, vf, mac, vf);
	return true;
}

bool igb_vf_add_mac(struct igb *d, uint32_t vf, const struct igb_mac *mac)
{
	uint32_t own = 0, free_at = EXTRA_MAX;

	if (!igb_mac_is_unicast(mac) || mac_is_taken(d, vf, mac))
		return false;
	for (uint32_t i = 0; i < EXTRA_MAX; i++) {
		if (!d->extra_owner[i])
			free_at = i;
		if (d->extra_owner[i] != vf + 1)
			continue;
		own++;
		if (igb_mac_is_same(mac, &d->extra[i]))
			return true;
	}
	/* igb_init() has seen to it that all that are promised fit. */
	if (own >= d->config.vfs[vf].extra_mac_count || free_at == EXTRA_MAX)
		return false;
	d->extra[free_at] = *mac;
	d->extra_owner[free_at] = (uint8_t)(vf + 1);
	write_rar(d, IGB_VF_MAX + free_at, mac, vf);
	return true;
}

void igb_vf_clear_macs(struct igb *d, uint32_t vf)
{
	for (uint32_t i = 0; i < EXTRA_MAX; i++) {
		if (d->extra_owner[i] != vf + 1)
			continue;
		d->extra_owner[i] = 0;
		clear_rar(d, IGB_VF_MAX + i);
	}
}

/* --- what a pool receives ------------------------------------------------------------------- */

static bool is_served(const struct igb_vf *v)
{
	return v->state == IGB_VF_OPEN || v->state == IGB_VF_IS_READY;
}

static void write_vmolr(struct igb *d, uint32_t vf)
{
	const struct igb_vf_config *c = &d->config.vfs[vf];
	const struct igb_vf *v = &d->vfs[vf];
	/* The guest does not know that the port VLAN's tag makes its frames longer. */
	const uint64_t longest =
		(v->frame_bytes ? v->frame_bytes : IGB_FRAME_STANDARD) + (c->vlan ? 4u : 0u);
	uint32_t value = IGB_VMOLR_STRCRC | IGB_VMOLR_STRVLAN | IGB_VMOLR_LPE |
			 (uint32_t)min_u64(longest, IGB_FRAME_MAX);

	if (!d->has_tables)
		return;
	if (is_served(v)) {
		if (!c->vlan)
			value |= IGB_VMOLR_AUPE;
		if (!(c->flags & IGB_VF_NO_BROADCAST))
			value |= IGB_VMOLR_BAM;
		if (v->hash_count)
			value |= IGB_VMOLR_ROMPE;
		if (v->wants_all_multicast)
			value |= IGB_VMOLR_MPME;
	}
	igb_write(d, IGB_VMOLR(vf), value);
}

static void write_vmvir(struct igb *d, uint32_t vf)
{
	const struct igb_vf_config *c = &d->config.vfs[vf];

	if (c->vlan)
		igb_write(d, IGB_VMVIR(vf),
			  IGB_VMVIR_DEFAULT | (uint32_t)c->priority << 13 | c->vlan);
	else
		igb_write(d, IGB_VMVIR(vf), c->tagged[0] ? 0 : IGB_VMVIR_NEVER);
}

bool igb_vf_set_frame(struct igb *d, uint32_t vf, uint32_t bytes)
{
	const uint32_t most = d->config.vfs[vf].frame_max_bytes;

	if (bytes < 64 || bytes > (most ? most : IGB_FRAME_STANDARD))
		return false;
	d->vfs[vf].frame_bytes = (uint16_t)bytes;
	write_vmolr(d, vf);
	return true;
}

bool igb_vf_set_all_multicast(struct igb *d, uint32_t vf, bool is_wanted)
{
	if (is_wanted && !(d->config.vfs[vf].flags & IGB_VF_ALL_MULTICAST))
		return false;
	d->vfs[vf].wants_all_multicast = is_wanted;
	write_vmolr(d, vf);
	return true;
}

static void write_mta(struct igb *d)
{
	uint32_t mta[IGB_MTA_WORDS] = { 0 };

	for (uint32_t vf = 0; vf < d->config.vf_count; vf++)
		for (uint32_t i = 0; i < d->vfs[vf].hash_count; i++)
			mta[d->vfs[vf].hashes[i] >> 5] |= BIT32(d->vfs[vf].hashes[i] & 31);
	for (uint32_t i = 0; i < IGB_MTA_WORDS; i++) {
		if (mta[i] == d->mta[i])
			continue;
		d->mta[i] = mta[i];
		igb_write(d, IGB_MTA(i), mta[i]);
	}
}

void igb_vf_set_hashes(struct igb *d, uint32_t vf, const uint16_t *hashes, uint32_t count)
{
	struct igb_vf *v = &d->vfs[vf];

	for (uint32_t i = 0; i < count; i++)
		v->hashes[i] = hashes[i];
	v->hash_count = count;
	if (!d->has_tables)
		return;
	write_mta(d);
	write_vmolr(d, vf);
}

/* --- VLANs ------------------------------------------------------------------------------------ */

static uint32_t slot_of(const struct igb *d, uint32_t vlan)
{
	for (uint32_t slot = 0; slot < d->vlan_count; slot++)
		if (d->vlans[slot] == vlan)
			return slot;
	return IGB_VLAN_MAX;
}

/* Bit n of the table that is asked before any pool: VLAN n has members here. */
static void write_vfta(struct igb *d, uint32_t index)
{
	uint32_t value = 0;

	for (uint32_t slot = 0; slot < d->vlan_count; slot++)
		if (d->vlvf[slot] && d->vlans[slot] >> 5 == index)
			value |= BIT32(d->vlans[slot] & 31);
	igb_write(d, IGB_VFTA(index), value);
}

static void write_vlans(struct igb *d)
{
	if (!d->has_tables)
		return;
	for (uint32_t slot = 0; slot < d->vlan_count; slot++) {
		uint32_t members = 0, value;

		for (uint32_t vf = 0; vf < d->config.vf_count; vf++)
			if (is_served(&d->vfs[vf]) && d->vfs[vf].vlan_slots & BIT32(slot))
				members |= BIT32(vf);
		value = members ? IGB_VLVF_EN | IGB_VLVF_POOLS(members) | d->vlans[slot] : 0;
		if (value == d->vlvf[slot])
			continue;
		d->vlvf[slot] = value;
		igb_write(d, IGB_VLVF(slot), value);
		write_vfta(d, d->vlans[slot] >> 5);
	}
}

static bool may_tag(const struct igb_vf_config *c, uint32_t vlan)
{
	for (uint32_t i = 0; i < IGB_TAGGED_MAX && c->tagged[i]; i++)
		if (c->tagged[i] == vlan)
			return true;
	return false;
}

/* VLAN 0 is no VLAN but a priority: Linux asks for it always. In a port VLAN it means nothing. */
bool igb_vf_set_vlan(struct igb *d, uint32_t vf, uint32_t vlan, bool is_member)
{
	const struct igb_vf_config *c = &d->config.vfs[vf];
	struct igb_vf *v = &d->vfs[vf];
	uint32_t slot;

	if (!vlan && c->vlan)
		return true;
	if (vlan && !may_tag(c, vlan))
		return false;
	slot = slot_of(d, vlan);
	if (slot == IGB_VLAN_MAX)
		return false;
	v->vlan_slots = is_member ? v->vlan_slots | BIT32(slot) : v->vlan_slots & ~BIT32(slot);
	write_vlans(d);
	return true;
}

/* --- life ------------------------------------------------------------------------------------- */

void igb_vf_write_gates(struct igb *d)
{
	uint32_t receive = 0, transmit = 0;

	if (!d->has_tables)
		return;
	for (uint32_t vf = 0; vf < d->config.vf_count; vf++) {
		if (d->vfs[vf].state != IGB_VF_IS_READY)
			continue;
		receive |= d->vfs[vf].gate & IGB_RECEIVE ? BIT32(vf) : 0;
		transmit |= d->vfs[vf].gate & IGB_TRANSMIT ? BIT32(vf) : 0;
	}
	igb_write(d, IGB_VFRE, receive);
	igb_write(d, IGB_VFTE, transmit);
}

void igb_vf_set_gate(struct igb *d, uint32_t vf, uint32_t gate)
{
	if (vf >= d->config.vf_count)
		return;
	d->vfs[vf].gate = gate;
	igb_vf_write_gates(d);
}

/* Pool n has queue n; its second one, n + 8, no driver of this VF has. */
void igb_vf_resume_transmit(struct igb *d, uint32_t vf)
{
	uint32_t tail;

	if (vf >= d->config.vf_count || !d->has_tables || d->vfs[vf].state != IGB_VF_IS_READY)
		return;
	tail = igb_read(d, IGB_TDT(vf));
	if (tail != igb_read(d, IGB_TDH(vf)))
		igb_write(d, IGB_TDT(vf), tail);
}

bool igb_vf_has_link(const struct igb *d, uint32_t vf)
{
	return vf < d->config.vf_count && d->state == IGB_UP && d->is_link_up &&
	       d->vfs[vf].state == IGB_VF_IS_READY;
}

/* Everything that its guest asked for. */
static void drop_requests(struct igb *d, uint32_t vf)
{
	struct igb_vf *v = &d->vfs[vf];

	v->frame_bytes = 0;
	v->wants_all_multicast = false;
	igb_vf_clear_macs(d, vf);
	igb_vf_set_hashes(d, vf, NULL, 0);
	v->vlan_slots = d->config.vfs[vf].vlan ? BIT32(slot_of(d, d->config.vfs[vf].vlan)) : 0;
	write_vlans(d);
	if (!igb_mac_is_same(&v->mac, &v->home)) {
		v->mac = v->home;
		if (is_served(v))
			write_rar(d, vf, &v->mac, vf);
	}
}

/* Cut off first, then tidied up. */
static void cut_off(struct igb *d, uint32_t vf, enum igb_vf_state state)
{
	d->vfs[vf].state = state;
	d->notify &= ~BIT32(vf);
	igb_vf_write_gates(d);
	drop_requests(d, vf);
	clear_rar(d, vf);
}

/*
 * VF_RESET. The reset of its hardware came before the message, so an event that is noted by now is
 * that reset, and one that comes later is another.
 */
void igb_vf_make_ready(struct igb *d, uint32_t vf)
{
	igb_write(d, IGB_VFLRE, BIT32(vf));
	drop_requests(d, vf);
	d->notify &= ~BIT32(vf);
	d->vfs[vf].stats.resets++;
	d->vfs[vf].generation++;
	d->vfs[vf].state = IGB_VF_IS_READY;
	igb_vf_write_gates(d);
}

void igb_vf_on_reset(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events)
{
	struct igb_vf *v = &d->vfs[vf];
	const bool was_ready = v->state == IGB_VF_IS_READY;

	if (!igb_vf_charge(d, vf, now_tsc, events))
		return;
	v->state = IGB_VF_OPEN;
	v->generation++;
	v->nack_tsc = now_tsc;
	d->notify &= ~BIT32(vf);
	igb_vf_write_gates(d);
	drop_requests(d, vf);
	if (was_ready)
		igb_tell(events, IGB_VF_GONE, vf, 0, 0);
}

void igb_vf_restore(struct igb *d)
{
	d->has_tables = true;
	for (uint32_t i = 0; i < IGB_MTA_WORDS; i++)
		d->mta[i] = 0;
	for (uint32_t i = 0; i < IGB_VLAN_MAX; i++)
		d->vlvf[i] = 0;
	for (uint32_t i = 0; i < EXTRA_MAX; i++)
		d->extra_owner[i] = 0;
	for (uint32_t vf = 0; vf < d->config.vf_count; vf++) {
		struct igb_vf *v = &d->vfs[vf];

		if (v->state == IGB_VF_IS_READY)
			v->state = IGB_VF_OPEN;
		v->generation++;
		v->home = v->mac = igb_vf_home(d, vf);
		v->held_count = 0;
		v->unread_tsc = 0;
		if (is_served(v))
			write_rar(d, vf, &v->home, vf);
		drop_requests(d, vf);
		write_vmvir(d, vf);
		for (uint32_t i = 0; i < IGB_VF_VECTORS; i++)
			if (v->throttle_set & BIT32(i))
				igb_vf_set_throttle(d, vf, i, v->throttle[i]);
	}
	igb_vf_write_gates(d);
}

enum err igb_vf_open(struct igb *d, uint32_t vf)
{
	struct igb_vf *v;

	if (vf >= d->config.vf_count)
		return ERR_RANGE;
	v = &d->vfs[vf];
	if (v->state != IGB_VF_CLOSED)
		return ERR_BUSY;
	v->gate = IGB_RECEIVE | IGB_TRANSMIT;
	v->interval_end_tsc = 0;
	v->nack_tsc = 0;
	v->held_count = 0;
	v->unread_tsc = 0;
	v->state = IGB_VF_OPEN;
	igb_stats_forget(d, vf);
	drop_requests(d, vf);
	write_rar(d, vf, &v->home, vf);
	return OK;
}

void igb_vf_close(struct igb *d, uint32_t vf)
{
	if (vf >= d->config.vf_count)
		return;
	cut_off(d, vf, IGB_VF_CLOSED);
	d->vfs[vf].throttle_set = 0;
	if (!d->has_tables)
		return;
	/* Its queues must not come to life in the next owner's hands. */
	igb_write(d, IGB_PVTCTRL(vf), IGB_CTRL_RST);
	igb_write(d, IGB_MDFB, BIT32(vf) | BIT32(vf + IGB_VF_MAX));
	igb_write(d, IGB_PFMAILBOX(vf), IGB_PFMAILBOX_RVFU);
	igb_write(d, IGB_MBVFICR, IGB_MBVFICR_VFREQ(vf) | IGB_MBVFICR_VFACK(vf));
	igb_write(d, IGB_VFLRE, BIT32(vf));
}

/* --- behaviour -------------------------------------------------------------------------------- */

void igb_vf_account(struct igb *d, struct igb_vf *v, uint64_t now_tsc)
{
	if (now_tsc < v->interval_end_tsc)
		return;
	v->interval_end_tsc = now_tsc + igb_ticks(d, d->config.interval_ns);
	v->interval_messages = v->interval_spoofed = v->interval_told = 0;
}

void igb_vf_condemn(struct igb *d, uint32_t vf, enum igb_offence offence, uint32_t code,
		    struct igb_events *events)
{
	cut_off(d, vf, IGB_VF_IS_ISOLATED);
	igb_tell(events, IGB_VF_ISOLATED, vf, offence, code);
}

void igb_vf_isolate(struct igb *d, uint32_t vf, uint32_t code, struct igb_events *events)
{
	if (vf < d->config.vf_count && is_served(&d->vfs[vf]))
		igb_vf_condemn(d, vf, IGB_IS_CONDEMNED, code, events);
}

bool igb_vf_charge(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events)
{
	struct igb_vf *v = &d->vfs[vf];

	igb_vf_account(d, v, now_tsc);
	if (++v->interval_messages <= d->config.message_max)
		return true;
	igb_vf_condemn(d, vf, IGB_FLOODS, v->interval_messages, events);
	return false;
}

static void count_spoof(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events)
{
	struct igb_vf *v = &d->vfs[vf];

	igb_vf_account(d, v, now_tsc);
	v->stats.spoofed++;
	if (++v->interval_spoofed > d->config.spoof_max)
		igb_vf_condemn(d, vf, IGB_SPOOFS, v->interval_spoofed, events);
	else
		igb_tell_once(events, v, IGB_VF_SPOOFED, vf, (uint32_t)v->stats.spoofed);
}

/*
 * Pool n has the queues n and n + 8. What the device has blocked stays blocked until the VF is
 * closed. Emulators have none of these registers: they read 0 there.
 */
void igb_vf_check_behaviour(struct igb *d, uint64_t now_tsc, struct igb_events *events)
{
	const uint32_t spoofed = igb_read(d, IGB_WVBR), blocked = igb_read(d, IGB_MDFB);
	uint32_t cause = 0;

	if (blocked)
		cause = igb_read(d, IGB_LVMMC);
	for (uint32_t vf = 0; vf < d->config.vf_count; vf++) {
		const uint32_t queues = BIT32(vf) | BIT32(vf + IGB_VF_MAX);

		if (is_served(&d->vfs[vf]) && blocked & queues)
			igb_vf_condemn(d, vf, IGB_MISBEHAVES, cause, events);
		if (is_served(&d->vfs[vf]) && spoofed & queues)
			count_spoof(d, vf, now_tsc, events);
	}
}

/* --- interrupts ------------------------------------------------------------------------------- */

/* Vectors 1 to 24: the last three are VF 0's, the three before them VF 1's. */
static uint32_t eitr(uint32_t vf, uint32_t vector)
{
	return IGB_EITR(22 - IGB_VF_VECTORS * vf + vector);
}

void igb_vf_set_throttle(struct igb *d, uint32_t vf, uint32_t vector, uint32_t interval)
{
	if (vf >= d->config.vf_count || vector >= IGB_VF_VECTORS)
		return;
	d->vfs[vf].throttle[vector] = interval & IGB_THROTTLE_MAX;
	d->vfs[vf].throttle_set |= BIT32(vector);
	if (d->has_tables)
		igb_write(d, eitr(vf, vector), (interval & IGB_THROTTLE_MAX) | IGB_EITR_CNT_INGR);
}

uint32_t igb_vf_throttle(const struct igb *d, uint32_t vf, uint32_t vector)
{
	if (vf >= d->config.vf_count || vector >= IGB_VF_VECTORS || !d->has_tables)
		return 0;
	return igb_read(d, eitr(vf, vector)) & IGB_EITR_INTERVAL;
}
