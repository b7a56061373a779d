/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/mp.c - starting the other processors, and talking to them.
 *
 * States of a core, per stage[]:
 *	CORE_OFF --INIT, SIPI: start_one()--> CORE_HERE --order: arch_mp_start()--> fn()
 * A core that comes twice (it was slow, and got a second INIT meanwhile) does no harm: until
 * the order it only announces itself and answers TSC readings.
 */
#include "arch/mp.h"
#include <string.h>
#include "arch/clock.h"
#include "arch/machine.h"
#include "arch/mem.h"
#include "arch/x86/apic.h"
#include "arch/x86/calibrate.h"
#include "arch/x86/cpu.h"
#include "arch/x86/init.h"
#include "arch/x86/paging.h"
#include "core/lib/assert.h"

/* SDM Vol. 3A, "MP Initialization Protocol Algorithm" (BSP): 10 ms, then 200 us. */
#define INIT_WAIT_NS    MS(10)
#define STARTUP_WAIT_NS US(200)
/* A busy host may keep an emulated processor waiting: so many tries, each longer. */
#define START_TRIES   6u
#define START_WAIT_NS MS(50)

/* The start-up vector is a page number below 1 MiB; above 9FH lie the video memory and ROMs. */
#define LOW_MEMORY_END  0x9f000u

#define SKEW_ROUNDS     16u
#define SKEW_LIMIT_NS   US(1)
#define ANSWER_LIMIT_NS SEC(1)

enum stage { CORE_OFF, CORE_HERE };
enum order { ORDER_WAIT, ORDER_RUN, ORDER_STOP };

extern const uint8_t trampoline_start[], trampoline_end[];
extern const uint8_t trampoline_gdt_base[], trampoline_far32[], trampoline_far64[];
extern const uint8_t trampoline_gdt[], trampoline_32[], trampoline_64[];
extern const uint8_t trampoline_cr0[], trampoline_cr3[];
extern const uint8_t trampoline_stack[], trampoline_entry[], trampoline_self[];

static struct {
	uint32_t core_count;         /* [I] after mp_init() */
	bool is_boot_core_ready;     /* [I] likewise */
	uint64_t low_page;           /* [I] 0: none */
	uint64_t stopped_tsc;        /* [I] when the others got their INIT */
	uint64_t boot_cr4, boot_pat; /* [I] what the others take over */
	void (*fn)(core_id_t core);  /* [I] before the order */
	uint32_t order;              /* atomic; written by the boot core */
	uint32_t stage[MAX_CORES];   /* atomic; each written by its own core */
} mp;

/* One core at a time reads its TSC when the boot core asks. */
static struct {
	uint32_t core; /* atomic; whom we ask: 0 is nobody */
	uint32_t ask;  /* atomic; number of the question */
	uint32_t answer;
	uint64_t tsc; /* written before `answer` */
} meeting;

uint32_t arch_mp_core_count(void)
{
	return mp.core_count;
}

/* A panic may ask before arch_init() has made percpu(). */
core_id_t arch_mp_core_id(void)
{
	return mp.is_boot_core_ready ? percpu()->core : 0;
}

void arch_mp_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

void arch_mp_kick(core_id_t core)
{
	ASSERT(core < mp.core_count);
	if (percpu_of(core)->is_kicked_by_nmi)
		apic_send_nmi(percpu_of(core)->apic_id);
	else
		apic_send_fixed(percpu_of(core)->apic_id, VECTOR_KICK);
}

bool mp_core_is_online(core_id_t core)
{
	return __atomic_load_n(&mp.stage[core], __ATOMIC_ACQUIRE) == CORE_HERE;
}

void mp_boot_core_is_ready(void)
{
	mp.core_count = 1;
	mp.is_boot_core_ready = true;
	mp.stage[0] = CORE_HERE;
}

/* Boot core first, then the tables' order. */
static void number_cores(const struct acpi_info *acpi)
{
	const uint32_t self = percpu()->apic_id;
	uint32_t unreachable = 0, surplus = acpi->cpu_left_out;

	for (uint32_t i = 0; i < acpi->cpu_count; i++) {
		if (acpi->apic_ids[i] == self)
			continue;
		if (acpi->apic_ids[i] > apic_id_limit())
			unreachable++;
		else if (mp.core_count == MAX_CORES)
			surplus++;
		else
			percpu_of(mp.core_count++)->apic_id = acpi->apic_ids[i];
	}
	if (acpi->cpu_count == 0)
		remark("firmware lists no processors: only the boot core is used");
	if (unreachable != 0)
		remark("%u processors need x2APIC mode, which this machine lacks: not used",
		       unreachable);
	if (surplus != 0)
		remark("this image serves %u processors: %u more are not used", MAX_CORES, surplus);
}

