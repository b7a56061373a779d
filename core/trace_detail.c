/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/trace_detail.c - exits, interrupts and disk requests for the trace: linked with config.trace_details.
 */
#include "arch/clock.h"
#include "arch/mp.h"
#include "core/run.h"

static struct trace *own(void)
{
	return &run_cores[arch_mp_core_id()].trace;
}

void trace_exit(const struct vcpu_state *v, const struct exit_info *e)
{
	/* What ends its time: the scheduler goes on from `exit_tsc`. */
	const bool is_switch =
		e->kind == EXIT_IRQ || (e->kind == EXIT_DEADLINE && e->exit_tsc >= v->until_tsc);
	const uint64_t ticks = is_switch ? 0 : arch_clock_now_tsc() - e->exit_tsc;

	trace_add(&run_cores[v->core].trace, e->exit_tsc, TRACE_EXIT, v->server,
		  (int64_t)(min_u64(ticks, BIT64(43) - 1) << 8 | e->kind));
}

static void note_each(vcpu_set_t set, enum trace_kind kind)
{
	const uint64_t now_tsc = arch_clock_now_tsc();

	for (; set; set &= set - 1)
		trace_add(own(), now_tsc, kind, TRACE_NOBODY, __builtin_ctzll(set));
}

void trace_interrupts(vcpu_set_t set)
{
	note_each(set, TRACE_IRQ);
	if (!set)
		trace_add(own(), arch_clock_now_tsc(), TRACE_IRQ, TRACE_NOBODY, -1);
}

void trace_posts(vcpu_set_t set)
{
	note_each(set, TRACE_POST);
}

void trace_disk(const struct trace_io *io)
{
	trace_add(own(), arch_clock_now_tsc(), TRACE_IO, TRACE_NOBODY,
		  (int64_t)((uint64_t)(io->sectors & 0xffffff) << 24 |
			    (uint64_t)(io->number & 0xfff) << 12 | (io->client & 0xff) << 4 |
			    (io->disk & 3) << 2 | io->event));
}
