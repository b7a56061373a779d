/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/apic.c - the local APIC: mode, enabling, IPIs; and silence from everything else.
 *
 * x2APIC mode is used where CPUID offers it; the boot core measures its timer first, if it has
 * to, and that in xAPIC mode (apic_timer.c). All LVT entries but the timer's stay masked, and
 * so do both 8259s and every I/O APIC pin: no device interrupts the hypervisor uninvited.
 */
#include "arch/x86/apic.h"
#include "arch/machine.h"
#include "arch/mem.h"
#include "arch/mp.h"
#include "arch/x86/apic_regs.h"
#include "arch/x86/init.h"
#include "arch/x86/vtd/irq.h"
#include "io/pi.h"

#define CPUID1_EDX_APIC   BIT32(9)
#define CPUID1_ECX_X2APIC BIT32(21)

/* SDM Vol. 3A, "Local APIC Status and Location" */
#define APIC_BASE_EXTD    BIT64(10) /* x2APIC mode */
#define APIC_BASE_EN      BIT64(11)
#define APIC_BASE_ADDRESS UINT64_C(0x000ffffffffff000)

/* 8259A: interrupt mask registers of both */
#define PIC1_IMR 0x21u
#define PIC2_IMR 0xa1u

/* I/O APIC: "IOREGSEL", "IOWIN", "IOAPICVER", "IOREDTBL" */
#define IOAPIC_SELECT    0x00u
#define IOAPIC_WINDOW    0x10u
#define IOAPIC_BYTES     0x20u
#define IOAPIC_VERSION   0x01u
#define IOAPIC_REDIR(n)  (0x10u + 2 * (n))
#define IOAPIC_MASKED    BIT32(16)

#define XAPIC_SEND_TRIES 100000u /* a send takes some hundred cycles at most */

volatile uint8_t *xapic_page;
static bool is_ready;   /* set once: before it, no IPI can be sent */
static bool is_halting; /* set once, by the first core that panics or powers off */

bool machine_is_halting(void)
{
	return __atomic_load_n(&is_halting, __ATOMIC_ACQUIRE);
}

bool apic_is_x2apic(void)
{
	return xapic_page == NULL;
}

uint32_t apic_id(void)
{
	return apic_is_x2apic() ? apic_read(X2APIC_ID) : apic_read(X2APIC_ID) >> 24;
}

uint32_t apic_id_limit(void)
{
	/* All ones is the broadcast address of either mode. */
	return apic_is_x2apic() ? UINT32_MAX - 1 : 0xfe;
}

static void mask_pic(void)
{
	cpu_out8(PIC1_IMR, 0xff);
	cpu_out8(PIC2_IMR, 0xff);
}

static enum err mask_ioapic(const struct acpi_ioapic *io)
{
	volatile uint8_t *page = arch_mem_map_device((hpa_t){ io->base }, IOAPIC_BYTES);
	volatile uint32_t *select, *window;
	uint32_t last;

	if (page == NULL)
		return ERR_NOMEM;
	select = (volatile uint32_t *)(page + IOAPIC_SELECT);
	window = (volatile uint32_t *)(page + IOAPIC_WINDOW);
	*select = IOAPIC_VERSION;
	last = *window >> 16 & 0xff;
	for (uint32_t pin = 0; pin <= last && pin < 240; pin++) {
		*select = IOAPIC_REDIR(pin);
		*window = IOAPIC_MASKED;
	}
	return OK;
}

