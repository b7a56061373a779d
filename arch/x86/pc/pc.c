/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/pc.h over the device models: one struct pc a partition, each access under its lock.
 * memory.c has the accesses that need the instruction decoded.
 */
#include "arch/clock.h"
#include "arch/mem.h"
#include "arch/x86/pc/pc.h"
#include "arch/x86/pc/state.h"
#include "arch/x86/post.h"
#include "core/lib/assert.h"

static struct pc *pcs[MAX_PARTITIONS];  /* [I] after creation */
static struct pc *pc_around[MAX_VCPUS]; /* [I] likewise: the same, by vCPU */

struct pc *pc_of(part_id_t part)
{
	return pcs[part];
}

const struct guest_ram *pc_ram(part_id_t part)
{
	return &pcs[part]->setup.ram;
}

static void start_over(struct pc *pc, uint64_t epoch_tsc)
{
	const uint64_t hz = arch_clock_tsc_hz();

	/* The time of day goes on from the first start. */
	vrtc_init(&pc->rtc, hz, pc->setup.epoch_tsc, pc->setup.unix_time_s);
	vioapic_init(&pc->ioapic);
	vpic_init(&pc->pic);
	vpit_init(&pc->pit, hz, epoch_tsc);
	vpm_init(&pc->pm, hz, epoch_tsc);
	vuart_init(&pc->uart, pc->setup.uart_byte_tsc, pc->setup.uart_line_tsc);
	pc->irqs = 0;
	pc->pic_output = false;
	pc->next_tsc = TSC_NEVER;
}

enum err arch_pc_create(const struct pc_setup *setup)
{
	struct pc *pc;

	if (setup->part >= MAX_PARTITIONS || pcs[setup->part] || setup->first >= MAX_VCPUS ||
	    setup->vcpu_count > MAX_VCPUS - setup->first)
		return ERR_INVAL;
	pc = arch_mem_take_pages(align_up(sizeof(*pc), PAGE_BYTES) / PAGE_BYTES);
	if (!pc)
		return ERR_NOMEM;
	pc->setup = *setup;
	vpci_init(&pc->pci);
	start_over(pc, setup->epoch_tsc);
	pcs[setup->part] = pc;
	for (uint32_t i = 0; i < setup->vcpu_count; i++)
		pc_around[setup->first + i] = pc;
	return OK;
}

void arch_pc_restart(part_id_t part, uint64_t epoch_tsc)
{
	struct pc *const pc = pcs[part];

	pc_take(pc);
	start_over(pc, epoch_tsc);
	pc_restart_functions(pc);
	pc_give(pc);
}

/* ---- Interrupt lines ---- */

/* What the I/O APIC has to send now: at most one message for each pin. */
static vcpu_set_t send_messages(struct pc *pc)
{
	struct irq_message m;
	vcpu_set_t posted = 0, to;

	while (vioapic_take(&pc->ioapic, &m)) {
		to = post_message(NULL, pc->setup.first, pc->setup.vcpu_count, &m);
		if (m.is_level && (to == 0 || m.vector < IRQ_FIRST_VECTOR))
			vioapic_was_refused(&pc->ioapic);
		posted |= to;
	}
	return posted;
}

static vcpu_set_t show_pic(struct pc *pc)
{
	const bool output = vpic_output(&pc->pic);

	if (output == pc->pic_output)
		return 0;
	pc->pic_output = output;
	return post_extint(pc->setup.first, output);
}

vcpu_set_t pc_after_interrupts(struct pc *pc)
{
	vcpu_set_t posted = 0;

	if (pc->ioapic.due)
		posted = send_messages(pc);
	return posted | show_pic(pc);
}

/* An ISA line goes to both controllers. */
static vcpu_set_t set_irq(struct pc *pc, uint32_t irq, bool level)
{
	const uint32_t bit = BIT32(irq);

	if (!(pc->irqs & bit) == !level)
		return 0;
	pc->irqs ^= bit;
	vioapic_set_line(&pc->ioapic, irq == PC_IRQ_PIT ? PC_PIN_PIT : irq, level);
	vpic_set_line(&pc->pic, irq, level);
	return pc_after_interrupts(pc);
}

