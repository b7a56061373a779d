/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lib/fmt.h"
#include "drivers/igb/igb_internal.h"

/* In the order of igb_vf.last. */
static void counters(struct igb_vf_stats *s, uint64_t *to[5])
{
	to[0] = &s->rx_packets;
	to[1] = &s->tx_packets;
	to[2] = &s->rx_octets;
	to[3] = &s->tx_octets;
	to[4] = &s->rx_multicast;
}

static void read_counters(const struct igb *d, uint32_t vf, uint32_t now[5])
{
	now[0] = igb_read(d, IGB_PVFGPRC(vf));
	now[1] = igb_read(d, IGB_PVFGPTC(vf));
	now[2] = igb_read(d, IGB_PVFGORC(vf));
	now[3] = igb_read(d, IGB_PVFGOTC(vf));
	now[4] = igb_read(d, IGB_PVFMPRC(vf));
}

/* They wrap, and do not start again with the VF's reset: what counts is how far they went. */
void igb_stats_sample(struct igb *d, uint32_t vf)
{
	struct igb_vf *v = &d->vfs[vf];
	uint32_t now[5];
	uint64_t *sum[5];

	read_counters(d, vf, now);
	counters(&v->stats, sum);
	for (uint32_t i = 0; i < 5; i++) {
		*sum[i] += now[i] - v->last[i];
		v->last[i] = now[i];
	}
}

void igb_stats_forget(struct igb *d, uint32_t vf)
{
	if (d->has_tables)
		read_counters(d, vf, d->vfs[vf].last);
	d->vfs[vf].stats = (struct igb_vf_stats){ 0 };
}

void igb_stats_restarted(struct igb *d)
{
	for (uint32_t vf = 0; vf < d->config.vf_count; vf++)
		for (uint32_t i = 0; i < 5; i++)
			d->vfs[vf].last[i] = 0;
}

void igb_vf_read_stats(struct igb *d, uint32_t vf, struct igb_vf_stats *stats)
{
	*stats = (struct igb_vf_stats){ 0 };
	if (vf >= d->config.vf_count)
		return;
	if (d->state == IGB_UP)
		igb_stats_sample(d, vf);
	*stats = d->vfs[vf].stats;
}

/* --- events -------------------------------------------------------------------------------- */

void igb_tell(struct igb_events *events, enum igb_event_kind kind, uint32_t vf, uint32_t detail,
	      uint32_t code)
{
	if (events->count == IGB_EVENT_MAX) {
		events->lost++;
		return;
	}
	events->list[events->count++] = (struct igb_event){ kind, vf, detail, code };
}

void igb_tell_once(struct igb_events *events, struct igb_vf *v, enum igb_event_kind kind,
		   uint32_t vf, uint32_t detail)
{
	if (v->interval_told & BIT32(kind))
		return;
	v->interval_told |= BIT32(kind);
	igb_tell(events, kind, vf, detail, 0);
}

static void isolated_text(const struct igb_event *e, char *text, size_t bytes)
{
	switch ((enum igb_offence)e->detail) {
	case IGB_FLOODS:
		fmt_text(text, bytes, "VF %u cut off: %u messages and resets in one interval",
			 e->vf, e->code);
		return;
	case IGB_SPOOFS:
		fmt_text(text, bytes, "VF %u cut off: seen %u times sending what is not its own",
			 e->vf, e->code);
		return;
	case IGB_MISBEHAVES:
		fmt_text(text, bytes, "VF %u cut off: malicious descriptors, cause 0x%08x", e->vf,
			 e->code);
		return;
	case IGB_IS_CONDEMNED:
		break;
	}
	fmt_text(text, bytes, "VF %u cut off, code %u", e->vf, e->code);
}

void igb_event_text(const struct igb_event *event, char *text, size_t bytes)
{
	switch (event->kind) {
	case IGB_LINK_UP:
		fmt_text(text, bytes, "link up");
		return;
	case IGB_LINK_DOWN:
		fmt_text(text, bytes, "link down");
		return;
	case IGB_VF_READY:
		fmt_text(text, bytes, "VF %u ready", event->vf);
		return;
	case IGB_VF_GONE:
		fmt_text(text, bytes, "VF %u has reset itself", event->vf);
		return;
	case IGB_VF_REFUSED:
		fmt_text(text, bytes, "VF %u: message 0x%08x refused", event->vf, event->detail);
		return;
	case IGB_VF_SPOOFED:
		fmt_text(text, bytes, "VF %u sends what is not its own: seen %u times", event->vf,
			 event->detail);
		return;
	case IGB_VF_STUCK:
		fmt_text(text, bytes, "VF %u does not let go of its mailbox", event->vf);
		return;
	case IGB_VF_ISOLATED:
		isolated_text(event, text, bytes);
		return;
	case IGB_DEVICE_LOST:
		break;
	}
	fmt_text(text, bytes, "device lost: registers read all ones");
}
