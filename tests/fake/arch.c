/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch/clock.h"
#include "arch/iommu.h"
#include "arch/machine.h"
#include "arch/mp.h"
#include "arch/pc.h"
#include "core/lib/assert.h"
#include "core/log.h"
#include "tests/fake/arch.h"

struct fake_machine fake;

static uint64_t lateness(void)
{
	fake.random = fake.random * 6364136223846793005u + 1442695040888963407u;
	return fake.timer_late_max ? (fake.random >> 33) % (fake.timer_late_max + 1) : 0;
}

/* Only a device's, of which the loop hears by arch_vcpu_interrupted(). */
static void take_host_interrupt(vcpu_set_t set)
{
	const bool is_gated = set & FAKE_GATED;

	set &= ~FAKE_GATED;
	fake.interrupted |= set;
	for (; set; set &= set - 1) {
		struct fake_guest *const g = &fake.guests[__builtin_ctzll(set)];

		if (!is_gated)
			g->posted++;
		else if (g->gate_tsc == 0)
			g->gate_tsc = fake.now_tsc + FAKE_GATE_TICKS;
	}
}

/* --- clock and cores --------------------------------------------------------------------- */

uint64_t arch_clock_now_tsc(void)
{
	return fake.now_tsc += fake.cost_look;
}

uint64_t arch_clock_tsc_hz(void)
{
	return 1000000;
}

uint64_t arch_clock_unix_time_s(void)
{
	return 0;
}

void arch_clock_idle(uint64_t until_tsc)
{
	ASSERT(until_tsc != TSC_NEVER); /* nothing would ever happen again */
	if (fake.idle_irq_ticks && fake.now_tsc + fake.idle_irq_ticks < until_tsc) {
		fake.now_tsc += fake.idle_irq_ticks;
		take_host_interrupt(BIT64(fake.idle_irq_vcpu));
		return;
	}
	fake.now_tsc = max_u64(fake.now_tsc, until_tsc) + lateness();
}

core_id_t arch_mp_core_id(void)
{
	return 0;
}

void arch_mp_kick(core_id_t core)
{
}

void arch_mp_relax(void)
{
}

/* --- vCPUs ------------------------------------------------------------------------------- */

enum err arch_vcpu_create(vcpu_id_t id, const struct vcpu_setup *setup)
{
	return OK;
}

const char *arch_vcpu_backend(void)
{
	return "fake";
}

void arch_vcpu_prepare(vcpu_id_t id)
{
}

static void next_step(struct fake_guest *g)
{
	g->step = (g->step + 1) % g->step_count;
	g->ticks_left = g->steps[g->step].ticks;
}

static void take_interrupt(struct fake_guest *g)
{
	g->interrupts = 0;
	g->step = 0;
	g->ticks_left = g->steps[0].ticks;
}

void arch_vcpu_enter(vcpu_id_t id, uint64_t deadline_tsc, struct exit_info *out)
{
	struct fake_guest *g = &fake.guests[id];
	const struct fake_step *s;

	*out = (struct exit_info){ .kind = EXIT_DEADLINE };
	fake.now_tsc += fake.cost_enter;
	out->entry_tsc = fake.now_tsc;
	g->has_begun = true;
	if (g->interrupts)
		take_interrupt(g);
	s = &g->steps[g->step];
	if (deadline_tsc > fake.now_tsc) {
		uint64_t end_tsc = fake.now_tsc + g->ticks_left;

		if (end_tsc < deadline_tsc) {
			out->kind = s->kind;
			out->addr = s->value;
			out->value = 1; /* EXIT_HLT: with interrupts on */
			if (s->kind == EXIT_IRQ) {
				take_host_interrupt(s->value);
				next_step(g); /* nothing that the guest did */
			}
		} else {
			end_tsc = min_u64(end_tsc, deadline_tsc + lateness());
		}
		g->ticks_left -= end_tsc - fake.now_tsc;
		g->ran_tsc += end_tsc - fake.now_tsc;
		fake.now_tsc = end_tsc;
	}
	out->exit_tsc = fake.now_tsc;
	fake.now_tsc += fake.cost_exit;
}

void arch_vcpu_skip_insn(vcpu_id_t id)
{
	next_step(&fake.guests[id]);
}

void arch_vcpu_inject(vcpu_id_t id, enum vcpu_fault fault)
{
	arch_vcpu_skip_insn(id);
}

void arch_vcpu_set_result(vcpu_id_t id, uint64_t rax)
{
	fake.guests[id].result = rax;
}

void arch_vcpu_set_pio(vcpu_id_t id, uint8_t width, uint64_t value)
{
}

void arch_vcpu_cpuid(vcpu_id_t id)
{
}

