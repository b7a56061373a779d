/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/pci_reset.h - a function goes from one owner to the next with nothing left in it.
 *
 * Model    A state machine that the caller drives: pci_reset_begin() chooses a method and notes
 *	    what a reset loses, pci_reset_step() does what is due and says when to come again. No
 *	    call waits, and each makes a bounded number of configuration accesses.
 *
 *	    begin -> QUIET -> DRAIN -> TRIGGER -> (HOLD -> LINK ->) SETTLE -> POLL -> done | failed
 *
 *	    QUIET: decoding, bus mastering and interrupts off, the function in D0. DRAIN: until no
 *	    transaction is pending, for 1 s at most: what then still is, the reset forgets.
 *	    SETTLE: no access at all. POLL: until it answers, with 1 s from the reset on.
 *	    Afterwards BARs, PCI Express and ACS controls are as before; the command register
 *	    has but INTx Disable; MSI and MSI-X are off, and every MSI-X entry is masked.
 * Methods  In this order, the first that there is: Function Level Reset of the PCI Express
 *	    capability; of Advanced Features; reset of the secondary bus, if all below that bridge
 *	    is one group of plain functions: all of them are reset then, and are in functions[];
 *	    D3hot and back, where that is a reset (No_Soft_Reset is 0).
 * Source   PCI Express Base Specification, "Function Level Reset (FLR)", "Conventional Reset",
 *	    "Configuration RRS Software Visibility", "Implementation Note: Avoiding Data Corruption
 *	    From Stale Completions"; PCI SIG ECN "Advanced Capabilities for Conventional PCI"; PCI
 *	    Local Bus Specification 3.0, "Reset"; PCI Bus Power Management Interface Specification,
 *	    "State Transition Recovery Time Requirements".
 * Units    *_tsc: TSC ticks, absolute; tsc_hz of arch/clock.h.
 * Errors   pci_reset_begin(): ERR_UNSUPPORTED: no method; ERR_INVAL: not usable, a bridge, or a PF
 *	    whose VFs are enabled. `why` has words.
 *	    pci_reset_step(): ERR_BUSY: again at *again_tsc. ERR_TIMEOUT: it did not come back.
 *	    ERR_INVAL: it came back as something else, or without its BARs. After the last two it
 *	    is nobody's: the caller keeps it blocked. Further steps say the same again.
 * Sharing  The caller's; one at a time for each function.
 */
#pragma once
#include "drivers/pci.h"

#define PCI_RESET_FUNCTION_MAX 8u

enum pci_reset_method { PCI_RESET_NONE, PCI_RESET_FLR, PCI_RESET_AF, PCI_RESET_BUS, PCI_RESET_PM };

struct pci_saved {
	uint32_t bars[PCI_BAR_COUNT];
	uint16_t device_control, link_control, device_control_2, acs_control;
	uint8_t cache_line, latency, interrupt_line;
};

struct pci_reset {
	const struct pci_table *table;
	enum pci_reset_method method;
	uint32_t function_count;
	uint32_t functions[PCI_RESET_FUNCTION_MAX]; /* indices: everything that is reset */
	struct pci_saved saved[PCI_RESET_FUNCTION_MAX];
	uint8_t state;
	enum err result;
	bool awaits_link;  /* the link was reported active before */
	bool left_pending; /* transactions were still pending when it was reset */
	uint64_t tsc_hz;
	uint64_t due_tsc;   /* nothing is done before */
	uint64_t limit_tsc; /* of the state that polls */
	const char *why;
};

/* What pci_reset_begin() would choose. */
enum pci_reset_method pci_reset_choose(const struct pci_table *t, uint32_t function);
const char *pci_reset_name(enum pci_reset_method method);

MUST_CHECK enum err pci_reset_begin(struct pci_reset *r, const struct pci_table *t,
				    uint32_t function, uint64_t tsc_hz);
MUST_CHECK enum err pci_reset_step(struct pci_reset *r, uint64_t now_tsc, uint64_t *again_tsc);
