/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/device_rig.h - core/device*.c on the host: the PCI functions of tests/fake/pci.h, an
 * IOMMU and PCs that note what they are asked for, and partitions with little but their devices.
 *
 * Model    The IOMMU keeps who has which function, and gives none away that is somebody's. What is
 *	    asked for is noted in its order, with how the function was just then. Time is that
 *	    of tests/fake/pci.h, a tick for each look at the clock.
 *	    Once for each test program: core/device_service.c has no beginning but the image's.
 */
#pragma once
#include "core/device_parts.h"
#include "tests/fake/pci.h"
#include "arch/iommu.h"
#include "arch/pc.h"

#define RIG_NOBODY     UINT32_MAX
#define RIG_EVENT_MAX  512u
#define RIG_LINE_MAX   64u
#define RIG_LINE_BYTES 256u
#define RIG_PART_MAX   8u
#define RIG_DEVICE_MAX (DEVICE_COUNT_MAX + 8)
#define RIG_PERIOD     US(5000) /* of the service, in nanoseconds: 5000 ticks */

enum rig_what {
	RIG_DOMAIN,
	RIG_ATTACH,
	RIG_BLOCK,
	RIG_ADD,   /* to its partition's PC */
	RIG_PLACE, /* a partition's functions in its PC */
	RIG_AGAIN, /* it was reset beside its guest */
	RIG_POKE,  /* `part`: a vCPU */
	RIG_POKE_SERVICE
};

struct rig_event {
	enum rig_what what;
	uint32_t part;
	pci_addr_t addr;
	uint32_t command; /* the function's, then */
	uint32_t resets;  /* that it had seen */
	uint32_t map_count;
};

struct rig_map {
	uint32_t part;
	uint64_t gpa, hpa, bytes;
	uint32_t rights;
};

struct device_rig {
	/* What it does */
	bool has_no_iommu;
	enum err domain_error, map_error, add_error, place_error, block_error;
	enum err attach_error; /* to partitions */
	struct iommu_fault faults[64];
	uint32_t fault_count, fault_at;
	uint32_t faults_taken;
	bool fault_for_ever; /* the first of them */
	bool can_post;
	struct irq_counts irq_counts; /* of any device */

	/* What it saw */
	struct rig_event events[RIG_EVENT_MAX];
	uint32_t event_count;
	struct rig_map maps[16];
	uint32_t map_count;
	struct pc_function functions[RIG_PART_MAX][8]; /* in the partitions' PCs */
	uint32_t function_count[RIG_PART_MAX];
	char lines[RIG_LINE_MAX][RIG_LINE_BYTES]; /* of the log: "tag: text" */
	uint32_t line_count;
	char machine[RIG_LINE_MAX][RIG_LINE_BYTES]; /* the log's lines for machines */
	uint32_t machine_count;
	uint64_t mapped_at, mapped_bytes; /* device memory */
	uint32_t throttle_count; /* the IOMMU's gates: how often they were set, and the last one */
	pci_addr_t throttled;
	uint64_t throttle_tsc;
	uint32_t throttle_urgent;
};

extern struct device_rig rig;

/* No partitions, no PFs; the fake PCI machine is the caller's to make, before. */
void rig_clear(void);
void rig_pf(const struct pf_config *pf);
/* One vCPU, `bytes` of memory from 64 GiB times its number + 1. */
struct partition *rig_partition(const char *name, uint64_t bytes,
				const struct device_config *devices, uint32_t count);
/* Its vCPU shares core 0, unless this is said. */
void rig_own_core(struct partition *p);
#define RIG_DEVICES(...) \
	(const struct device_config[]){ __VA_ARGS__ }, \
		sizeof((const struct device_config[]){ __VA_ARGS__ }) / \
			sizeof(struct device_config)
enum err rig_boot(const char **reason);

/* What the fake IOMMU has; RIG_NOBODY: it is blocked. */
uint32_t rig_owner(pci_addr_t addr);
/* The index in fake_pci of whatever answers at this address. */
int rig_fake(pci_addr_t addr);
uint32_t rig_count(enum rig_what what);
/* The first event of this kind that is about `addr`; NULL: none. */
const struct rig_event *rig_find(enum rig_what what, pci_addr_t addr);
/* Lines of the log with these two texts in them. */
uint32_t rig_lines(const char *one, const char *two);
