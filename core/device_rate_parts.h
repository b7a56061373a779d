/* SPDX-License-Identifier: Apache-2.0 */
/* core/device_rate_parts.h - what core/device_rate.c keeps, and core/device_rate_report.c tells. */
#pragma once
#include "core/device_rate.h"
#include "io/irq_rate.h"
#include "io/shaper.h"

#define RATE_NO_CLIENT UINT32_MAX

/* Sums over windows with traffic, until there were enough of them. */
struct rate_costs {
	uint32_t windows;
	uint64_t packets, guest_tsc; /* what its guest computed for them, at most */
	uint64_t
		interrupt_tsc; /* of the hypervisor for one, in the window in which they cost most */
};

/* One direction of a VF. */
struct rate_way {
	uint32_t client; /* of the PF's shaper of this direction; RATE_NO_CLIENT: none */
	bool is_open;
	uint64_t packets, bytes; /* as of the last look */
};

struct rate_vf {
	const struct device_config *config; /* [I], as are these */
	const struct partition *owner;
	uint32_t vf;
	pci_addr_t at;
	bool may_resume; /* when the service runs, its guest does not */
	uint64_t window_tsc;
	/* of the service, as are those below */
	bool has_begun;
	uint64_t due_tsc;     /* the window's end */
	uint64_t sampled_tsc; /* its beginning */
	struct vf_traffic traffic;
	uint32_t generation; /* that the ways' counters are of */
	struct irq_rate rate;
	uint64_t interval_ns;
	struct rate_way receive, send;
	/* calibration */
	uint64_t last_packets, last_delivered, last_guest_tsc, last_host_tsc;
	struct rate_costs costs;
	/* accounting */
	uint64_t windows, rate_changes;
	uint32_t rate_min, rate_max;
	uint64_t report_tsc;
};

struct rate_pf {
	uint32_t count;
	struct rate_vf vfs[RATE_VF_MAX];
	bool is_watched; /* from outside, round by round: the device takes nothing out of buckets */
	struct shaper shapers[2]; /* RATE_RECEIVE, RATE_SEND */
};
enum { RATE_RECEIVE, RATE_SEND };

extern struct rate_pf rate_pfs[CONFIG_PF_MAX];

static inline bool rate_is_controlled(const struct rate_vf *v)
{
	return v->config->irq_rate.kind != IRQ_RATE_UNSET;
}

void rate_count_interrupts(const struct pf *p, const struct rate_vf *v, struct irq_counts *counts);
void rate_report(const struct pf *p, struct rate_vf *v, const char *when);
