/* SPDX-License-Identifier: Apache-2.0 */
#include "core/exit.h"
#include "arch/pc.h"
#include "core/console.h"
#include "core/run.h"

/* ---- The vCPU by itself ---- */

static enum exit_action on_deadline(struct vcpu_state *v, const struct exit_info *e)
{
	if (v->timer_tsc <= e->exit_tsc)
		run_expire(v, e->exit_tsc);
	return ACT_RESUME;
}

static enum exit_action on_irq(struct vcpu_state *v, const struct exit_info *e)
{
	run_take_interrupts();
	return ACT_YIELD;
}

static enum exit_action on_cpuid(struct vcpu_state *v, const struct exit_info *e)
{
	arch_vcpu_cpuid(v->id);
	return ACT_SKIP_INSN;
}

static enum exit_action on_msr(struct vcpu_state *v, const struct exit_info *e)
{
	vcpu_set_t posted;

	if (arch_vcpu_msr(v->id, e, &posted) != OK)
		return ACT_INJECT_GP;
	run_note_timer(v);
	if (posted)
		run_deliver(v, posted);
	return ACT_SKIP_INSN;
}

static enum exit_action on_apic(struct vcpu_state *v, const struct exit_info *e)
{
	vcpu_set_t posted;

	arch_vcpu_apic(v->id, e, &posted);
	run_note_timer(v);
	if (posted)
		run_deliver(v, posted);
	return ACT_RESUME;
}

/* With every other vCPU in the same state, or not started, nobody is left to send an NMI. */
static bool is_dead(struct vcpu_state *v)
{
	struct partition *p = v->partition;
	bool all = true;

	lock_take(&p->lock);
	v->is_dead = true;
	for (uint32_t i = 0; i < p->plan->vcpu_count; i++)
		all &= (p->vcpus[i].is_dead || arch_vcpu_waits_for_sipi(p->vcpus[i].id)) &&
		       !arch_vcpu_has_events(p->vcpus[i].id);
	lock_give(&p->lock);
	return all;
}

static enum exit_action on_hlt(struct vcpu_state *v, const struct exit_info *e)
{
	if (e->value == 0 && !arch_vcpu_wants_to_run(v->id) && is_dead(v)) {
		partition_stop(v, "halted with interrupts off: nothing can wake it");
		return ACT_FINISHED;
	}
	return ACT_HALT;
}

static enum exit_action on_undefined(struct vcpu_state *v, const struct exit_info *e)
{
	return ACT_INJECT_UD;
}

static enum exit_action on_privileged(struct vcpu_state *v, const struct exit_info *e)
{
	return ACT_INJECT_GP;
}

static enum exit_action on_cache(struct vcpu_state *v, const struct exit_info *e)
{
	return ACT_SKIP_INSN;
}

/* The back-end has done what there was to do. */
static enum exit_action on_control(struct vcpu_state *v, const struct exit_info *e)
{
	return ACT_RESUME;
}

/* ---- The PC around it ---- */

/* By the policy for it. */
static enum exit_action leave_life(struct vcpu_state *v, enum life_action policy)
{
	if (policy == LIFE_RESTART)
		partition_reset(v);
	else
		partition_end(v->partition, 0);
	return ACT_FINISHED;
}

static enum exit_action on_pc_event(struct vcpu_state *v, const struct pc_effect *effect,
				    enum exit_action next)
{
	struct partition *p = v->partition;

	switch (effect->event) {
	case PC_OUTPUT:
		console_put(p, (char)effect->value);
		return next;
	case PC_RESET:
		return leave_life(v, p->config->on_reset);
	case PC_POWER_OFF:
		return leave_life(v, p->config->on_power_off);
	case PC_EXIT:
		partition_end(p, effect->value);
		return ACT_FINISHED;
	case PC_REPEAT:
		return ACT_RESUME;
	default:
		return next;
	}
}

