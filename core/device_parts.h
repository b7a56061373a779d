/* SPDX-License-Identifier: Apache-2.0 */
/* core/device_parts.h - what core/device.c, core/device_pf.c (boot) and core/device_service.c share. */
#pragma once
#include "core/device.h"
#include "core/device_name.h"
#include "core/pf.h"

#define DEVICE_COUNT_MAX 64u

struct device {
	const struct device_config *config; /* [I] */
	const struct partition *partition;  /* [I] */
	uint32_t function;                  /* [I] in the table */
	uint32_t pc_index;                  /* [I] in its PC, from 0 */
	char name[DEVICE_PCI_TEXT_BYTES];   /* [I] where it is: "0000:01:10.0" */
};

/* [I] after start(), but for what the service does with PFs and the table. */
struct devices {
	struct pci_table table;
	uint32_t pf_count;
	struct pf pfs[CONFIG_PF_MAX];
	uint32_t count;
	struct device list[DEVICE_COUNT_MAX];
	uint64_t period_tsc; /* of the service */
};
extern struct devices devices;

/* A BAR of it. */
static inline bool device_is_memory(const struct pci_bar *bar)
{
	return bar->kind == PCI_BAR_MEM32 || bar->kind == PCI_BAR_MEM64;
}

enum err device_refuse(const char **reason, enum err e, const char *format, ...) PRINTF(3, 4);
void device_wait_until(uint64_t tsc);
void device_forbid_no_snoop(const struct pci_function *f);
MUST_CHECK enum err device_start_pf(const struct config *system, uint32_t i, const char **reason);
/* The hypervisor's. */
bool device_is_pf(uint32_t function);

/* Neither it nor any of its group is a partition's or a PF. After start(). */
bool device_is_free(uint32_t function, const char **why);

uint64_t device_serve(uint64_t now_tsc);
void device_cut_off(const struct partition *p);
bool device_is_quiet(const struct partition *p);
/* A VF of this PF was reset beside its guest. */
void device_vf_was_reset(const struct pf *p, uint32_t vf);
