/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/edu/main.c - a guest that owns a whole function: QEMU's "edu" device, a conventional one with
 * one BAR, one MSI and a DMA engine of a page.
 *
 *   outside=ADDRESS    where it has the device write that is not this guest's; a multiple of 1 MiB,
 *		        in MiB (128)
 *   reset=1	        resets its PC at the end, for partitions that restart
 *
 * Source  QEMU, docs/specs/edu.rst, "EDU device". Its DMA takes 100 ms.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/rt/apic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/pci.h"
#include "guests/rt/ticks.h"

#define EDU_VENDOR    0x1234u
#define EDU_DEVICE    0x11e8u
#define EDU_BAR_BYTES 0x1000u /* of 1 MiB; the rest is empty */
#define EDU_IDENTITY  0x010000edu
#define EDU_BUFFER    0x40000u
#define EDU_BYTES     4096u

enum {
	REG_IDENTITY = 0x00,
	REG_LIVENESS = 0x04,
	REG_INTERRUPTS = 0x24,
	REG_RAISE = 0x60,
	REG_ACKNOWLEDGE = 0x64,
	REG_DMA_FROM = 0x80,
	REG_DMA_TO = 0x88,
	REG_DMA_COUNT = 0x90,
	REG_DMA_COMMAND = 0x98,
};
#define DMA_START      1u
#define DMA_TO_MEMORY  2u
#define DMA_INTERRUPTS 4u
#define DMA_DONE       0x100u

#define VECTOR         0x60u
#define PATIENCE_MS    1000u
#define RAISES         100u
#define RESET_PORT     0xcf9u
#define RESET_NOW      0x06u

static uint64_t bar;
static volatile uint32_t seen; /* interrupt status bits, collected */
static volatile uint64_t interrupts;

static uint32_t read_reg(uint32_t reg)
{
	return *(volatile uint32_t *)(bar + reg);
}

static void write_reg(uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(bar + reg) = value;
}

static void write_long(uint32_t reg, uint64_t value)
{
	*(volatile uint64_t *)(bar + reg) = value;
}

static struct trap_frame *on_interrupt(struct trap_frame *frame)
{
	const uint32_t bits = read_reg(REG_INTERRUPTS);

	seen |= bits;
	interrupts++;
	write_reg(REG_ACKNOWLEDGE, bits);
	apic_eoi();
	return frame;
}

static bool wait_for(uint32_t bits)
{
	const uint64_t until_tsc =
		cpu_rdtsc() + ticks_from_us(PATIENCE_MS * 1000, guest_info()->tsc_hz);

	while ((seen & bits) != bits && cpu_rdtsc() < until_tsc)
		apic_pause(until_tsc);
	return (seen & bits) == bits;
}

static bool dma(uint64_t from, uint64_t to, uint32_t command)
{
	seen = 0;
	write_long(REG_DMA_FROM, from);
	write_long(REG_DMA_TO, to);
	write_long(REG_DMA_COUNT, EDU_BYTES);
	write_reg(REG_DMA_COMMAND, command | DMA_START | DMA_INTERRUPTS);
	return wait_for(DMA_DONE);
}

static const char *open_device(void)
{
	uint32_t device = 0;

	if (!pci_init() || !pci_find(EDU_VENDOR, EDU_DEVICE, &device))
		return "there is none";
	bar = pci_map_bar(device, 0, EDU_BAR_BYTES);
	if (bar == 0)
		return "its BAR cannot be mapped";
	pci_set_command(device, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (read_reg(REG_IDENTITY) != EDU_IDENTITY)
		return "it is another device";
	write_reg(REG_LIVENESS, 0x12345678u);
	if (read_reg(REG_LIVENESS) != ~0x12345678u)
		return "it does not answer";
	trap_set_handler(VECTOR, on_interrupt);
	return pci_msi_aim(device, VECTOR) ? NULL : "it has no MSI";
}

static const char *raise_interrupts(void)
{
	for (uint32_t i = 1; i <= RAISES; i++) {
		seen = 0;
		write_reg(REG_RAISE, i);
		if (!wait_for(i))
			return "an interrupt did not come";
	}
	return interrupts == RAISES ? NULL : "not as many interrupts as were raised";
}

static const char *move_memory(uint64_t outside)
{
	uint8_t *const from = memalign(EDU_BYTES, EDU_BYTES), *const to = memalign(EDU_BYTES,
										   EDU_BYTES);

	if (!from || !to)
		return "no memory";
	for (uint32_t i = 0; i < EDU_BYTES; i++)
		from[i] = (uint8_t)(i * 7 + 1);
	memset(to, 0, EDU_BYTES);
	if (!dma((uint64_t)from, EDU_BUFFER, 0) || !dma(EDU_BUFFER, (uint64_t)to, DMA_TO_MEMORY))
		return "a transfer does not end";
	if (memcmp(from, to, EDU_BYTES) != 0)
		return "what came back is not what was sent";
	/* It says that it is done; only the IOMMU knows better. */
	return dma(EDU_BUFFER, outside, DMA_TO_MEMORY) ? NULL : "a transfer does not end";
}

int main(void)
{
	const char *args = guest_info()->args;
	const char *wrong = open_device();

	if (!wrong)
		wrong = raise_interrupts();
	if (!wrong)
		wrong = move_memory(args_number(args, "outside", 128) << 20);
	printf("@{\"edu\":\"%s\",\"interrupts\":%lu}\n", wrong ? wrong : "well", interrupts);
	if (wrong)
		return EXIT_FAILURE;
	if (args_is(args, "reset", "1"))
		cpu_out8(RESET_PORT, RESET_NOW);
	return EXIT_SUCCESS;
}
