/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/dma.c - mode=dma: every way in which a device of ours could reach what is not ours, at
 * addresses all over the machine. A hypervisor that is right lets none of it through.
 *
 *   to=N	    MiB: from the end of our own RAM to there, every 2 MiB (512)
 *   rounds=N	    all of it so often (1)
 *   at=own	    the same number of times at memory of our own, for comparison
 *   compat=1	    interrupt messages in compatibility format, too. QEMU lets these through (docs/
 *		    emulators.md): real hardware is told not to
 *   wait_ms=N	    before it begins (0)
 *
 * Targets  RAM beyond ours; all of the hole below 4 GiB, which holds registers and other
 *	    devices; a few above. Where a device's write is an interrupt message (FEExxxxxH), only
 *	    four bytes are written, one message a time.
 * Output   In each round, of each attack, one line: attempts; moved: the device went on after it;
 *	    leaked: what came back was somebody's. Then "dma": those of all rounds together; own:
 *	    interrupts that our entries may raise, and did; strays: those that they may not.
 */
#include <stdio.h>
#include <stdlib.h>
#include "guests/net/attack.h"
#include "guests/net/igbvf_regs.h"
#include "guests/net/modes.h"
#include "guests/rt/apic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/pci.h"

#define MIB_SHIFT      20u
#define STEP           UINT64_C(0x200000)
#define DEFAULT_TO_MIB 512u
#define HOLE_START     UINT64_C(0x80000000)
#define HOLE_END       UINT64_C(0x100000000)
#define MESSAGES_START UINT64_C(0xfee00000)
#define MESSAGES_END   UINT64_C(0xff000000)
/* VT-d specification, "Interrupt Requests in Remappable Format": handle 14:0 in bits 19:5. */
#define MESSAGE_REMAPPABLE  UINT64_C(0x10)
#define MESSAGE_HANDLE(n)   ((uint64_t)(n) << 5)
#define HANDLE_COUNT        1024u
#define MESSAGE_TO(apic_id) ((uint64_t)(apic_id) << 12)
#define FORGED_VECTOR       0x71u
#define APIC_ID_COUNT       256u
#define VECTOR_NMI          2u
#define VECTOR_LOWEST       16u
#define DELIVERY_INIT       5u
#define DELIVERY_COUNT      8u
#define DATA_DELIVERY(n)    ((uint32_t)(n) << 8)
#define DATA_LEVEL          0xc000u /* asserted */
#define SETTLE_MS           1u

static struct port helper;
static struct attack_tally sum;
static uint64_t own, strays; /* interrupts */
static volatile uint64_t nmis;

