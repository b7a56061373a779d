/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers/sriov.h - a physical function's virtual functions: on and off.
 *
 * Model    A state machine that the caller drives with absolute times, as drivers/pci_reset.h.
 *	    Enabled VFs are entries of struct pci_table (is_vf, pf, vf_index): vendor and device
 *	    synthesized, BARs computed. Disabled ones stay there as not usable, so that indices
 *	    hold; the next time they are used again. pci_form_groups() afterwards.
 *	    VF BARs that firmware has not placed are put into a gap of the windows of the bridge
 *	    above: below 4 GiB if there is one, else into its prefetchable window.
 *	    ARI Forwarding is turned on in the port above if both sides can: else VFs with
 *	    function numbers beyond 7 could not be reached.
 * Source   PCI Express Base Specification, "Single Root I/O Virtualization", "SR-IOV Extended
 *	    Capability": 100 ms from VF Enable to the first access, 1 s until every VF answers,
 *	    1 s from clearing VF Enable to setting it again; page size 4 KiB.
 * Errors   Each with words in `why`. ERR_UNSUPPORTED: no SR-IOV. ERR_RANGE: more VFs than it has.
 *	    ERR_INVAL: the capability says what cannot be, or VFs would lie where nothing leads to
 *	    them. ERR_NOMEM: no room for BARs, or in the table. ERR_TIMEOUT: a VF does not answer:
 *	    all are off again. ERR_BUSY: again at *again_tsc.
 * Sharing  Boot core, or whoever alone changes the table.
 */
#pragma once
#include "drivers/pci.h"

struct sriov {
	struct pci_table *table;
	uint32_t pf;
	uint32_t count; /* wanted; 0: off */
	uint32_t first_offset, stride;
	struct pci_bar bars[PCI_BAR_COUNT]; /* of VF 0 */
	uint8_t state;
	enum err result;
	uint64_t tsc_hz, due_tsc, limit_tsc;
	const char *why;
};

/* `count` VFs on; 0: all off. Nothing is touched before the first step. */
MUST_CHECK enum err sriov_begin(struct sriov *s, struct pci_table *t, uint32_t pf, uint32_t count,
				uint64_t tsc_hz);
MUST_CHECK enum err sriov_step(struct sriov *s, uint64_t now_tsc, uint64_t *again_tsc);

/* Index of an enabled VF, or PCI_NO_FUNCTION. */
uint32_t sriov_vf(const struct pci_table *t, uint32_t pf, uint32_t vf_index);