static __attribute__((noinline)) enum exit_action apply_pc(struct vcpu_state *v,
							   const struct pc_effect *effect,
							   enum exit_action next)
{
	struct vcpu_state *keeper = &v->partition->vcpus[0];

	if (effect->timer_changed && keeper == v)
		run_note_timer(v);
	else if (effect->timer_changed)
		run_poke(BIT64(keeper->id));
	if (effect->posted)
		run_deliver(v, effect->posted);
	return on_pc_event(v, effect, next);
}

static inline enum exit_action after_pc(struct vcpu_state *v, const struct pc_effect *effect,
					enum exit_action next)
{
	_Static_assert(PC_NOTHING == 0, "effects are looked at together");

	if (__builtin_expect((effect->posted | effect->event | effect->timer_changed) != 0, 0))
		return apply_pc(v, effect, next);
	return next;
}

/* Without a PC reads float high, as on a bus without a device, and writes are lost. */
static enum exit_action on_pio(struct vcpu_state *v, const struct exit_info *e)
{
	struct pc_effect effect;

	if (!v->partition->ram.has_pc) {
		if (!e->write)
			arch_vcpu_set_pio(v->id, e->width, UINT64_MAX);
		return ACT_SKIP_INSN;
	}
	arch_pc_port(v->id, e, &effect);
	return after_pc(v, &effect, ACT_SKIP_INSN);
}

static enum exit_action stop_unknown(struct vcpu_state *v, const char *what, uint64_t where)
{
	partition_stop(v, "%s 0x%llx by an instruction that we do not carry out", what,
		       (unsigned long long)where);
	return ACT_FINISHED;
}

static enum exit_action on_pio_string(struct vcpu_state *v, const struct exit_info *e)
{
	struct pc_effect effect;

	if (!v->partition->ram.has_pc)
		return ACT_INJECT_GP;
	if (arch_pc_port_string(v->id, e, &effect) == PC_UNKNOWN)
		return stop_unknown(v, "string I/O on port", e->addr);
	if (effect.apic_changed) /* its page is memory that a string may come from, or go to */
		run_note_timer(v);
	return after_pc(v, &effect, ACT_RESUME);
}

static enum exit_action on_memory(struct vcpu_state *v, const struct exit_info *e)
{
	struct pc_effect effect;

	if (!v->partition->ram.has_pc) {
		partition_stop(v, "%s guest-physical 0x%llx, which it does not own",
			       e->write ? "wrote" : "read", (unsigned long long)e->addr);
		return ACT_FINISHED;
	}
	if (arch_pc_memory(v->id, e, &effect) == PC_UNKNOWN)
		return stop_unknown(v, e->write ? "wrote guest-physical" : "read guest-physical",
				    e->addr);
	if (effect.apic_changed)
		run_note_timer(v);
	return after_pc(v, &effect, ACT_RESUME);
}

/* ---- Ends ---- */

/* A PC resets itself then: "Shutdown" is a signal to its chip set. */
static enum exit_action on_triple_fault(struct vcpu_state *v, const struct exit_info *e)
{
	if (v->partition->ram.has_pc && v->partition->config->on_reset == LIFE_RESTART) {
		partition_reset(v);
		return ACT_FINISHED;
	}
	partition_stop(v, "triple fault");
	return ACT_FINISHED;
}

static enum exit_action on_bad_state(struct vcpu_state *v, const struct exit_info *e)
{
	partition_stop(v, "state the CPU cannot run (hardware says 0x%llx)",
		       (unsigned long long)e->value);
	return ACT_FINISHED;
}

static enum exit_action on_other(struct vcpu_state *v, const struct exit_info *e)
{
	partition_stop(v, "exit of a kind nobody serves (hardware says 0x%llx)",
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
	[EXIT_PIO_STRING] = on_pio_string,
	[EXIT_MEMORY] = on_memory,
	[EXIT_APIC] = on_apic,
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
