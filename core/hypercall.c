/* SPDX-License-Identifier: Apache-2.0 */
/* core/hypercall.c - the calls of guests/abi.h. Arguments are hostile. */
#include "core/console.h"
#include "core/exit.h"
#include "guests/abi.h"

static enum exit_action answer(struct vcpu_state *v, uint64_t rax)
{
	arch_vcpu_set_result(v->id, rax);
	return ACT_SKIP_INSN;
}

static __attribute__((noinline)) enum exit_action console_write(struct vcpu_state *v,
								const struct exit_info *e)
{
	struct partition *p = v->partition;
	char text[GUEST_WRITE_MAX];

	if (e->arg[1] > sizeof(text) ||
	    partition_read(p, (gpa_t){ e->arg[0] }, text, e->arg[1]) != OK)
		return answer(v, GUEST_EINVAL);
	return answer(v, console_take(p, text, (uint32_t)e->arg[1], e->exit_tsc));
}

static enum exit_action report_job(struct vcpu_state *v, const struct exit_info *e)
{
	struct partition *p = v->partition;

	/* A job cannot have taken longer than the guest has existed. */
	if (e->arg[0] > e->exit_tsc - p->epoch_tsc)
		return answer(v, GUEST_EINVAL);
	lock_take(&p->lock);
	p->jobs++;
	p->response_max_tsc = max_u64(p->response_max_tsc, e->arg[0]);
	if (e->arg[0] > e->arg[1])
		p->misses++;
	lock_give(&p->lock);
	return answer(v, 0);
}

/* "KVM Hypercalls": -KVM_ENOSYS. A guest of somebody else's numbers its calls as KVM does. */
#define KVM_ENOSYS ((uint64_t)-1000)

static __attribute__((noinline)) enum exit_action serve(struct vcpu_state *v,
							const struct exit_info *e)
{
	if (v->has_no_calls)
		return answer(v, KVM_ENOSYS);
	switch (e->addr) {
	case GUEST_CALL_CONSOLE_WRITE:
		return console_write(v, e);
	case GUEST_CALL_EXIT:
		partition_end(v->partition, e->arg[0]);
		return ACT_FINISHED;
	case GUEST_CALL_CPU_TIME:
		return answer(v, v->ledger.guest + ledger_hypervisor_sum(&v->ledger));
	case GUEST_CALL_REPORT_JOB:
		return report_job(v, e);
	default:
		return answer(v, GUEST_ENOSYS);
	}
}

/* The shortest call is what the way in and out costs: one test for all that it is not. */
enum exit_action hypercall_dispatch(struct vcpu_state *v, const struct exit_info *e)
{
	_Static_assert(GUEST_CALL_NULL == 0, "number and flag are looked at together");

	return (e->addr | v->has_no_calls) == 0 ? answer(v, 0) : serve(v, e);
}
