/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/ledger.h - where every tick of a core went.
 *
 * Model    A core's time since ledger_open() is cut into consecutive pieces, and closing a
 *	    piece adds it to exactly one account. So the accounts of a core sum to the time
 *	    that has passed, whatever the callers do: there is no way to drop or double a tick.
 * Units    TSC ticks.
 * Sharing  One per core, written by that core; read by others after it has stopped.
 */
#pragma once
#include "core/lib/base.h"
#include "arch/vcpu.h"

/*
 * What the hypervisor did for a guest: served an exit of that kind, switched to or for it, or loaded
 * it again.
 */
enum ledger_cause { LEDGER_SWITCH = EXIT_KIND_COUNT, LEDGER_LOAD, LEDGER_CAUSE_COUNT };

struct ledger {
	uint64_t open_tsc;
	uint64_t last_tsc; /* end of the last closed piece */
	uint64_t idle;
	uint64_t scheduler; /* replenishing and choosing, for nobody in particular */
	uint64_t console;   /* moving log bytes to the UART in idle time */
};

struct vcpu_ledger {
	uint64_t guest;
	uint64_t hypervisor[LEDGER_CAUSE_COUNT];
};

void ledger_open(struct ledger *l, uint64_t now_tsc);

/* Pieces telescope: whatever the clock does, the accounts sum to what it shows. */
static inline void ledger_close(struct ledger *l, uint64_t *account, uint64_t now_tsc)
{
	*account += now_tsc - l->last_tsc;
	l->last_tsc = now_tsc;
}

uint64_t ledger_hypervisor_sum(const struct vcpu_ledger *v);
/* The core's own accounts, without any vCPU's. */
uint64_t ledger_core_sum(const struct ledger *l);
uint64_t ledger_elapsed(const struct ledger *l);
