/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include "guests/net/port.h"
#include "guests/rt/apic.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/pci.h"
#include "guests/rt/ticks.h"

#define VECTOR_FIRST     0x60u /* port n has VECTOR_FIRST + n */
#define PATIENCE_MS      1000u /* for one answer of the PF */
#define OPEN_MS          20000u
#define RETRY_MS         100u
#define SEND_MS          1000u
#define LOOK_MS          500u /* at the PF's state, while nothing comes */
#define PAGE_BYTES       4096u
#define PCI_COMMAND_BITS (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

static struct port *ports[PORT_MAX];

uint64_t port_ticks_from_ms(uint64_t ms)
{
	return ticks_from_us(ms * 1000, guest_info()->tsc_hz);
}

const char *port_mac_text(const uint8_t mac[FRAME_MAC_BYTES], char text[PORT_MAC_TEXT])
{
	snprintf(text, PORT_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}

/* --- the device ------------------------------------------------------------------------------- */

static uint32_t read_register(void *context, uint32_t reg)
{
	return *(volatile uint32_t *)((uint64_t)context + reg);
}

static void write_register(void *context, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)((uint64_t)context + reg) = value;
}

static uint64_t now(void *context)
{
	cpu_pause();
	return cpu_rdtsc();
}

static struct trap_frame *on_interrupt(struct trap_frame *frame)
{
	struct port *p = ports[frame->vector - VECTOR_FIRST];

	p->interrupts++;
	if (!p->is_quiet)
		igbvf_rearm(&p->vf);
	apic_eoi();
	return frame;
}

static bool complain(const struct port *p, const char *what)
{
	printf("net: device %u: %s\n", (unsigned)p->index, what);
	return false;
}

static bool find(uint32_t index, uint32_t *device)
{
	*device = 0;
	for (uint32_t n = 0; pci_find(IGBVF_VENDOR, IGBVF_DEVICE, device); n++, (*device)++)
		if (n == index)
			return true;
	return false;
}

static bool attach(struct port *p, uint32_t device)
{
	const uint64_t bar = pci_map_bar(device, 0, IGBVF_BAR_BYTES);
	const struct igbvf_io io = { read_register, write_register, now, (void *)bar };
	struct igbvf_memory *memory = memalign(PAGE_BYTES, sizeof(*memory));
	const uint8_t vector = (uint8_t)(VECTOR_FIRST + p->index);
	volatile uint32_t *table;
	uint32_t count;

	if (!bar)
		return complain(p, "BAR 0 cannot be mapped");
	if (!memory)
		return complain(p, "not enough memory for its rings");
	pci_set_command(device, PCI_COMMAND_BITS);
	table = pci_msix_table(device, &count);
	if (!table)
		return complain(p, "no MSI-X");
	ports[p->index] = p;
	trap_set_handler(vector, on_interrupt);
	pci_msix_aim(table, 0, vector);
	if (!pci_msix_enable(device))
		return complain(p, "MSI-X cannot be enabled");
	igbvf_init(&p->vf, &io, memory, port_ticks_from_ms(PATIENCE_MS));
	return true;
}

static enum igbvf_result bring_up(struct port *p)
{
	enum igbvf_result result = igbvf_reset(&p->vf);

	if (result == IGBVF_OK)
		result = igbvf_start(&p->vf);
	if (result == IGBVF_OK)
		igbvf_interrupt(&p->vf);
	return result;
}

void port_sleep(uint64_t until_tsc)
{
	while (cpu_rdtsc() < until_tsc)
		apic_pause(until_tsc);
}

bool port_restart(struct port *p)
{
	const uint64_t until = cpu_rdtsc() + port_ticks_from_ms(OPEN_MS);
	enum igbvf_result result = bring_up(p);

	while (result != IGBVF_OK && result != IGBVF_GONE && cpu_rdtsc() < until) {
		port_sleep(cpu_rdtsc() + port_ticks_from_ms(RETRY_MS));
		result = bring_up(p);
	}
	if (result != IGBVF_OK)
		return complain(p, igbvf_text(result));
	while (!igbvf_link_is_up(&p->vf))
		if (now(p) >= until)
			return complain(p, "no link");
	return true;
}

bool port_open(struct port *p, uint32_t index)
{
	uint32_t device;

	*p = (struct port){ .index = index };
	if (!pci_init() || index >= PORT_MAX)
		return complain(p, "there is no such device");
	if (!find(index, &device))
		return complain(p, "not found: no 8086:10ca of that number on PCI bus 0; "
				   "does the configuration give this partition a VF?");
	return attach(p, device) && port_restart(p);
}

void port_poll(struct port *p)
{
	p->is_polled = true;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* True: there is one that is ours; the others are counted and thrown away. */
static bool take(struct port *p, struct frame *frame)
{
	const uint8_t *data;
	uint32_t bytes;
	bool is_foreign, is_good = false;

	while (!is_good && (data = igbvf_receive(&p->vf, &bytes)) != NULL) {
		is_good = frame_read(data, bytes, frame, &is_foreign);
		p->foreign += is_foreign;
		p->corrupt += !is_good && !is_foreign;
		igbvf_receive_done(&p->vf);
	}
	return is_good;
}

/* An interrupt that comes between the look and the sleep ends the sleep: it is held back by IF. */
void port_wait(struct port *p, uint64_t until_tsc)
{
	uint32_t bytes;

	if (p->is_polled) {
		cpu_pause();
		return;
	}
	cpu_irq_off();
	if (p->is_quiet && !igbvf_receive(&p->vf, &bytes))
		igbvf_rearm(&p->vf);
	if (!igbvf_receive(&p->vf, &bytes))
		apic_pause(until_tsc);
	cpu_irq_on();
}

bool port_receive(struct port *p, struct frame *frame, uint64_t until_tsc)
{
	uint64_t look_tsc = cpu_rdtsc() + port_ticks_from_ms(LOOK_MS);

	while (!take(p, frame)) {
		const uint64_t now_tsc = cpu_rdtsc();

		if (now_tsc >= until_tsc)
			return false;
		if (now_tsc >= look_tsc) {
			look_tsc = now_tsc + port_ticks_from_ms(LOOK_MS);
			if (igbvf_pf_was_reset(&p->vf)) {
				p->resets++;
				if (!port_restart(p))
					return false;
			}
		}
		port_wait(p, until_tsc < look_tsc ? until_tsc : look_tsc);
	}
	return true;
}

bool port_send(struct port *p, struct frame *frame)
{
	uint64_t until_tsc = 0;
	uint8_t *room;

	while (!(room = igbvf_send_buffer(&p->vf))) {
		const uint64_t now_tsc = now(p);

		until_tsc = until_tsc ? until_tsc : now_tsc + port_ticks_from_ms(SEND_MS);
		if (now_tsc >= until_tsc)
			return false;
	}
	memcpy(frame->from, p->vf.mac, FRAME_MAC_BYTES);
	frame_write(frame, room);
	igbvf_send(&p->vf, frame->bytes);
	return true;
}