/* The highest usable page: firmware that clobbers low memory clobbers its beginning. */
static uint64_t choose_low_page(const struct boot_info *boot)
{
	uint64_t best = 0;

	for (uint32_t i = 0; i < boot->mem_count; i++) {
		const struct boot_mem *m = &boot->mem[i];
		const uint64_t end =
			align_down(min_u64(m->base + m->bytes, LOW_MEMORY_END), PAGE_BYTES);

		if (m->type == BOOT_MEM_USABLE && end >= m->base + PAGE_BYTES &&
		    end >= 2 * PAGE_BYTES)
			best = max_u64(best, end - PAGE_BYTES);
	}
	return best;
}

enum err mp_init(const struct boot_info *boot, const char **missing)
{
	/* Firmware may have left them spinning in memory that is ours now; even unlisted ones. */
	apic_stop_others();
	mp.stopped_tsc = cpu_rdtsc();
	number_cores(acpi_facts());
	mp.low_page = choose_low_page(boot);
	for (core_id_t core = 1; core < mp.core_count; core++) {
		if (core_take_stacks(percpu_of(core)) != OK) {
			*missing = "memory for the processors' stacks";
			return ERR_NOMEM;
		}
	}
	return OK;
}

/* --- the started core ------------------------------------------------------------------ */

/* LFENCE before: earlier loads are done; after: the reading is done before what follows. */
static uint64_t read_tsc_in_order(void)
{
	uint64_t tsc;

	__asm__ volatile("mfence; lfence" ::: "memory");
	tsc = cpu_rdtsc();
	__asm__ volatile("lfence" ::: "memory");
	return tsc;
}

static void answer_questions(core_id_t self)
{
	uint32_t ask;

	if (__atomic_load_n(&meeting.core, __ATOMIC_ACQUIRE) != self)
		return;
	ask = __atomic_load_n(&meeting.ask, __ATOMIC_ACQUIRE);
	if (ask == __atomic_load_n(&meeting.answer, __ATOMIC_RELAXED))
		return;
	meeting.tsc = read_tsc_in_order();
	__atomic_store_n(&meeting.answer, ask, __ATOMIC_RELEASE);
}

/* Jumped to by the trampoline, on the core's own stack. */
static NORETURN void core_begin(struct percpu *p)
{
	uint32_t order;

	core_load_descriptors(p);
	core_load_traps();
	cpu_write_cr4(mp.boot_cr4);
	if (cpu_rdmsr(MSR_PAT) != mp.boot_pat)
		cpu_wrmsr(MSR_PAT, mp.boot_pat);
	core_enable_apic();
	core_enable_timer();
	__atomic_store_n(&mp.stage[p->core], CORE_HERE, __ATOMIC_RELEASE);
	while ((order = __atomic_load_n(&mp.order, __ATOMIC_ACQUIRE)) == ORDER_WAIT) {
		answer_questions(p->core);
		arch_mp_relax();
	}
	/* The trampoline's page is no longer mapped; forget that it was. */
	cpu_write_cr3(cpu_read_cr3());
	if (order == ORDER_RUN)
		mp.fn(p->core);
	arch_halt();
}

/* --- the boot core ----------------------------------------------------------------------- */

static void patch32(uint8_t *page, const uint8_t *symbol, uint64_t value)
{
	const uint32_t word = (uint32_t)value;

	ASSERT(word == value);
	memcpy(page + (symbol - trampoline_start), &word, sizeof(word));
}

static void patch64(uint8_t *page, const uint8_t *symbol, uint64_t value)
{
	memcpy(page + (symbol - trampoline_start), &value, sizeof(value));
}

static uint64_t low_address_of(const uint8_t *symbol)
{
	return mp.low_page + (uint64_t)(symbol - trampoline_start);
}

static void fill_trampoline(uint8_t *page)
{
	memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
	patch32(page, trampoline_gdt_base, low_address_of(trampoline_gdt));
	patch32(page, trampoline_far32, low_address_of(trampoline_32));
	patch32(page, trampoline_far64, low_address_of(trampoline_64));
	patch32(page, trampoline_cr0, cpu_read_cr0() & ~(CR0_CD | CR0_NW | CR0_TS));
	patch32(page, trampoline_cr3, paging_root().v);
	patch64(page, trampoline_entry, (uint64_t)core_begin);
}