/* SVR first: with the APIC disabled by software, LVT masks cannot be cleared nor kept. */
void core_enable_apic(void)
{
	static const uint32_t local[] = { X2APIC_LVT_TIMER, X2APIC_LVT_LINT0, X2APIC_LVT_LINT1,
					  X2APIC_LVT_ERROR };
	uint64_t base = cpu_rdmsr(MSR_APIC_BASE) | APIC_BASE_EN;

	if ((base & APIC_BASE_EXTD) == 0)
		cpu_wrmsr(MSR_APIC_BASE, base); /* a direct step to x2APIC mode would be #GP */
	if (apic_is_x2apic())
		cpu_wrmsr(MSR_APIC_BASE, base | APIC_BASE_EXTD);
	apic_write(X2APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	for (uint32_t i = 0; i < ARRAY_SIZE(local); i++)
		apic_write(local[i], LVT_MASKED);
	apic_write(X2APIC_TPR, 0);
	/* What firmware left in service would block everything below it for ever. */
	for (uint32_t vector = 255; vector >= 16; vector--) {
		if (apic_vector_bit(X2APIC_ISR, vector))
			apic_write(X2APIC_EOI, 0);
	}
}

static bool has_x2apic(void)
{
	return (cpu_cpuid(1, 0).ecx & CPUID1_ECX_X2APIC) != 0;
}

static enum err map_xapic(void)
{
	const uint64_t base = cpu_rdmsr(MSR_APIC_BASE);

	if (has_x2apic() && apic_timer_has_deadline())
		return OK;
	xapic_page = arch_mem_map_device((hpa_t){ base & APIC_BASE_ADDRESS }, PAGE_BYTES);
	if (xapic_page == NULL)
		return ERR_NOMEM;
	/* The only way back from x2APIC mode leads through "disabled": "x2APIC State Transitions".
	 */
	if ((base & APIC_BASE_EXTD) != 0)
		cpu_wrmsr(MSR_APIC_BASE, base & ~(APIC_BASE_EN | APIC_BASE_EXTD));
	return OK;
}

enum err apic_init(const char **missing)
{
	const struct acpi_info *acpi = acpi_facts();

	if ((cpu_cpuid(1, 0).edx & CPUID1_EDX_APIC) == 0) {
		*missing = "a local APIC";
		return ERR_UNSUPPORTED;
	}
	*missing = "memory to map the interrupt controllers";
	mask_pic();
	for (uint32_t i = 0; i < acpi->ioapic_count; i++) {
		if (mask_ioapic(&acpi->ioapics[i]) != OK)
			return ERR_NOMEM;
	}
	if (map_xapic() != OK)
		return ERR_NOMEM;
	core_enable_apic();
	return OK;
}

void apic_enter_final_mode(void)
{
	if (has_x2apic())
		xapic_page = NULL;
	core_enable_apic();
	percpu()->apic_id = apic_id();
	is_ready = true;
}

/* ICR writes are not ordered with earlier stores in x2APIC mode: "x2APIC Register Access". */
static void send(uint32_t to, uint32_t command)
{
	if (apic_is_x2apic()) {
		__asm__ volatile("mfence; lfence" ::: "memory");
		cpu_wrmsr(X2APIC_ICR, (uint64_t)to << 32 | command);
		return;
	}
	for (uint32_t i = 0; i < XAPIC_SEND_TRIES; i++) {
		if ((apic_read(X2APIC_ICR) & ICR_PENDING) == 0)
			break;
		arch_mp_relax();
	}
	apic_write(XAPIC_ICR_HIGH, to << 24);
	apic_write(X2APIC_ICR, command);
}

void apic_stop_others(void)
{
	send(0, ICR_INIT | ICR_ASSERT | ICR_ALL_BUT_SELF);
}

void apic_send_init(uint32_t to)
{
	send(to, ICR_INIT | ICR_ASSERT);
}

void apic_send_startup(uint32_t to, uint8_t page)
{
	send(to, ICR_STARTUP | ICR_ASSERT | page);
}

void apic_send_nmi(uint32_t to)
{
	send(to, ICR_NMI | ICR_ASSERT);
}

void apic_send_fixed(uint32_t to, uint8_t vector)
{
	send(to, ICR_ASSERT | vector);
}

void apic_send_posted(uint32_t to)
{
	apic_send_fixed(to, VECTOR_POSTED);
}

uint32_t apic_notice_destination(core_id_t core)
{
	return pi_destination(percpu_of(core)->apic_id, apic_is_x2apic() ? PI_X2APIC : PI_XAPIC);
}

void apic_absorb_posted(void)
{
	if (!apic_vector_bit(X2APIC_IRR, VECTOR_POSTED))
		return;
	apic_write(X2APIC_TPR, (VECTOR_POSTED & 0xf0) - 0x10);
	__asm__ volatile("sti; nop; cli" ::: "memory");
	apic_write(X2APIC_TPR, 0);
}

/* The NMI reaches a core whose interrupts are off; VECTOR_HALT one whose NMIs are blocked. */
void arch_halt_others(void)
{
	if (__atomic_exchange_n(&is_halting, true, __ATOMIC_ACQ_REL) || !is_ready)
		return;
	for (core_id_t core = 0; core < arch_mp_core_count(); core++) {
		if (core == percpu()->core || !mp_core_is_online(core))
			continue;
		if (!percpu_of(core)->is_kicked_by_nmi) /* else a guest may get the vector */
			apic_send_fixed(percpu_of(core)->apic_id, VECTOR_HALT);
		apic_send_nmi(percpu_of(core)->apic_id);
	}
}

void nmi_serve(void)
{
	struct percpu *const p = percpu();

	if (machine_is_halting())
		arch_halt();
	if (!p->is_kicked_by_nmi)
		p->nmi_count++;
	else if (p->lent)
		vcpu_force_exit();
	else /* stays pending until interrupts are on, or a guest exits for it */
		apic_send_fixed(p->apic_id, VECTOR_KICK);
}

/* A guest that had this APIC may leave any vector behind: none is believed. */
static bool is_in_service(uint8_t vector)
{
	return apic_vector_bit(X2APIC_ISR, vector);
}

void irq_serve(uint8_t vector)
{
	switch (vector) {
	case VECTOR_TIMER:
		percpu()->timer_tsc = TSC_NEVER;
		break;
	case VECTOR_KICK: /* that it arrived is the message */
		percpu()->is_kicked = true;
		break;
	case VECTOR_WAKEUP:
		percpu()->is_woken = percpu()->is_kicked = true;
		break;
	case VECTOR_POSTED: /* the guest that it was for must not wait for it */
		vcpu_look_before_entry();
		break;
	case VECTOR_HALT:
		if (machine_is_halting())
			arch_halt();
		percpu()->stray_count++;
		break;
	case VECTOR_SPURIOUS:
		percpu()->stray_count++;
		if (!is_in_service(vector)) /* "Spurious Interrupt" */
			return;
		break;
	default:
		if (vtd_irq_serve(vector))
			percpu()->is_kicked = true; /* somebody is to be notified */
		else
			percpu()->stray_count++;
		break;
	}
	apic_write(X2APIC_EOI, 0);
}
