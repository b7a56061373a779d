/* SPDX-License-Identifier: Apache-2.0 */
#include "core/service.h"
#include "arch/pc.h"
#include "core/lib/fmt.h"
#include "core/run.h"

static const struct service_ops *const all[SERVICE_KIND_COUNT] = {
	[SERVICE_DISKS] = &disk_service,
	[SERVICE_NICS] = &nic_service,
	[SERVICE_DEVICES] = &device_service,
};

static uint64_t due_tsc[SERVICE_KIND_COUNT];    /* [C] of the service's core */
static uint64_t wanted_tsc[SERVICE_KIND_COUNT]; /* atomic: by others; TSC_NEVER: nothing */
static uint32_t is_wanted;                      /* atomic: one of them is something */
static uint64_t budget_tsc;                     /* atomic: it has none before */
static uint64_t wake_tsc;                       /* atomic: until when it sleeps; 0: it does not */

static enum err place_functions(part_id_t part, const char **reason)
{
	static char text[96];
	const struct partition_config *const c = partitions[part].config;
	enum err e = OK;

	if (c->device_count + c->disk_count != 0)
		e = arch_pc_place_functions(part);
	if (e == OK)
		return OK;
	fmt_text(text, sizeof(text), "partition '%s': its devices' BARs do not fit its PC",
		 c->name);
	*reason = text;
	return e;
}

/* Devices first: a disk's PF, a controller's, or its function, is one of theirs. */
enum err service_start(const struct config *system, const struct plan *plan, const char **reason)
{
	enum err e = OK;

	partition_make_service(system, plan);
	budget_tsc = wake_tsc = 0;
	for (uint32_t i = SERVICE_KIND_COUNT; i-- > 0 && e == OK;) {
		due_tsc[i] = all[i] ? 0 : TSC_NEVER;
		wanted_tsc[i] = TSC_NEVER;
		if (all[i])
			e = all[i]->start(system, plan, reason);
	}
	for (part_id_t i = 0; i < partition_count && e == OK; i++)
		e = place_functions(i, reason);
	return e;
}

void service_cut_off(const struct partition *p)
{
	for (uint32_t i = 0; i < SERVICE_KIND_COUNT; i++)
		if (all[i])
			all[i]->cut_off(p);
}

bool service_is_quiet(const struct partition *p)
{
	bool is_quiet = true;

	for (uint32_t i = 0; i < SERVICE_KIND_COUNT; i++)
		if (all[i])
			is_quiet &= all[i]->is_quiet(p);
	return is_quiet;
}

void service_summarize(void)
{
	for (uint32_t i = 0; i < SERVICE_KIND_COUNT; i++)
		if (all[i] && all[i]->summarize)
			all[i]->summarize();
}

/* The word is cleared before the times are looked at: who comes in between sets it again. */
static bool take_wanted(void)
{
	if (__atomic_load_n(&is_wanted, __ATOMIC_SEQ_CST) == 0)
		return false;
	__atomic_store_n(&is_wanted, 0, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < SERVICE_KIND_COUNT; i++)
		due_tsc[i] = min_u64(due_tsc[i], __atomic_exchange_n(&wanted_tsc[i], TSC_NEVER,
								     __ATOMIC_SEQ_CST));
	return true;
}

static uint32_t first_due(void)
{
	uint32_t first = 0;

	for (uint32_t i = 1; i < SERVICE_KIND_COUNT; i++)
		if (due_tsc[i] < due_tsc[first])
			first = i;
	return first;
}

/*
 * `wake_tsc` goes before the last look at `wanted_tsc`; who wants something goes the other way. One of the
 * two sees the other.
 */
uint64_t service_step(uint64_t now_tsc)
{
	uint32_t first;

	__atomic_store_n(&wake_tsc, 0, __ATOMIC_SEQ_CST);
	(void)take_wanted();
	first = first_due();
	if (due_tsc[first] <= now_tsc)
		due_tsc[first] = max_u64(all[first]->serve(now_tsc), now_tsc);
	__atomic_store_n(&wake_tsc, due_tsc[first_due()], __ATOMIC_SEQ_CST);
	if (take_wanted())
		__atomic_store_n(&wake_tsc, due_tsc[first_due()], __ATOMIC_SEQ_CST);
	return due_tsc[first_due()];
}

void service_wait_until(uint64_t tsc)
{
	__atomic_store_n(&budget_tsc, tsc, __ATOMIC_SEQ_CST);
	__atomic_store_n(&wake_tsc, tsc, __ATOMIC_SEQ_CST);
}

/* Nobody's wish wakes it more than once before it has had its turn, nor before it has a budget. */
void service_want(enum service_kind kind, uint64_t at_tsc)
{
	uint64_t wanted = __atomic_load_n(&wanted_tsc[kind], __ATOMIC_SEQ_CST), wake;

	while (at_tsc < wanted &&
	       !__atomic_compare_exchange_n(&wanted_tsc[kind], &wanted, at_tsc, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	__atomic_store_n(&is_wanted, 1, __ATOMIC_SEQ_CST);
	at_tsc = max_u64(at_tsc, __atomic_load_n(&budget_tsc, __ATOMIC_SEQ_CST));
	wake = __atomic_load_n(&wake_tsc, __ATOMIC_SEQ_CST);
	while (at_tsc < wake)
		if (__atomic_compare_exchange_n(&wake_tsc, &wake, at_tsc, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST)) {
			run_wake_service(at_tsc);
			return;
		}
}