static uint64_t earliest(struct pc *pc, uint64_t now_tsc)
{
	uint64_t next_tsc = min_u64(pc->rtc.next_tsc, pc->uart.next_tsc);

	next_tsc = min_u64(next_tsc, vpm_next_tsc(&pc->pm, now_tsc));
	/* A tick that both controllers keep to themselves need not wake anybody. */
	if (vioapic_listens(&pc->ioapic, PC_PIN_PIT) || vpic_listens(&pc->pic, PC_IRQ_PIT))
		next_tsc = min_u64(next_tsc, pc->pit.next_tsc);
	return next_tsc;
}

void pc_note_next(struct pc *pc, uint64_t now_tsc, struct pc_effect *effect)
{
	const uint64_t next_tsc = earliest(pc, now_tsc);

	effect->timer_changed |= next_tsc != pc->next_tsc;
	pc->next_tsc = next_tsc;
}

/* ---- Time ---- */

vcpu_set_t pc_expire_pit(struct pc *pc, uint64_t now_tsc)
{
	vcpu_set_t posted = 0;

	/* See vpit.h, "Line". */
	if (vpit_expire(&pc->pit, now_tsc))
		posted = set_irq(pc, PC_IRQ_PIT, false);
	return posted | set_irq(pc, PC_IRQ_PIT, pc->pit.irq0);
}

static vcpu_set_t expire_all(struct pc *pc, uint64_t now_tsc)
{
	vcpu_set_t posted = pc_expire_pit(pc, now_tsc);

	vrtc_expire(&pc->rtc, now_tsc);
	posted |= set_irq(pc, PC_IRQ_RTC, pc->rtc.irq8);
	vuart_expire(&pc->uart, now_tsc);
	posted |= set_irq(pc, PC_IRQ_COM1, pc->uart.irq);
	return posted | set_irq(pc, PC_IRQ_SCI, vpm_sci(&pc->pm, now_tsc));
}

uint64_t arch_pc_timer_tsc(part_id_t part)
{
	return __atomic_load_n(&pcs[part]->next_tsc, __ATOMIC_RELAXED);
}

void arch_pc_timer_expire(part_id_t part, uint64_t now_tsc, struct pc_effect *effect)
{
	struct pc *const pc = pcs[part];

	*effect = (struct pc_effect){ 0 };
	pc_take(pc);
	effect->posted = expire_all(pc, now_tsc);
	pc_note_next(pc, now_tsc, effect);
	pc_give(pc);
}

/* ---- Ports ---- */

static __attribute__((noinline)) uint8_t read_uart(struct pc *pc, uint16_t port, uint64_t now_tsc,
						   struct pc_effect *effect)
{
	const uint8_t value = vuart_read(&pc->uart, port - PC_COM1, now_tsc);

	effect->posted |= set_irq(pc, PC_IRQ_COM1, pc->uart.irq);
	pc_note_next(pc, now_tsc, effect);
	return value;
}

static __attribute__((noinline)) uint8_t read_rtc(struct pc *pc, uint16_t port, uint64_t now_tsc,
						  struct pc_effect *effect)
{
	const uint8_t value = vrtc_read(&pc->rtc, port, now_tsc);

	effect->posted |= set_irq(pc, PC_IRQ_RTC, pc->rtc.irq8);
	pc_note_next(pc, now_tsc, effect);
	return value;
}

static __attribute__((noinline)) uint8_t read_requests(struct pc *pc, uint16_t port,
						       uint64_t now_tsc, struct pc_effect *effect)
{
	uint8_t value;

	effect->posted |= pc_expire_pit(pc, now_tsc); /* nobody did while nobody listened */
	value = vpic_read(&pc->pic, port);
	effect->posted |= pc_after_interrupts(pc);
	return value;
}

static uint8_t read_pic(struct pc *pc, uint16_t port, uint64_t now_tsc, struct pc_effect *effect)
{
	if (vpic_read_is_plain(&pc->pic, port))
		return vpic_read(&pc->pic, port);
	return read_requests(pc, port, now_tsc, effect);
}

