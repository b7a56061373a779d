/* SPDX-License-Identifier: Apache-2.0 */
/* core/hypercall.c - the calls of guests/abi.h. Arguments are hostile. */
#include "core/console.h"
#include "core/exit.h"
#include "guests/abi.h"

static enum exit_action answer(struct partition *p, uint64_t rax)
{
	arch_vcpu_set_result(p->vcpu.id, rax);
	return ACT_SKIP_INSN;
}

static __attribute__((noinline)) enum exit_action console_write(struct partition *p,
								const struct exit_info *e)
{
	char text[GUEST_WRITE_MAX];

	if (e->arg[1] > sizeof(text) ||
	    partition_read(p, (gpa_t){ e->arg[0] }, text, e->arg[1]) != OK)
		return answer(p, GUEST_EINVAL);
	return answer(p, console_take(p, text, (uint32_t)e->arg[1], e->exit_tsc));
}

static enum exit_action report_job(struct partition *p, const struct exit_info *e)
{
	/* A job cannot have taken longer than the guest has existed. */
	if (e->arg[0] > e->exit_tsc - p->epoch_tsc)
		return answer(p, GUEST_EINVAL);
	p->jobs++;
	p->response_max_tsc = max_u64(p->response_max_tsc, e->arg[0]);
	if (e->arg[0] > e->arg[1])
		p->misses++;
	return answer(p, 0);
}

static __attribute__((noinline)) enum exit_action serve(struct partition *p,
							const struct exit_info *e)
{
	switch (e->addr) {
	case GUEST_CALL_CONSOLE_WRITE:
		return console_write(p, e);
	case GUEST_CALL_EXIT:
		partition_end(p, e->arg[0]);
		return ACT_FINISHED;
	case GUEST_CALL_CPU_TIME:
		return answer(p, p->vcpu.ledger.guest + ledger_hypervisor_sum(&p->vcpu.ledger));
	case GUEST_CALL_REPORT_JOB:
		return report_job(p, e);
	default:
		return answer(p, GUEST_ENOSYS);
	}
}

enum exit_action hypercall_dispatch(struct partition *p, const struct exit_info *e)
{
	return e->addr == GUEST_CALL_NULL ? answer(p, 0) : serve(p, e);
}
