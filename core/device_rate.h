/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/device_rate.h - network VFs: how often they interrupt, and what of their link they have.
 *
 * Model    In each round of the service, for each VF of a PF: its traffic is read; once in a window
 *	    its controller (io/irq_rate.h) says how often it may interrupt, which goes to the
 *	    device's own throttle, again each round, and to the IOMMU's gate; and what it has moved
 *	    is taken out of its buckets (io/shaper.h), whose state opens and closes its ways at the device.
 *	    Costs that the configuration does not give are measured in the first windows with
 *	    traffic; docs/interrupt-rate.md has how.
 * Link     Only where the configuration has irq_rate or qos (Makefile, "rate"): elsewhere these are NULL.
 * Sharing  _start(): boot core. _serve(): the service. _summarize(): when all cores have stopped.
 */
#pragma once
#include "core/partition.h"
#include "core/pf.h"

#define RATE_VF_MAX 16u /* of one network controller */
/* Register accesses of a step for each VF: its counters, three throttles, its gates; and its queue's way
 * on, after which counters and gates are looked at again. */
#define RATE_ACCESS_MAX 20u

/*
 * The PF is up, and its VFs have their interrupts: those with irq_rate and qos are controlled from now on. Others
 * have what these leave of the link.
 */
void device_rate_start(struct pf *p, const struct config *system) __attribute__((weak));
/* One step: all VFs of this PF. */
void device_rate_serve(struct pf *p, uint64_t now_tsc) __attribute__((weak));
/* What there is to say of its VFs at the end of the run. */
void device_rate_summarize(const struct pf *p) __attribute__((weak));
