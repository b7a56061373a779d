/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox is 16 words that PF and VF share, and a lock: PFU and VFU exclude each other. The
 * lock is taken once per message and held from reading it to answering it, so that a VF that keeps
 * to the protocol cannot put its next message where our answer goes. A VF that does not keep to it
 * can write these words at any moment: each is read once, then judged.
 */
#include "drivers/igb/igb_internal.h"

/* First word: 15:0 what, 23:16 how, 31:29 what we set in answers. */
#define MESSAGE_ACK        BIT32(31)
#define MESSAGE_NACK       BIT32(30)
#define MESSAGE_CTS        BIT32(29) /* clear to send: VF_RESET has been done */
#define MESSAGE_INFO(m)    ((m) >> 16 & 0xffu)
#define MESSAGE_INFO_MASK  (0xffu << 16)
#define MESSAGE_WHAT(m)    ((m)&0xffffu)
#define MESSAGE_RESERVED   0xff000000u

#define VF_RESET           1u
#define VF_SET_MAC         2u
#define INFO_MAC_OWN       0u
#define INFO_MAC_CLEAR     1u /* of the additional ones */
#define INFO_MAC_ADD       2u
#define VF_SET_MULTICAST   3u
#define VF_SET_VLAN        4u
#define VF_SET_LPE         5u
#define VF_SET_PROMISC     6u
#define INFO_ALL_MULTICAST 2u
#define PF_CONTROL         0x100u

#define HASH_MAX           0xfffu

/* A VF needs the lock for 16 words: a driver that has it for this long is gone. */
#define HOLD_NS    MS(50)
#define HOLD_COUNT 8u /* and as often: between two looks it may have let go and taken it again */
/* As igbvf reads its mailbox every 2 s while it waits for the PF. */
#define NACK_NS SEC(1)
/* Some answers igbvf reads at its next look at the link, or never. */
#define UNREAD_NS SEC(2)

static bool take(struct igb *d, uint32_t vf, uint64_t now_tsc)
{
	struct igb_vf *v = &d->vfs[vf];

	igb_write(d, IGB_PFMAILBOX(vf), IGB_PFMAILBOX_PFU);
	if (igb_read(d, IGB_PFMAILBOX(vf)) & IGB_PFMAILBOX_PFU) {
		v->held_count = 0;
		return true;
	}
	if (!v->held_count++)
		v->held_tsc = now_tsc;
	return false;
}

/* A driver killed inside its critical section would keep the mailbox for ever. */
static void check_hold(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events)
{
	struct igb_vf *v = &d->vfs[vf];

	if (v->held_count < HOLD_COUNT || now_tsc - v->held_tsc < igb_ticks(d, HOLD_NS))
		return;
	v->held_count = 0;
	igb_write(d, IGB_PFMAILBOX(vf), IGB_PFMAILBOX_RVFU);
	igb_tell_once(events, v, IGB_VF_STUCK, vf, 0);
}

static void let_go(struct igb *d, uint32_t vf)
{
	igb_write(d, IGB_PFMAILBOX(vf), 0);
}

static uint32_t word(const struct igb *d, uint32_t vf, uint32_t index)
{
	return igb_read(d, IGB_VMBMEM(vf) + 4 * index);
}

static struct igb_mac mac_of_words(uint32_t low, uint32_t high)
{
	return (struct igb_mac){ { (uint8_t)low, (uint8_t)(low >> 8), (uint8_t)(low >> 16),
				   (uint8_t)(low >> 24), (uint8_t)high, (uint8_t)(high >> 8) } };
}

static bool on_set_mac(struct igb *d, uint32_t vf, uint32_t first)
{
	const uint32_t low = word(d, vf, 1), high = word(d, vf, 2);
	const struct igb_mac mac = mac_of_words(low, high);

	if (MESSAGE_INFO(first) == INFO_MAC_CLEAR) {
		igb_vf_clear_macs(d, vf);
		return true;
	}
	if (high > 0xffff)
		return false;
	if (MESSAGE_INFO(first) == INFO_MAC_OWN)
		return igb_vf_set_mac(d, vf, &mac);
	return MESSAGE_INFO(first) == INFO_MAC_ADD && igb_vf_add_mac(d, vf, &mac);
}

static bool on_set_multicast(struct igb *d, uint32_t vf, uint32_t first)
{
	const uint32_t count = MESSAGE_INFO(first);
	uint16_t hashes[IGB_HASH_MAX];

	if (count > IGB_HASH_MAX)
		return false;
	if (count && d->config.vfs[vf].flags & IGB_VF_NO_MULTICAST)
		return false;
	for (uint32_t i = 0; i < count; i += 2) {
		const uint32_t two = word(d, vf, 1 + i / 2);

		hashes[i] = (uint16_t)two;
		if (i + 1 < count)
			hashes[i + 1] = (uint16_t)(two >> 16);
	}
	for (uint32_t i = 0; i < count; i++)
		if (hashes[i] > HASH_MAX)
			return false;
	igb_vf_set_hashes(d, vf, hashes, count);
	return true;
}

static bool on_set_vlan(struct igb *d, uint32_t vf, uint32_t first)
{
	return MESSAGE_INFO(first) <= 1 &&
	       igb_vf_set_vlan(d, vf, word(d, vf, 1), MESSAGE_INFO(first));
}

static bool on_set_lpe(struct igb *d, uint32_t vf, uint32_t first)
{
	return !MESSAGE_INFO(first) && igb_vf_set_frame(d, vf, word(d, vf, 1));
}

