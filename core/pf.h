/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/pf.h - physical functions that the hypervisor drives for the sake of their VFs.
 *
 * Model    A driver is a table of steps, none of which waits. Up: its VFs are enabled, and may be
 *	    handed over. Linked only where the configuration names it (Makefile, "drivers").
 * Units    *_tsc: TSC ticks, absolute.
 * Sharing  step() until the first OK: boot core; then serve(), by the service alone.
 */
#pragma once
#include "arch/iommu.h"
#include "core/config.h"
#include "drivers/pci_reset.h"
#include "drivers/sriov.h"

struct pf {
	const struct pf_config *config;
	const struct pf_ops *ops;
	struct pci_table *table;
	uint32_t function;                              /* in the table */
	uint32_t index;                                 /* in config.pfs */
	char tag[24];                                   /* "pf NAME", for the log */
	const struct device_config *vfs[CONFIG_VF_MAX]; /* who has VF n; NULL: nobody */
	struct sriov sriov;
	struct pci_reset reset;
	uint32_t phase;  /* the driver's */
	const char *why; /* it does not come up, or was given up */
	bool is_given_up;
	/* A VF was reset beside its guest: the caller sets it up again. */
	void (*vf_was_reset)(const struct pf *p, uint32_t vf);
};

/* What a network VF has moved since its PF came up; counters may start again at a reset. */
struct vf_traffic {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint32_t generation; /* changes with every reset of the VF or the PF */
	bool has_link;       /* its driver is ready, and the link is up */
};

/* What a VF's frames are taken out of, each way; NULL: they are not. io/shaper.h. */
struct pf_buckets {
	struct shaper *receive, *send;
	uint32_t receive_client, send_client;
};

struct pf_ops {
	bool (*serves)(const struct pci_function *f);
	/* Its function decodes memory and is a bus master. Errors: `why`. */
	enum err (*begin)(struct pf *p, uint64_t now_tsc);
	/* ERR_BUSY: again at *again_tsc. OK: it is up. Others are final. */
	enum err (*step)(struct pf *p, uint64_t now_tsc, uint64_t *again_tsc);
	/* One round, of at most 300 us: core/plan_device.c. */
	void (*serve)(struct pf *p, uint64_t now_tsc);
	/* Network controllers; NULL: it is none. Bounded like a round: all three for every VF of it. */
	void (*read_traffic)(struct pf *p, uint32_t vf, struct vf_traffic *traffic);
	/*
	 * The device's own throttle: the least time between two interrupts of a vector; 0: none. A VF may
	 * be able to write it, too: again each round.
	 */
	void (*set_interval)(struct pf *p, uint32_t vf, uint64_t interval_ns);
	/* What reaches it, and what it sends, while closed is dropped or waits; at the device. */
	void (*set_gate)(struct pf *p, uint32_t vf, bool may_receive, bool may_send);
	/*
	 * What has waited to be sent since the gate was closed goes on, where the device does not see to that
	 * itself; NULL: it does. Only while none of its guest's vCPUs can run.
	 */
	void (*resume_send)(struct pf *p, uint32_t vf);
	/*
	 * Frame by frame, by the device itself, which fills the buckets, too; boot only. NULL: it does not, and
	 * is watched from outside.
	 */
	void (*set_buckets)(struct pf *p, uint32_t vf, const struct pf_buckets *buckets);
	/* Its interrupts; NULL: ask the IOMMU. */
	void (*count_interrupts)(struct pf *p, uint32_t vf, struct irq_counts *counts);
};
extern const struct pf_ops pf_igb __attribute__((weak));
extern const struct pf_ops pf_nvme __attribute__((weak));
extern const struct pf_ops pf_memory __attribute__((weak));

/* For drivers: how many of its VFs are somebody's; its registers from BAR 0; all its VFs on. */
uint32_t pf_used_count(const struct pf *p);
void *pf_map(const struct pf *p, uint64_t bytes);
/* Memory decoding and bus mastering on. */
void pf_enable(const struct pf *p);