/* at=own: a page of each attack, for what one leaves would be descriptors to another. */
static uint8_t own_pages[ATTACK_COUNT][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static bool is_at_own;

static uint64_t aim(enum attack attack, uint64_t target)
{
	return is_at_own ? (uint64_t)own_pages[attack] : target;
}

static void report(const char *name, const struct attack_tally *t)
{
	printf("@{\"attack\":\"%s\",\"attempts\":%lu,\"moved\":%lu,\"leaked\":%lu}\n", name,
	       t->attempts, t->moved, t->leaked);
	sum.attempts += t->attempts;
	sum.moved += t->moved;
	sum.leaked += t->leaked;
}

/* --- memory ----------------------------------------------------------------------------------- */

static bool sweep(struct attack_pair *pair, enum attack attack, uint64_t from, uint64_t to,
		  struct attack_tally *t)
{
	for (uint64_t at = from; at < to; at += STEP)
		if ((at < MESSAGES_START || at >= MESSAGES_END) &&
		    !attack_once(pair, attack, aim(attack, at), t))
			return false;
	return true;
}

static bool attack_memory(struct attack_pair *pair, uint64_t to)
{
	static const uint64_t high[] = {
		HOLE_END,
		UINT64_C(1) << 36,
		(UINT64_C(1) << 39) - STEP,
		UINT64_C(1) << 46,
		(UINT64_C(1) << 48) - STEP,
		UINT64_C(1) << 63,
		-STEP,
	};

	for (enum attack a = 0; a < ATTACK_COUNT; a++) {
		struct attack_tally t = { 0 };

		if (!sweep(pair, a, guest_info()->ram_bytes, to, &t) ||
		    !sweep(pair, a, HOLE_START, HOLE_END, &t))
			return false;
		for (size_t i = 0; i < sizeof(high) / sizeof(high[0]); i++)
			if (!attack_once(pair, a, aim(a, high[i]), &t))
				return false;
		report(attack_name(a), &t);
	}
	return true;
}

/* --- interrupts ------------------------------------------------------------------------------- */

/* Every entry of a remapping table, most of which are others' or nobody's. */
static bool attack_handles(struct attack_pair *pair)
{
	struct attack_tally t = { 0 };

	for (uint32_t handle = 0; handle < HANDLE_COUNT; handle++) {
		const uint64_t address =
			MESSAGES_START | MESSAGE_REMAPPABLE | MESSAGE_HANDLE(handle);

		if (!attack_message(pair, aim(ATTACK_HEAD, address), FORGED_VECTOR, &t))
			return false;
	}
	report("message-handle", &t);
	return true;
}

static bool attack_compatibility(struct attack_pair *pair)
{
	struct attack_tally t = { 0 };

	for (uint32_t id = 0; id < APIC_ID_COUNT; id++)
		if (!attack_message(pair, MESSAGES_START | MESSAGE_TO(id), FORGED_VECTOR, &t))
			return false;
	report("message-compatibility", &t);
	return true;
}

static struct trap_frame *on_nmi(struct trap_frame *frame)
{
	nmis++;
	return frame;
}

/* The lowest vector that an APIC delivers; to the CPU it is one of the exceptions'. */
static struct trap_frame *on_lowest(struct trap_frame *frame)
{
	apic_eoi();
	return frame;
}

/* The device's own entry, aimed at `address` with `data`; then it is told to send it. */
static void send_entry(const struct port *p, volatile uint32_t *entry, uint32_t address,
		       uint32_t data)
{
	const uint64_t until_tsc = cpu_rdtsc() + port_ticks_from_ms(SETTLE_MS);

	if (is_at_own) {
		address = (uint32_t)MESSAGES_START;
		data = FORGED_VECTOR;
	}
	entry[0] = address;
	entry[1] = 0;
	entry[2] = data;
	entry[3] = 0;
	p->vf.io.write(p->vf.io.context, IGBVF_EIMS, IGBVF_BIT(0));
	p->vf.io.write(p->vf.io.context, IGBVF_EICS, IGBVF_BIT(0));
	while (cpu_rdtsc() < until_tsc)
		cpu_pause();
}

/*
 * Messages that a careless hypervisor would pass on: other delivery modes, vectors below 16, other
 * destinations, level-triggered ones. INIT is left out, which would end this guest at best.
 */
static bool attack_entries(const struct port *p)
{
	static const uint32_t ids[] = { 0, 1, 2, 0xff };
	static const uint8_t vectors[] = { 0,    2,    8,    14,   15,  VECTOR_LOWEST,
					   0x20, 0x30, 0x61, 0xef, 0xfe };
	struct attack_tally t = { 0 };
	uint32_t device = 0, count;
	volatile uint32_t *table;

	if (!pci_find(IGBVF_VENDOR, IGBVF_DEVICE, &device) ||
	    !(table = pci_msix_table(device, &count)))
		return false;
	for (uint32_t mode = 0; mode < DELIVERY_COUNT; mode++)
		for (size_t i = 0; mode != DELIVERY_INIT && i < sizeof(ids) / sizeof(ids[0]); i++)
			for (size_t v = 0; v < sizeof(vectors); v++) {
				const uint32_t data = DATA_DELIVERY(mode) | vectors[v];

				send_entry(p, table,
					   (uint32_t)(MESSAGES_START | MESSAGE_TO(ids[i])),
					   v & 1 ? data | DATA_LEVEL : data);
				t.attempts++;
			}
	pci_msix_aim(table, 0, FORGED_VECTOR);
	report("msix-entry", &t);
	return true;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* The weapon works: where both own the memory, what one sends the other receives. */
static bool is_sharp(struct attack_pair *pair)
{
	struct attack_tally t = { 0 };
	static uint8_t target[IGBVF_BUFFER_BYTES];
	bool is_alive;

	for (size_t i = 0; i < sizeof(target); i++)
		target[i] = (uint8_t)(i * 7 + 1);
	is_alive = attack_once(pair, ATTACK_READ, (uint64_t)target, &t) && t.leaked == 1;
	is_alive = is_alive && attack_once(pair, ATTACK_WRITE, (uint64_t)target, &t) &&
		   target[IGBVF_FRAME_MIN] == target[IGBVF_FRAME_MIN + 1];
	if (!is_alive)
		printf("net: the devices do not move our own memory: this proves nothing\n");
	return is_alive;
}

static bool go_round(struct attack_pair *pair, const char *args, uint64_t to)
{
	const uint64_t before = trap_stray_count();
	uint64_t middle;

	if (!attack_memory(pair, to) || !attack_handles(pair) ||
	    (args_is(args, "compat", "1") && !attack_compatibility(pair)))
		return false;
	middle = trap_stray_count();
	strays += middle - before;
	if (!attack_entries(pair->attacker))
		return false;
	own += trap_stray_count() - middle;
	return port_restart(pair->attacker);
}

static void report_sum(uint64_t round, const struct attack_pair *pair)
{
	printf("@{\"dma\":\"round\",\"round\":%lu,\"attempts\":%lu,\"leaked\":%lu,\"restarts\":%lu,"
	       "\"strays\":%lu,\"own\":%lu,\"nmis\":%lu}\n",
	       round, sum.attempts, sum.leaked, pair->restarts, strays, own, nmis);
}

int mode_dma(struct port *port, const char *args)
{
	struct attack_pair pair = { .attacker = port, .helper = &helper };
	const uint64_t to = args_number(args, "to", DEFAULT_TO_MIB) << MIB_SHIFT;
	const uint64_t rounds = args_number(args, "rounds", 1);

	is_at_own = args_is(args, "at", "own");
	if (!port_open(&helper, 1))
		return EXIT_FAILURE;
	trap_set_handler(VECTOR_NMI, on_nmi);
	trap_set_handler(VECTOR_LOWEST, on_lowest);
	port_sleep(cpu_rdtsc() + port_ticks_from_ms(args_number(args, "wait_ms", 0)));
	if (!is_sharp(&pair))
		return EXIT_FAILURE;
	for (uint64_t i = 1; i <= rounds; i++) {
		if (!go_round(&pair, args, to))
			return EXIT_FAILURE;
		report_sum(i, &pair);
	}
	return sum.leaked != 0 || strays != 0 || nmis != 0;
}