/* Arms its timer; or, with the top bit set, posts an interrupt to the vCPUs in the low bits. */
enum err arch_vcpu_msr(vcpu_id_t id, const struct exit_info *e, vcpu_set_t *posted)
{
	*posted = 0;
	if (e->addr & FAKE_POST) {
		*posted = e->addr & ~FAKE_POST;
		for (vcpu_id_t to = 0; to < MAX_VCPUS; to++)
			if (*posted >> to & 1)
				fake.guests[to].posted++;
	} else {
		fake.guests[id].timer_tsc = e->exit_tsc + e->addr;
	}
	return OK;
}

void arch_vcpu_apic(vcpu_id_t id, const struct exit_info *e, vcpu_set_t *posted)
{
	*posted = 0;
}

bool arch_vcpu_sync(vcpu_id_t id)
{
	struct fake_guest *g = &fake.guests[id];

	g->interrupts += g->posted;
	g->posted = 0;
	return false;
}

bool arch_vcpu_notify(vcpu_id_t id)
{
	return false;
}

bool arch_vcpu_halt(vcpu_id_t id)
{
	return arch_vcpu_wants_to_run(id);
}

vcpu_set_t arch_vcpu_interrupted(void)
{
	const vcpu_set_t set = fake.interrupted;

	fake.interrupted = 0;
	return set;
}

bool arch_vcpu_has_events(vcpu_id_t id)
{
	return false;
}

bool arch_vcpu_waits_for_sipi(vcpu_id_t id)
{
	return false;
}

gpa_t arch_vcpu_steal_area(vcpu_id_t id)
{
	return (gpa_t){ fake.guests[id].steal_area };
}

void arch_vcpu_restart(vcpu_id_t id, const struct vcpu_entry *entry, uint64_t epoch_tsc)
{
	struct fake_guest *g = &fake.guests[id];

	g->timer_tsc = TSC_NEVER;
	g->interrupts = 0;
	g->posted = 0;
	g->step = 0;
	g->ticks_left = g->steps[0].ticks;
	g->has_begun = false;
	g->restarts++;
}

uint64_t arch_vcpu_timer_tsc(vcpu_id_t id)
{
	return fake.guests[id].timer_tsc;
}

uint64_t arch_vcpu_timer_expire(vcpu_id_t id, uint64_t now_tsc)
{
	struct fake_guest *g = &fake.guests[id];

	if (g->timer_tsc <= now_tsc) {
		g->timer_tsc = TSC_NEVER;
		g->interrupts++;
	}
	return g->timer_tsc;
}

bool arch_vcpu_wants_to_run(vcpu_id_t id)
{
	return !fake.guests[id].has_begun || fake.guests[id].interrupts > 0;
}

/* It has been told what there is, and will be told of more only when it runs. */
void arch_iommu_rest(vcpu_id_t id)
{
	fake.guests[id].rests++;
}

uint64_t arch_iommu_gate_tsc(vcpu_id_t id)
{
	return fake.guests[id].gate_tsc ? fake.guests[id].gate_tsc : TSC_NEVER;
}

bool arch_iommu_open_gate(vcpu_id_t id, uint64_t now_tsc)
{
	struct fake_guest *g = &fake.guests[id];

	if (arch_iommu_gate_tsc(id) > now_tsc)
		return false;
	g->gate_tsc = 0;
	g->posted++;
	return true;
}

uint64_t arch_vcpu_rip(vcpu_id_t id)
{
	return fake.guests[id].step;
}

/* --- a PC that has nothing in it but a reset port ----------------------------------------- */

enum err arch_pc_create(const struct pc_setup *setup)
{
	return OK;
}

enum err arch_pc_place_functions(part_id_t part)
{
	return OK;
}

void arch_pc_restart(part_id_t part, uint64_t epoch_tsc)
{
}

void arch_pc_port(vcpu_id_t vcpu, const struct exit_info *e, struct pc_effect *effect)
{
	*effect = (struct pc_effect){ .event = (enum pc_event)e->addr, .value = 7 };
}

enum pc_access arch_pc_port_string(vcpu_id_t vcpu, const struct exit_info *e,
				   struct pc_effect *effect)
{
	*effect = (struct pc_effect){ 0 };
	return PC_UNKNOWN;
}

enum pc_access arch_pc_memory(vcpu_id_t vcpu, const struct exit_info *e, struct pc_effect *effect)
{
	*effect = (struct pc_effect){ 0 };
	return PC_UNKNOWN;
}

uint64_t arch_pc_timer_tsc(part_id_t part)
{
	return TSC_NEVER;
}

void arch_pc_timer_expire(part_id_t part, uint64_t now_tsc, struct pc_effect *effect)
{
	*effect = (struct pc_effect){ 0 };
}

/* --- the log: nobody listens ------------------------------------------------------------- */

void log_line(const char *source, const char *format, ...)
{
}

void log_machine(const char *format, ...)
{
}

bool log_is_empty(void)
{
	return true;
}

bool log_drain(uint32_t byte_count)
{
	return false;
}

void log_flush(void)
{
}

size_t log_room_bytes(void)
{
	return SIZE_MAX;
}
