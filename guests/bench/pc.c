/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/bench/pc.c - exits to the devices of a PC, those that a hypervisor serves by itself.
 *
 * Source   Intel 8254 and 8259A data sheets; 82093AA (I/O APIC) data sheet.
 */
#include "guests/bench/bench.h"
#include "guests/bench/sample.h"
#include "guests/rt/cpu.h"
#include "guests/rt/paging.h"

#define PIC_MASTER_MASK    0x21u
#define PIC_SLAVE_MASK     0xa1u
#define MASK_ALL           0xffu
#define PIT_COUNTER_0      0x40u
#define PIT_CONTROL        0x43u
#define PIT_LOW_BYTE_MODE0 0x10u /* counter 0, low byte only, one shot: it ends once, in silence */
#define IOAPIC_GPA         UINT64_C(0xfec00000)
#define IOAPIC_WINDOW      0x10u
#define IOAPIC_VERSION     1u

void pc_prepare(void)
{
	cpu_out8(PIC_MASTER_MASK, MASK_ALL);
	cpu_out8(PIC_SLAVE_MASK, MASK_ALL);
	cpu_out8(PIT_CONTROL, PIT_LOW_BYTE_MODE0);
	cpu_out8(PIT_COUNTER_0, 0);
}

void pc_rows(void)
{
	const uint64_t ioapic = paging_window(IOAPIC_GPA, PAGING_DATA);

	*(volatile uint32_t *)ioapic = IOAPIC_VERSION;
	sample_mmio_at = (const volatile uint32_t *)(ioapic + IOAPIC_WINDOW);
	bench_line("exit.pio", sample_pio, 1);
	bench_line("exit.pio.series", sample_pio_series, SAMPLE_BURST);
	bench_line("exit.pio.pic", sample_pio_pic, 1);
	bench_line("exit.mmio", sample_mmio, 1);
	bench_line("exit.mmio.series", sample_mmio_series, SAMPLE_BURST);
}
