/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/apic_lent.h"
#include "arch/x86/apic.h"
#include "arch/x86/apic_regs.h"
#include "arch/x86/init.h"
#include "arch/x86/vlapic.h"

/* "Error Status Register (ESR)": send and receive illegal vector, illegal register address. */
#define ESR_OF_GUEST UINT32_C(0xe0)

#define VECTOR_COUNT 256u
#define DISARM_READS 100u /* a deadline that has come goes off within so many */

bool apic_can_be_lent(void)
{
	return apic_is_x2apic() && apic_timer_has_deadline();
}

void apic_lend(void)
{
	apic_timer_disarm();
	apic_write(X2APIC_LVT_TIMER, LVT_MASKED | LVT_TIMER_DEADLINE);
	__asm__ volatile("sti; nop; cli" ::: "memory"); /* what is the host's, and pending */
	percpu()->timer_tsc = TSC_NEVER;
}

static void read_vectors(uint32_t first_msr, uint32_t words[8])
{
	for (uint32_t i = 0; i < 8; i++)
		words[i] = apic_read(first_msr + i);
}

/*
 * Bochs never ends the service of the vector that SVR names. So that this blocks no other one, it is
 * the lowest for as long as this takes; core_enable_apic() ends it then.
 */
static void discard_all(void)
{
	apic_write(X2APIC_SVR, SVR_ENABLE | IRQ_FIRST_VECTOR);
	for (uint32_t i = IRQ_FIRST_VECTOR; i < VECTOR_COUNT; i++)
		if (apic_lent_end_of_interrupt() < 0)
			break;
	apic_write(X2APIC_TPR, 0);
	trap_discard_interrupts();
}

void apic_take_back(struct apic_contents *left)
{
	cpu_wrmsr(MSR_TSC_DEADLINE, 0);
	apic_write(X2APIC_LVT_TIMER, LVT_MASKED);
	apic_write(X2APIC_LVT_ERROR, LVT_MASKED);
	read_vectors(X2APIC_IRR, left->irr);
	read_vectors(X2APIC_ISR, left->isr);
	left->tpr = apic_read(X2APIC_TPR);
	discard_all();
	core_enable_apic();
	core_enable_timer();
	percpu()->timer_tsc = TSC_NEVER;
}

void apic_lent_set_tpr(uint32_t value)
{
	apic_write(X2APIC_TPR, value);
}

void apic_lent_set_svr(uint32_t value)
{
	apic_write(X2APIC_SVR, value);
}

void apic_lent_set_timer(uint32_t lvt)
{
	apic_write(X2APIC_LVT_TIMER, lvt);
	__asm__ volatile("mfence" ::: "memory"); /* before the deadline: "TSC-Deadline Mode" */
}

void apic_lent_set_error(uint32_t lvt)
{
	apic_write(X2APIC_LVT_ERROR, lvt);
}

void apic_lent_arm(uint64_t deadline_tsc)
{
	cpu_wrmsr(MSR_TSC_DEADLINE, deadline_tsc);
}

/* One that has come is about to go off, and must not be lost: then the register reads 0. */
uint64_t apic_lent_disarm(void)
{
	uint64_t deadline_tsc = cpu_rdmsr(MSR_TSC_DEADLINE);

	for (uint32_t i = 0; deadline_tsc != 0 && deadline_tsc <= cpu_rdtsc(); i++) {
		if (i == DISARM_READS) /* Bochs leaves it in the register */
			deadline_tsc = 0;
		else
			deadline_tsc = cpu_rdmsr(MSR_TSC_DEADLINE);
	}
	cpu_wrmsr(MSR_TSC_DEADLINE, 0);
	return deadline_tsc;
}

uint32_t apic_lent_take_errors(void)
{
	apic_write(X2APIC_ESR, 0);
	return apic_read(X2APIC_ESR) & ESR_OF_GUEST;
}

int apic_lent_end_of_interrupt(void)
{
	uint32_t isr[8];
	int vector = -1;

	read_vectors(X2APIC_ISR, isr);
	for (uint32_t i = 0; i < ARRAY_SIZE(isr); i++)
		if (isr[i])
			vector = (int)(i * 32 + 31) - __builtin_clz(isr[i]);
	if (vector >= 0)
		apic_write(X2APIC_EOI, 0);
	return vector;
}

void apic_lent_post(uint8_t vector)
{
	apic_write(X2APIC_SELF_IPI, vector);
}

void apic_send_vectors(uint32_t to, const uint64_t vectors[4])
{
	for (uint32_t i = 0; i < 4; i++)
		for (uint64_t left = vectors[i]; left; left &= left - 1)
			apic_send_fixed(to, (uint8_t)(i * 64 + (uint32_t)__builtin_ctzll(left)));
}