static bool on_set_promisc(struct igb *d, uint32_t vf, uint32_t first)
{
	if (MESSAGE_INFO(first) & ~INFO_ALL_MULTICAST)
		return false;
	return igb_vf_set_all_multicast(d, vf, MESSAGE_INFO(first));
}

static bool on_message(struct igb *d, uint32_t vf, uint32_t first)
{
	if (first & MESSAGE_RESERVED)
		return false;
	switch (MESSAGE_WHAT(first)) {
	case VF_SET_MAC:
		return on_set_mac(d, vf, first);
	case VF_SET_MULTICAST:
		return on_set_multicast(d, vf, first);
	case VF_SET_VLAN:
		return on_set_vlan(d, vf, first);
	case VF_SET_LPE:
		return on_set_lpe(d, vf, first);
	case VF_SET_PROMISC:
		return on_set_promisc(d, vf, first);
	}
	return false;
}

/* Lets go of the mailbox. */
static void answer(struct igb *d, uint32_t vf, uint32_t first, uint64_t now_tsc)
{
	d->vfs[vf].unread_tsc = now_tsc + igb_ticks(d, UNREAD_NS);
	igb_write(d, IGB_VMBMEM(vf), first);
	igb_write(d, IGB_PFMAILBOX(vf), IGB_PFMAILBOX_STS | IGB_PFMAILBOX_ACK);
}

/* This answer alone goes without CTS: igbvf compares the whole word. */
static void on_reset(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events)
{
	const uint8_t *b = d->vfs[vf].home.byte;
	const uint32_t low =
		(uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;

	igb_vf_make_ready(d, vf);
	igb_write(d, IGB_VMBMEM(vf) + 4, low);
	igb_write(d, IGB_VMBMEM(vf) + 8, (uint32_t)b[4] | (uint32_t)b[5] << 8);
	answer(d, vf, VF_RESET | MESSAGE_ACK, now_tsc);
	igb_tell(events, IGB_VF_READY, vf, 0, 0);
}

/*
 * What igbvf recognizes as a refusal: for VF_SET_VLAN the word without its info, otherwise with it.
 * Without CTS, NACK tells a driver to begin again.
 */
static void refuse(struct igb *d, uint32_t vf, uint32_t first, uint64_t now_tsc,
		   struct igb_events *events)
{
	struct igb_vf *v = &d->vfs[vf];
	uint32_t back = first & ~MESSAGE_RESERVED;

	if (MESSAGE_WHAT(first) == VF_SET_VLAN)
		back &= ~MESSAGE_INFO_MASK;
	if (v->state == IGB_VF_IS_READY)
		back |= MESSAGE_CTS;
	answer(d, vf, back | MESSAGE_NACK, now_tsc);
	v->stats.refused++;
	igb_tell_once(events, v, IGB_VF_REFUSED, vf, first);
}

void igb_mailbox_serve(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events)
{
	struct igb_vf *v = &d->vfs[vf];
	uint32_t first;

	if (!take(d, vf, now_tsc)) {
		check_hold(d, vf, now_tsc, events);
		return;
	}
	/* Cleared before the message is read: one that arrives later is not lost. An
	 * acknowledgement that is noted by now is of something older than the answer to come. */
	igb_write(d, IGB_MBVFICR, IGB_MBVFICR_VFREQ(vf) | IGB_MBVFICR_VFACK(vf));
	if (!igb_vf_charge(d, vf, now_tsc, events)) {
		let_go(d, vf);
		return;
	}
	v->stats.messages++;
	first = word(d, vf, 0);
	if (first == VF_RESET)
		on_reset(d, vf, now_tsc, events);
	else if (v->state == IGB_VF_IS_READY && on_message(d, vf, first))
		answer(d, vf, first | MESSAGE_ACK | MESSAGE_CTS, now_tsc);
	else
		refuse(d, vf, first, now_tsc, events);
}

/* A VF that reads its mailbox without being clear to send waits for word from us. */
void igb_mailbox_on_ack(struct igb *d, uint32_t vf, uint64_t now_tsc)
{
	struct igb_vf *v = &d->vfs[vf];

	igb_write(d, IGB_MBVFICR, IGB_MBVFICR_VFACK(vf));
	v->unread_tsc = 0;
	if (v->state != IGB_VF_OPEN || now_tsc - v->nack_tsc < igb_ticks(d, NACK_NS))
		return;
	v->nack_tsc = now_tsc;
	d->notify |= BIT32(vf);
}

bool igb_mailbox_notify(struct igb *d, uint32_t vf, uint64_t now_tsc, struct igb_events *events)
{
	const uint32_t text =
		d->vfs[vf].state == IGB_VF_IS_READY ? PF_CONTROL | MESSAGE_CTS : MESSAGE_NACK;

	/* igbvf would take this for the answer. */
	if (now_tsc < d->vfs[vf].unread_tsc)
		return false;
	if (!take(d, vf, now_tsc)) {
		check_hold(d, vf, now_tsc, events);
		return false;
	}
	/* It has sent something: the answer to that will do. */
	if (igb_read(d, IGB_MBVFICR) & IGB_MBVFICR_VFREQ(vf)) {
		let_go(d, vf);
		return true;
	}
	igb_write(d, IGB_VMBMEM(vf), text);
	igb_write(d, IGB_PFMAILBOX(vf), IGB_PFMAILBOX_STS);
	return true;
}

void igb_mailbox_warn(struct igb *d, uint32_t vf)
{
	if (!take(d, vf, 0))
		return;
	/* Not NACK: it would make the VF reset itself in the middle of our reset. */
	igb_write(d, IGB_VMBMEM(vf), PF_CONTROL);
	igb_write(d, IGB_PFMAILBOX(vf), IGB_PFMAILBOX_STS);
}
