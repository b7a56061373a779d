/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/power.c - ending: soft-off, reset, halt; and ports.
 * Source   ACPI, "PM1 Control Registers", "Legacy/ACPI Select Mechanism", "Reset Register".
 */
#include "arch/machine.h"
#include "arch/mp.h"
#include "arch/x86/cpu.h"
#include "arch/x86/init.h"

/* ACPI, "PM1 Control Registers" */
#define PM1_SCI_EN        BIT32(0)
#define PM1_SLP_TYP(t)    ((uint32_t)(t) << 10)
#define PM1_SLP_TYP_MASK  PM1_SLP_TYP(7)
#define PM1_SLP_EN        BIT32(13)

#define ACPI_MODE_WAIT_MS 100u

/* The chipsets' "Reset Control Register" */
#define RESET_CONTROL      0xcf9u
#define RESET_CONTROL_HARD 0x02u
#define RESET_CONTROL_GO   0x04u

#define RESET_WAIT_MS      50u

uint8_t arch_pio_read8(uint16_t port)
{
	return cpu_in8(port);
}

void arch_pio_write8(uint16_t port, uint8_t value)
{
	cpu_out8(port, value);
}

void arch_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt" ::: "memory"); /* an NMI comes back here */
}

/* The sleep registers are dead until firmware has handed them over: once, and bounded. */
static void enter_acpi_mode(const struct acpi_info *acpi)
{
	if ((cpu_in16(acpi->pm1a_control_port) & PM1_SCI_EN) != 0 || acpi->smi_command_port == 0)
		return;
	cpu_out8(acpi->smi_command_port, acpi->acpi_enable);
	for (uint32_t ms = 0; ms < ACPI_MODE_WAIT_MS; ms++) {
		if ((cpu_in16(acpi->pm1a_control_port) & PM1_SCI_EN) != 0)
			return;
		clock_wait_ns(MS(1));
	}
}

static void soft_off(uint16_t port, uint8_t type)
{
	const uint32_t kept = cpu_in16(port) & ~(PM1_SLP_TYP_MASK | PM1_SLP_EN);

	cpu_out16(port, (uint16_t)(kept | PM1_SLP_TYP(type) | PM1_SLP_EN));
}

void arch_power_off(void)
{
	const struct acpi_info *acpi = acpi_facts();

	arch_halt_others();
	if (acpi->has_s5 && acpi->pm1a_control_port != 0) {
		enter_acpi_mode(acpi);
		soft_off(acpi->pm1a_control_port, acpi->s5_type_a);
		if (acpi->pm1b_control_port != 0)
			soft_off(acpi->pm1b_control_port, acpi->s5_type_b);
	}
	arch_halt();
}

/* With no IDT, an exception has nowhere to go: the processor shuts down, and chipsets reset. */
static NORETURN void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_idt = { 0, 0 };

	__asm__ volatile("lidt %0; int3" ::"m"(no_idt));
	arch_halt();
}

void arch_reset(void)
{
	const struct acpi_info *acpi = acpi_facts();

	arch_halt_others();
	if (acpi->reset_port != 0) {
		cpu_out8(acpi->reset_port, acpi->reset_value);
		clock_wait_ns(MS(RESET_WAIT_MS));
	}
	cpu_out8(RESET_CONTROL, RESET_CONTROL_HARD);
	cpu_out8(RESET_CONTROL, RESET_CONTROL_HARD | RESET_CONTROL_GO);
	clock_wait_ns(MS(RESET_WAIT_MS));
	triple_fault();
}