/* One byte of an 8-bit device; wider accesses come as several, as on an ISA bus. */
static uint8_t read_byte(struct pc *pc, uint16_t port, uint64_t now_tsc, struct pc_effect *effect)
{
	switch (port) {
	case PC_COM1 ... PC_COM1 + 7:
		return read_uart(pc, port, now_tsc, effect);
	case PC_PIT ... PC_PIT + 3:
	case PC_PORT_61:
		return vpit_read(&pc->pit, port, now_tsc);
	case PC_RTC ... PC_RTC + 1:
		return read_rtc(pc, port, now_tsc, effect);
	case PC_PIC_MASTER ... PC_PIC_MASTER + 1:
	case PC_PIC_SLAVE ... PC_PIC_SLAVE + 1:
	case PC_ELCR ... PC_ELCR + 1:
		return read_pic(pc, port, now_tsc, effect);
	case PC_PORT_92:
		return BIT32(1); /* A20 is open */
	default:
		return UINT8_MAX;
	}
}

static void reset_by(struct pc_effect *effect, bool is_reset)
{
	if (is_reset)
		effect->event = PC_RESET;
}

static void write_uart(struct pc *pc, uint16_t port, uint8_t value, uint64_t now_tsc,
		       struct pc_effect *effect)
{
	const struct vuart_write sent = vuart_write(&pc->uart, port - PC_COM1, value, now_tsc);

	if (sent.has_byte) {
		effect->event = PC_OUTPUT;
		effect->value = sent.byte;
	}
	effect->posted |= set_irq(pc, PC_IRQ_COM1, pc->uart.irq);
	pc_note_next(pc, now_tsc, effect);
}

static void write_byte(struct pc *pc, uint16_t port, uint8_t value, uint64_t now_tsc,
		       struct pc_effect *effect)
{
	switch (port) {
	case PC_COM1 ... PC_COM1 + 7:
		write_uart(pc, port, value, now_tsc, effect);
		return;
	case PC_PIT ... PC_PIT + 3:
	case PC_PORT_61:
		vpit_write(&pc->pit, port, value, now_tsc);
		effect->posted |= pc_expire_pit(pc, now_tsc);
		pc_note_next(pc, now_tsc, effect);
		return;
	case PC_RTC ... PC_RTC + 1:
		vrtc_write(&pc->rtc, port, value, now_tsc);
		effect->posted |= set_irq(pc, PC_IRQ_RTC, pc->rtc.irq8);
		pc_note_next(pc, now_tsc, effect);
		return;
	case PC_PIC_MASTER ... PC_PIC_MASTER + 1:
	case PC_PIC_SLAVE ... PC_PIC_SLAVE + 1:
	case PC_ELCR ... PC_ELCR + 1:
		effect->posted |= pc_expire_pit(pc, now_tsc);
		vpic_write(&pc->pic, port, value);
		effect->posted |= pc_after_interrupts(pc);
		pc_note_next(pc, now_tsc, effect);
		return;
	case PC_KEYBOARD:
		reset_by(effect, value == PC_KEYBOARD_RESET);
		return;
	case PC_PORT_92:
		reset_by(effect, value & BIT32(0));
		return;
	case PC_RESET_PORT:
		reset_by(effect, value & PC_RESET_CPU);
		return;
	default:
		return;
	}
}

static bool is_pm(uint16_t port, uint32_t width)
{
	return port >= PC_PM1_EVENT && port + width <= PC_PM_TIMER + 4;
}

static bool is_pci(uint16_t port, uint32_t width)
{
	return port >= PC_PCI_ADDRESS && port + width <= PC_PCI_DATA + 4 &&
	       !(port == PC_RESET_PORT && width == 1);
}

