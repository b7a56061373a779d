/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ledger.h"

void ledger_open(struct ledger *l, uint64_t now_tsc)
{
	*l = (struct ledger){ .open_tsc = now_tsc, .last_tsc = now_tsc };
}

uint64_t ledger_hypervisor_sum(const struct vcpu_ledger *v)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < LEDGER_CAUSE_COUNT; i++)
		sum += v->hypervisor[i];
	return sum;
}

uint64_t ledger_core_sum(const struct ledger *l)
{
	return l->idle + l->scheduler + l->console;
}

uint64_t ledger_elapsed(const struct ledger *l)
{
	return l->last_tsc - l->open_tsc;
}
