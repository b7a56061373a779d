/* SPDX-License-Identifier: Apache-2.0 */
/* core/pf_igb.c - an Intel 82576 as core/pf.h wants it. It does no DMA: no domain has it. */
#include "arch/clock.h"
#include "core/device_name.h"
#include "core/lib/fmt.h"
#include "core/log.h"
#include "core/pf.h"
#include "drivers/igb/igb.h"

#define VENDOR_INTEL 0x8086u
#define BAR_BYTES    KIB(128)
#define LINE_BYTES   120u
#define CRC_BYTES    4u /* its octet counters have them: "Good Octets Received Count" */

enum { VFS_ON, COMING, UP };

static struct igb devices[CONFIG_PF_MAX];

/* "82576 Device IDs": copper, fiber, backplane, quad copper; QEMU has the first. */
static bool serves(const struct pci_function *f)
{
	static const uint16_t ids[] = { 0x10c9, 0x150a, 0x150d, 0x1526 };

	for (uint32_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (f->vendor == VENDOR_INTEL && f->device == ids[i] && !f->is_vf)
			return true;
	return false;
}

static void configure(const struct pf *p, struct igb_config *c)
{
	*c = (struct igb_config){ .tsc_hz = arch_clock_tsc_hz(), .vf_count = p->config->vf_count };
	for (uint32_t i = 0; i < c->vf_count; i++) {
		const struct device_config *const d = p->vfs[i];

		if (!d)
			continue;
		c->vfs[i].vlan = (uint16_t)d->vlan;
		/* The planner has checked it. */
		if (d->mac && !device_parse_mac(d->mac, c->vfs[i].mac.byte))
			c->vfs[i].mac = (struct igb_mac){ { 0 } };
	}
}

static enum err begin(struct pf *p, uint64_t now_tsc)
{
	struct igb *const d = &devices[p->index];
	void *const bar = pf_map(p, BAR_BYTES);
	struct igb_config wanted;
	struct igb_io io;
	enum err e;

	p->why = "its registers cannot be mapped";
	if (!bar)
		return ERR_NOMEM;
	configure(p, &wanted);
	io = igb_io_mapped(bar);
	e = igb_init(d, &wanted, &io);
	p->why = d->why;
	if (e != OK)
		return e;
	e = sriov_begin(&p->sriov, p->table, p->function, p->config->vf_count, wanted.tsc_hz);
	p->why = p->sriov.why;
	p->phase = VFS_ON;
	return e;
}

static enum err open_vfs(struct pf *p)
{
	const struct igb *const d = &devices[p->index];
	enum err e = OK;

	log_line(p->tag, "a unit of its interrupt throttle is %u.%03u us, %s",
		 d->throttle_ps / 1000000, d->throttle_ps / 1000 % 1000,
		 d->throttle_is_measured ? "measured" : "by the data sheet: it cannot be measured");

	for (uint32_t i = 0; i < p->config->vf_count && e == OK; i++)
		if (p->vfs[i])
			e = igb_vf_open(&devices[p->index], i);
	return e;
}

static enum err step(struct pf *p, uint64_t now_tsc, uint64_t *again_tsc)
{
	struct igb *const d = &devices[p->index];
	enum err e;

	if (p->phase == VFS_ON) {
		e = sriov_step(&p->sriov, now_tsc, again_tsc);
		p->why = p->sriov.why;
		if (e != OK)
			return e;
		p->phase = COMING;
	}
	e = igb_step(d, now_tsc, again_tsc);
	p->why = d->why;
	if (e != OK)
		return e;
	p->phase = UP;
	return open_vfs(p);
}

static void report(const struct pf *p, const struct igb_events *events)
{
	char line[LINE_BYTES];

	for (uint32_t i = 0; i < events->count; i++) {
		igb_event_text(&events->list[i], line, sizeof(line));
		log_line(p->tag, "%s", line);
	}
	if (events->lost != 0)
		log_line(p->tag, "%u events more", events->lost);
}

/* After a reset of its own: until it is up, or for good. */
static void come_back(struct pf *p, uint64_t now_tsc)
{
	uint64_t again_tsc;
	enum err e;

	if (p->is_given_up)
		return;
	e = igb_step(&devices[p->index], now_tsc, &again_tsc);
	if (e == OK || e == ERR_BUSY)
		return;
	log_line(p->tag, "given up: %s", devices[p->index].why);
	p->is_given_up = true;
}

static void serve(struct pf *p, uint64_t now_tsc)
{
	static struct igb_events events; /* of the one core that serves */

	if (!igb_is_up(&devices[p->index])) {
		come_back(p, now_tsc);
		return;
	}
	igb_poll(&devices[p->index], now_tsc, &events);
	report(p, &events);
}

/* ---- Rates ---- */

static void read_traffic(struct pf *p, uint32_t vf, struct vf_traffic *traffic)
{
	struct igb *const d = &devices[p->index];
	struct igb_vf_stats s;

	igb_vf_read_stats(d, vf, &s);
	*traffic = (struct vf_traffic){ .rx_packets = s.rx_packets,
					.rx_bytes = s.rx_octets - CRC_BYTES * s.rx_packets,
					.tx_packets = s.tx_packets,
					.tx_bytes = s.tx_octets - CRC_BYTES * s.tx_packets,
					.generation = d->vfs[vf].generation,
					.has_link = igb_vf_has_link(d, vf) };
}

/*
 * The IOMMU's gate is exact, and the device shall not hold back longer than it. Where there is none, for
 * the IOMMU posts by itself, not shorter. Urgent entries have no throttle.
 */
static void set_interval(struct pf *p, uint32_t vf, uint64_t interval_ns)
{
	struct igb *const d = &devices[p->index];
	const uint32_t units = igb_throttle_of(
		d, interval_ns, arch_iommu_can_post() ? IGB_ROUND_UP : IGB_ROUND_DOWN);

	for (uint32_t i = 0; i < IGB_VF_VECTORS; i++)
		igb_vf_set_throttle(d, vf, i, p->vfs[vf]->irq_rate.urgent & BIT32(i) ? 0 : units);
}

static void set_gate(struct pf *p, uint32_t vf, bool may_receive, bool may_send)
{
	igb_vf_set_gate(&devices[p->index], vf,
			(may_receive ? IGB_RECEIVE : 0u) | (may_send ? IGB_TRANSMIT : 0u));
}

static void resume_send(struct pf *p, uint32_t vf)
{
	igb_vf_resume_transmit(&devices[p->index], vf);
}

const struct pf_ops pf_igb = { .serves = serves,
			       .begin = begin,
			       .step = step,
			       .serve = serve,
			       .read_traffic = read_traffic,
			       .set_interval = set_interval,
			       .set_gate = set_gate,
			       .resume_send = resume_send };
