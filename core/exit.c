/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exit.h"

static enum exit_action on_deadline(struct partition *p, const struct exit_info *e)
{
	struct vcpu_state *v = &p->vcpu;

	if (v->timer_tsc <= e->exit_tsc) {
		arch_vcpu_timer_expire(v->id, e->exit_tsc);
		vcpu_note_timer(v);
	}
	return ACT_RESUME;
}

static enum exit_action on_irq(struct partition *p, const struct exit_info *e)
{
	return ACT_YIELD;
}

static enum exit_action on_cpuid(struct partition *p, const struct exit_info *e)
{
	arch_vcpu_cpuid(p->vcpu.id);
	return ACT_SKIP_INSN;
}

static enum exit_action on_msr(struct partition *p, const struct exit_info *e)
{
	struct vcpu_state *v = &p->vcpu;

	if (arch_vcpu_msr(v->id, e) != OK)
		return ACT_INJECT_GP;
	vcpu_note_timer(v);
	return ACT_SKIP_INSN;
}

static enum exit_action on_hlt(struct partition *p, const struct exit_info *e)
{
	return ACT_HALT;
}

/* No port is anybody's yet: reads float high, as on a bus without a device; writes are lost. */
static enum exit_action on_pio(struct partition *p, const struct exit_info *e)
{
	if (!e->write)
		arch_vcpu_set_pio(p->vcpu.id, e->width, UINT64_MAX);
	return ACT_SKIP_INSN;
}

static enum exit_action on_memory(struct partition *p, const struct exit_info *e)
{
	partition_stop(p, "%s guest-physical 0x%llx, which it does not own",
		       e->write ? "wrote" : "read", (unsigned long long)e->addr);
	return ACT_FINISHED;
}

static enum exit_action on_undefined(struct partition *p, const struct exit_info *e)
{
	return ACT_INJECT_UD;
}

static enum exit_action on_privileged(struct partition *p, const struct exit_info *e)
{
	return ACT_INJECT_GP;
}

static enum exit_action on_cache(struct partition *p, const struct exit_info *e)
{
	return ACT_SKIP_INSN;
}

/* The back-end has done what there was to do. */
static enum exit_action on_control(struct partition *p, const struct exit_info *e)
{
	return ACT_RESUME;
}

static enum exit_action on_triple_fault(struct partition *p, const struct exit_info *e)
{
	partition_stop(p, "triple fault");
	return ACT_FINISHED;
}

static enum exit_action on_bad_state(struct partition *p, const struct exit_info *e)
{
	partition_stop(p, "state the CPU cannot run (hardware says 0x%llx)",
		       (unsigned long long)e->value);
	return ACT_FINISHED;
}

static enum exit_action on_other(struct partition *p, const struct exit_info *e)
{
	partition_stop(p, "exit of a kind nobody serves (hardware says 0x%llx)",
		       (unsigned long long)e->value);
	return ACT_FINISHED;
}

exit_fn *const exit_handlers[EXIT_KIND_COUNT] = {
	[EXIT_DEADLINE] = on_deadline,
	[EXIT_IRQ] = on_irq,
	[EXIT_CPUID] = on_cpuid,
	[EXIT_HYPERCALL] = hypercall_dispatch,
	[EXIT_HLT] = on_hlt,
	[EXIT_PIO] = on_pio,
	[EXIT_MEMORY] = on_memory,
	[EXIT_MSR_READ] = on_msr,
	[EXIT_MSR_WRITE] = on_msr,
	[EXIT_XSETBV] = on_msr,
	[EXIT_UNDEFINED] = on_undefined,
	[EXIT_PRIVILEGED] = on_privileged,
	[EXIT_CACHE] = on_cache,
	[EXIT_TRIPLE_FAULT] = on_triple_fault,
	[EXIT_INIT] = on_bad_state,
	[EXIT_CONTROL] = on_control,
	[EXIT_OTHER] = on_other,
};
_Static_assert(EXIT_KIND_COUNT == EXIT_OTHER + 1, "a kind without a handler");
