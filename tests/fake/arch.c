/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arch/clock.h"
#include "arch/machine.h"
#include "arch/mp.h"
#include "core/lib/assert.h"
#include "core/log.h"
#include "tests/fake/arch.h"

struct fake_machine fake;

static uint64_t lateness(void)
{
	fake.random = fake.random * 6364136223846793005u + 1442695040888963407u;
	return fake.timer_late_max ? (fake.random >> 33) % (fake.timer_late_max + 1) : 0;
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

void arch_clock_idle(uint64_t until_tsc)
{
	ASSERT(until_tsc != TSC_NEVER); /* nothing would ever happen again */
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
	if (g->interrupts)
		take_interrupt(g);
	s = &g->steps[g->step];
	if (deadline_tsc > fake.now_tsc) {
		uint64_t end_tsc = fake.now_tsc + g->ticks_left;

		if (end_tsc < deadline_tsc) {
			out->kind = s->kind;
			out->addr = s->value;
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
	struct fake_guest *g = &fake.guests[id];

	g->step = (g->step + 1) % g->step_count;
	g->ticks_left = g->steps[g->step].ticks;
}

void arch_vcpu_inject(vcpu_id_t id, enum vcpu_fault fault)
{
	arch_vcpu_skip_insn(id);
}

void arch_vcpu_set_result(vcpu_id_t id, uint64_t rax)
{
}

void arch_vcpu_set_pio(vcpu_id_t id, uint8_t width, uint64_t value)
{
}

void arch_vcpu_cpuid(vcpu_id_t id)
{
}

enum err arch_vcpu_msr(vcpu_id_t id, const struct exit_info *e)
{
	fake.guests[id].timer_tsc = e->exit_tsc + e->addr;
	return OK;
}

uint64_t arch_vcpu_timer_tsc(vcpu_id_t id)
{
	return fake.guests[id].timer_tsc;
}

void arch_vcpu_timer_expire(vcpu_id_t id, uint64_t now_tsc)
{
	struct fake_guest *g = &fake.guests[id];

	if (g->timer_tsc > now_tsc)
		return;
	g->timer_tsc = TSC_NEVER;
	g->interrupts++;
}

bool arch_vcpu_wants_to_run(vcpu_id_t id)
{
	return fake.guests[id].interrupts > 0;
}

uint64_t arch_vcpu_rip(vcpu_id_t id)
{
	return fake.guests[id].step;
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