static __attribute__((noinline)) uint32_t read_wide(struct pc *pc, uint16_t port, uint32_t width,
						    uint64_t now_tsc, struct pc_effect *effect)
{
	uint32_t value = 0;

	if (is_pm(port, width))
		return vpm_read(&pc->pm, port, width, now_tsc);
	if (is_pci(port, width))
		return pc_config_read(pc, port, width);
	for (uint32_t i = 0; i < width; i++)
		value |= (uint32_t)read_byte(pc, (uint16_t)(port + i), now_tsc, effect) << 8 * i;
	return value;
}

static uint32_t read_port(struct pc *pc, uint16_t port, uint32_t width, uint64_t now_tsc,
			  struct pc_effect *effect)
{
	if (width == 1 && port < PC_PM1_EVENT) /* nearly always */
		return read_byte(pc, port, now_tsc, effect);
	return read_wide(pc, port, width, now_tsc, effect);
}

static void write_pm(struct pc *pc, uint16_t port, uint32_t width, uint32_t value, uint64_t now_tsc,
		     struct pc_effect *effect)
{
	if (vpm_write(&pc->pm, port, width, value, now_tsc))
		effect->event = PC_POWER_OFF;
	effect->posted |= set_irq(pc, PC_IRQ_SCI, vpm_sci(&pc->pm, now_tsc));
	pc_note_next(pc, now_tsc, effect);
}

/* A wide access to the UART sends one byte only: its registers are not a FIFO side by side. */
static __attribute__((noinline)) void write_port(struct pc *pc, uint16_t port, uint32_t width,
						 uint32_t value, uint64_t now_tsc,
						 struct pc_effect *effect)
{
	if (port >= VPCI_IO_FIRST) {
		bool again = false;

		effect->posted |= pc_ports_write(pc, port, width, value, &again);
		effect->event = again ? PC_REPEAT : PC_NOTHING;
		return;
	}
	if (is_pm(port, width)) {
		write_pm(pc, port, width, value, now_tsc, effect);
		return;
	}
	if (is_pci(port, width)) {
		effect->posted |= pc_config_write(pc, port, width, value);
		return;
	}
	if (port == PC_EXIT_PORT && pc->setup.has_exit_port) {
		effect->event = PC_EXIT;
		effect->value = value;
		return;
	}
	for (uint32_t i = 0; i < width; i++)
		write_byte(pc, (uint16_t)(port + i), (uint8_t)(value >> 8 * i), now_tsc, effect);
}

static inline __attribute__((always_inline)) uint32_t access_port(struct pc *pc,
								  const struct exit_info *e,
								  uint32_t value,
								  struct pc_effect *effect)
{
	const uint16_t port = (uint16_t)e->addr;
	uint32_t read = 0;

	*effect = (struct pc_effect){ 0 };
	pc_take(pc);
	if (e->write)
		write_port(pc, port, e->width, value, e->exit_tsc, effect);
	else
		read = read_port(pc, port, e->width, e->exit_tsc, effect);
	pc_give(pc);
	return read;
}

uint32_t pc_access_port(struct pc *pc, const struct exit_info *e, uint32_t value,
			struct pc_effect *effect)
{
	return access_port(pc, e, value, effect);
}

void arch_pc_port(vcpu_id_t vcpu, const struct exit_info *e, struct pc_effect *effect)
{
	const uint32_t read = access_port(pc_around[vcpu], e, (uint32_t)e->value, effect);

	if (!e->write)
		vcpu_put_input(vcpus[vcpu], e->width, read);
}

/* ---- For the vCPUs' side ---- */

vcpu_set_t pc_end_of_interrupt(part_id_t part, uint8_t vector)
{
	struct pc *const pc = pcs[part];
	vcpu_set_t posted;

	pc_take(pc);
	vioapic_end_of_interrupt(&pc->ioapic, vector);
	posted = send_messages(pc);
	pc_give(pc);
	return posted;
}

/* What this asks of others is nothing: only the first vCPU sees the 8259's output. */
uint8_t vcpu_extint_take(struct vcpu *v)
{
	struct pc *const pc = pcs[v->part];
	uint8_t vector;

	pc_take(pc);
	vector = vpic_acknowledge(&pc->pic);
	(void)show_pic(pc);
	v->extint_pending = pc->pic_output;
	pc_give(pc);
	return vector;
}