static bool wait_until_here(core_id_t core, uint64_t ns)
{
	const uint64_t limit = mul_div(ns, arch_clock_tsc_hz(), SEC(1));
	const uint64_t start = cpu_rdtsc();

	while (!mp_core_is_online(core)) {
		if (cpu_rdtsc() - start > limit)
			return false;
		arch_mp_relax();
	}
	return true;
}

/* The first INIT was that of mp_init(). */
static bool start_one(core_id_t core, uint8_t *page)
{
	const uint32_t to = percpu_of(core)->apic_id;
	const uint8_t vector = (uint8_t)(mp.low_page / PAGE_BYTES);

	patch64(page, trampoline_stack, percpu_of(core)->stack_top);
	patch64(page, trampoline_self, (uint64_t)percpu_of(core));
	for (uint32_t i = 1; i <= START_TRIES; i++) {
		apic_send_startup(to, vector);
		if (wait_until_here(core, STARTUP_WAIT_NS))
			return true;
		apic_send_startup(to, vector);
		if (wait_until_here(core, i * START_WAIT_NS))
			return true;
		apic_send_init(to);
		clock_wait_ns(INIT_WAIT_NS);
	}
	return false;
}

/* False: it stopped answering. */
static bool measure_skew(core_id_t core, struct tsc_skew *skew)
{
	const uint64_t limit = mul_div(ANSWER_LIMIT_NS, arch_clock_tsc_hz(), SEC(1));

	*skew = SKEW_UNKNOWN;
	__atomic_store_n(&meeting.core, core, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < SKEW_ROUNDS; i++) {
		const uint64_t before = read_tsc_in_order();

		__atomic_store_n(&meeting.ask, meeting.ask + 1, __ATOMIC_RELEASE);
		while (__atomic_load_n(&meeting.answer, __ATOMIC_ACQUIRE) != meeting.ask) {
			if (cpu_rdtsc() - before > limit)
				return false;
			arch_mp_relax();
		}
		tsc_skew_narrow(skew, before, meeting.tsc, read_tsc_in_order());
	}
	return true;
}

static enum err start_all(uint8_t *page, core_id_t *failed)
{
	const uint64_t limit = mul_div(SKEW_LIMIT_NS, arch_clock_tsc_hz(), SEC(1)) + 1;
	uint64_t proven = 0, doubt = 0;

	for (core_id_t core = 1; core < mp.core_count; core++) {
		struct tsc_skew skew;

		*failed = core;
		if (!start_one(core, page) || !measure_skew(core, &skew))
			return ERR_TIMEOUT;
		proven = max_u64(proven, tsc_skew_proven(&skew));
		doubt = max_u64(doubt, (uint64_t)(skew.hi_tsc - skew.lo_tsc));
		if (proven > limit) {
			remark("the TSC of core %u is %llu ticks away from core 0's: at most %llu "
			       "are allowed",
			       core, (unsigned long long)proven, (unsigned long long)limit);
			return ERR_UNSUPPORTED;
		}
	}
	remark("TSC of %u cores: %llu ticks apart, measured to %llu", mp.core_count,
	       (unsigned long long)proven, (unsigned long long)doubt);
	return OK;
}

enum err arch_mp_start(void (*fn)(core_id_t core), core_id_t *failed)
{
	uint8_t kept[512];
	const size_t bytes = (size_t)(trampoline_end - trampoline_start);
	uint8_t *page;
	enum err e;

	*failed = 1;
	if (mp.core_count == 1)
		return OK;
	if (mp.low_page == 0)
		return ERR_NODEV;
	if (paging_map_identity((hpa_t){ mp.low_page }) != OK)
		return ERR_NOMEM;
	mp.boot_cr4 = cpu_read_cr4() & ~CR4_VMXE; /* VMXON is each core's own business */
	mp.boot_pat = cpu_rdmsr(MSR_PAT);
	mp.fn = fn;
	page = arch_mem_at((hpa_t){ mp.low_page });
	ASSERT(bytes <= sizeof(kept));
	memcpy(kept, page, bytes);
	fill_trampoline(page);
	clock_wait_until(mp.stopped_tsc + mul_div(INIT_WAIT_NS, arch_clock_tsc_hz(), SEC(1)));
	e = start_all(page, failed);
	memcpy(page, kept, bytes);
	paging_unmap_identity((hpa_t){ mp.low_page });
	__atomic_store_n(&mp.order, e == OK ? ORDER_RUN : ORDER_STOP, __ATOMIC_RELEASE);
	return e;
}
