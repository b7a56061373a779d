/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/pc_device_rig.h - arch/x86/pc/device.c on the host: a PC with three vCPUs, a real
 * function of tests/fake/pci.h with its BAR in memory, and an IOMMU that keeps routes.
 *
 * Model    vCPUs 4, 5, 6 on cores 14, 15, 16 have APIC IDs 0, 1, 2 and, in flat mode, logical
 *	    IDs 1, 2, 4. The function is 03:00.0 of the fake Q35: BAR 0 of 128 KiB.
 *	    Messages that the IOMMU gives are unlike any that a guest can write.
 */
#pragma once
#include "arch/x86/pc/state.h"
#include "arch/x86/post.h"
#include "tests/fake/pci.h"

#define RIG_PART      3u
#define RIG_FIRST     4u
#define RIG_VCPUS     3u
#define RIG_CORE      10u /* more than the vCPU's number */
#define RIG_BAR       UINT64_C(0xfe400000)
#define RIG_BAR_BYTES KIB(128)
#define RIG_TABLE     0x4000u
#define RIG_PENDING   0x6008u
#define RIG_COUNT     5u
#define RIG_MSIX      0xa0u /* its capabilities */
#define RIG_MSI       0x40u
#define RIG_IRQ_FIRST 100u
#define RIG_IRQS      32u
#define RIG_UNROUTED  UINT32_MAX
#define RIG_AT        PCI_ADDR(0, 3, 0, 0)

struct pc_rig {
	struct pc pc;
	int function; /* in fake_pci */
	uint8_t bar[RIG_BAR_BYTES] __attribute__((aligned(4096)));

	/* The IOMMU */
	uint32_t irq_count;
	struct {
		uint32_t to;     /* vcpu << 8 | vector; RIG_UNROUTED */
		bool has_failed; /* the last attempt */
	} routes[RIG_IRQS];
	enum err irq_error, route_error;
	uint32_t route_calls, mask_calls, wrong_cores;
	uint32_t blind_writes; /* to a table that the function does not decode */

	/* What is mapped for the guest */
	struct {
		uint64_t gpa, hpa, bytes;
		uint32_t rights;
	} maps[32];
	uint32_t map_count;
	bool has_no_pages, has_no_device_pages;
};

extern struct pc_rig rig;

/* A PC without functions. */
void rig_start(void);
/* The function with an MSI-X table of RIG_COUNT entries; with MSI only. */
struct pc_function rig_msix(void);
struct pc_function rig_msi(bool is_64);
/* rig_start(), that function in it, and placed. */
void rig_with(const struct pc_function *function);

/* The guest's: configuration space of its function `index`, from 1, and registers of its BAR 0. */
void rig_config(uint32_t index, uint32_t offset, uint32_t width, uint32_t value);
void rig_write(uint64_t offset, uint32_t width, uint64_t value);
uint64_t rig_read(uint64_t offset, uint32_t width);
/* All four words of an entry; the last one opens it. */
void rig_entry(uint32_t i, uint64_t address, uint32_t data, uint32_t control);

/* A word of the real table: address, its upper half, data, control. */
uint32_t rig_real(uint32_t i, uint32_t word);
bool rig_is_open(uint32_t i);
/* The real entry leads to this vCPU (0, 1, 2) with this vector, by the IOMMU's message. */
bool rig_leads_to(uint32_t i, uint32_t vcpu, uint8_t vector);
