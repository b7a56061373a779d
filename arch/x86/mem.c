/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/mem.c - the hypervisor's own page tables and frame pool (arch/mem.h, paging.h).
 *
 * While the tables are built, the boot stub's are in use and physical memory is seen at its own
 * address, up to 4 GiB; afterwards in the direct map. `tables.window` is that difference.
 */
#include "arch/mem.h"
#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging_table.h"
#include "arch/x86/paging.h"
#include "core/lib/assert.h"

#define CPUID_FEATURES            1u
#define FEATURE_EDX_CLFSH         BIT32(19)
#define FEATURE_EBX_CLFLUSH(ebx)  (((ebx) >> 8 & 0xff) * 8) /* 15:8, line size in 8 bytes */
#define CPUID_EXTENDED_FEATURES   0x80000001u
#define FEATURE_EDX_NX            BIT32(20)
#define FEATURE_EDX_1G            BIT32(26)
#define CPUID_ADDRESS_SIZES       0x80000008u
#define ADDRESS_EAX_PHYSICAL(eax) ((eax)&0xffu)
#define PHYSICAL_BITS_DEFAULT     36u

static struct {
	const struct boot_info *boot; /* [I] */
	struct frame_range frames;    /* boot processor, until sealed */
	uint64_t pool_base;           /* [I] */
	struct pagetable tables;      /* boot processor, until sealed */
	bool is_sealed;
	uint32_t flush_bytes; /* [I] cache line; 0: no CLFLUSH */
} mem;

static uint64_t image_hpa(const char *at)
{
	return mem.boot->image_base + (uint64_t)(at - image_start);
}

static uint64_t physical_limit(void)
{
	uint32_t bits = PHYSICAL_BITS_DEFAULT;

	if (cpu_cpuid(BIT32(31), 0).eax >= CPUID_ADDRESS_SIZES)
		bits = ADDRESS_EAX_PHYSICAL(cpu_cpuid(CPUID_ADDRESS_SIZES, 0).eax);
	return min_u64(BIT64(bits < 63 ? bits : 63), WINDOW_BYTES);
}

/* SDM Vol. 2A, "CLFLUSH". */
static uint32_t flush_line_bytes(void)
{
	const struct cpuid_regs r = cpu_cpuid(CPUID_FEATURES, 0);

	return r.edx & FEATURE_EDX_CLFSH ? FEATURE_EBX_CLFLUSH(r.ebx) : 0;
}

static enum err map_image_part(const char *from, const char *to, uint64_t attributes)
{
	for (const char *at = from; at < to; at += PAGE_BYTES) {
		enum err e;

		if (at == boot_stack_guard)
			continue;
		e = pagetable_map(&mem.tables, (uint64_t)(uintptr_t)at, image_hpa(at), PAGE_BYTES,
				  attributes);
		if (e != OK)
			return e;
	}
	return OK;
}

static enum err map_image(void)
{
	enum err e = map_image_part(text_start, text_end, PAGE_CODE);

	if (e == OK)
		e = map_image_part(rodata_start, rodata_end, PAGE_READONLY);
	if (e == OK)
		e = map_image_part(data_start, data_end, PAGE_DATA);
	return e;
}

/* [base, end) at its place in the direct map, less what is beyond `limit`. */
static enum err map_direct(uint64_t base, uint64_t end, uint64_t limit, uint64_t attributes)
{
	end = min_u64(end, limit);
	if (base >= end)
		return OK;
	return pagetable_map(&mem.tables, DIRECT_BASE + base, base, end - base, attributes);
}

/*
 * Firmware's tables are read only. Some BIOSes keep theirs in RESERVED memory, which may be a
 * device's too: seen uncached, it is never read but on purpose. SDM Vol. 3A, "Methods of
 * Caching Available": UC memory is not accessed speculatively.
 * The image's text and constants have no second address at all.
 */
static enum err map_range(const struct boot_mem *m, uint64_t limit)
{
	const uint64_t end = m->base + m->bytes;
	enum err e;

	switch (m->type) {
	case BOOT_MEM_RESERVED:
		return map_direct(m->base, end, min_u64(limit, GIB(4)), PAGE_FIRMWARE);
	case BOOT_MEM_ACPI:
		return map_direct(m->base, end, limit, PAGE_READONLY);
	case BOOT_MEM_IMAGE:
		e = map_direct(m->base, min_u64(end, image_hpa(text_start)), limit, PAGE_DATA);
		if (e != OK)
			return e;
		return map_direct(max_u64(m->base, image_hpa(rodata_end)), end, limit, PAGE_DATA);
	default:
		return map_direct(m->base, end, limit, PAGE_DATA);
	}
}

static enum err map_everything(void)
{
	const uint64_t limit = physical_limit();
	enum err e = map_image();

	for (uint32_t i = 0; e == OK && i < mem.boot->mem_count; i++)
		e = map_range(&mem.boot->mem[i], limit);
	return e;
}

void paging_enable_rights(void)
{
	cpu_wrmsr(MSR_EFER, cpu_rdmsr(MSR_EFER) | EFER_NXE);
	cpu_write_cr0(cpu_read_cr0() | CR0_WP);
}

static void enter(void)
{
	paging_enable_rights();
	cpu_write_cr3(mem.tables.root);
	mem.tables.window = DIRECT_BASE;
}

enum err arch_mem_init(const struct boot_info *boot, hpa_t pool, uint64_t pool_bytes)
{
	const uint32_t features = cpu_cpuid(CPUID_EXTENDED_FEATURES, 0).edx;
	struct page_leaf culprit;
	enum err e;

	if (!(features & FEATURE_EDX_NX))
		return ERR_UNSUPPORTED;
	if (pool.v == 0 || ((pool.v | pool_bytes) & (PAGE_BYTES - 1)) || pool.v > GIB(4) ||
	    pool_bytes > GIB(4) - pool.v)
		return ERR_INVAL;
	mem.boot = boot;
	mem.flush_bytes = flush_line_bytes();
	mem.pool_base = pool.v;
	mem.frames = (struct frame_range){ pool.v, pool.v + pool_bytes };
	mem.tables =
		(struct pagetable){ .frames = &mem.frames, .has_1g = features & FEATURE_EDX_1G };
	e = pagetable_init(&mem.tables);
	if (e == OK)
		e = map_everything();
	if (e != OK)
		return e;
	ASSERT(!pagetable_breaks_wx(&mem.tables, &culprit));
	enter();
	return OK;
}

void *arch_mem_at(hpa_t at)
{
	ASSERT(at.v < WINDOW_BYTES);
	return (void *)(uintptr_t)(DIRECT_BASE + at.v);
}

hpa_t arch_mem_hpa(const void *at)
{
	const uint64_t va = (uint64_t)(uintptr_t)at;

	if (va >= DIRECT_BASE && va - DIRECT_BASE < WINDOW_BYTES)
		return (hpa_t){ va - DIRECT_BASE };
	ASSERT((const char *)at >= image_start && (const char *)at < image_end);
	return (hpa_t){ image_hpa(at) };
}

void arch_mem_write_back(const void *at, uint64_t bytes)
{
	uint64_t va = (uint64_t)(uintptr_t)at;
	const uint64_t end = va + bytes;

	if (mem.flush_bytes == 0) /* no CLFLUSH, or too early to tell */
		return;
	for (va = align_down(va, mem.flush_bytes); va < end; va += mem.flush_bytes)
		__asm__ volatile("clflush (%0)" ::"r"(va) : "memory");
}

/* Memory has one type for everybody: what the direct map caches is nobody's device. */
static bool is_memory(uint64_t base, uint64_t end)
{
	for (uint32_t i = 0; i < mem.boot->mem_count; i++) {
		const struct boot_mem *m = &mem.boot->mem[i];

		if (m->type != BOOT_MEM_RESERVED && base < m->base + m->bytes && m->base < end)
			return true;
	}
	return false;
}

static enum err map_device(uint64_t base, uint64_t end)
{
	struct page_leaf leaf;

	/* Large pages where nothing is mapped yet; else page by page what is missing. */
	if (!pagetable_next(&mem.tables, DEVICE_BASE + base, &leaf) || leaf.va >= DEVICE_BASE + end)
		return pagetable_map(&mem.tables, DEVICE_BASE + base, base, end - base,
				     PAGE_DEVICE);
	for (; base < end; base += PAGE_BYTES) {
		enum err e = OK;

		if (!pagetable_find(&mem.tables, DEVICE_BASE + base, &leaf))
			e = pagetable_map(&mem.tables, DEVICE_BASE + base, base, PAGE_BYTES,
					  PAGE_DEVICE);
		if (e != OK)
			return e;
	}
	return OK;
}

void *arch_mem_map_device(hpa_t at, uint64_t bytes)
{
	const uint64_t base = align_down(at.v, PAGE_BYTES);
	uint64_t end;

	ASSERT(!mem.is_sealed);
	if (bytes == 0 || __builtin_add_overflow(at.v, bytes, &end) || end > physical_limit())
		return NULL;
	end = align_up(end, PAGE_BYTES);
	if (is_memory(base, end) || map_device(base, end) != OK)
		return NULL;
	return (void *)(uintptr_t)(DEVICE_BASE + at.v);
}

void *arch_mem_take_pages(uint64_t page_count)
{
	uint64_t at;

	ASSERT(!mem.is_sealed);
	at = frame_take(&mem.frames, page_count, DIRECT_BASE);
	return at != 0 ? (void *)(uintptr_t)(DIRECT_BASE + at) : NULL;
}

void arch_mem_seal(void)
{
	struct page_leaf culprit;

	ASSERT(!pagetable_breaks_wx(&mem.tables, &culprit));
	mem.is_sealed = true;
}

bool arch_mem_is_sealed(void)
{
	return mem.is_sealed;
}

uint64_t arch_mem_pool_used_bytes(void)
{
	return mem.frames.next - mem.pool_base;
}

hpa_t paging_root(void)
{
	return (hpa_t){ mem.tables.root };
}

static void flush_page(uint64_t va)
{
	__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

/* Its writable address in the direct map stays: W^X has this hole while processors start. */
enum err paging_map_identity(hpa_t page)
{
	ASSERT(!mem.is_sealed);
	return pagetable_map(&mem.tables, page.v, page.v, PAGE_BYTES, PAGE_CODE);
}

void paging_unmap_identity(hpa_t page)
{
	const enum err e = pagetable_unmap(&mem.tables, page.v);

	ASSERT(e == OK);
	flush_page(page.v);
}

enum err paging_guard(const void *page)
{
	const uint64_t va = (uint64_t)(uintptr_t)page;
	enum err e;

	ASSERT(!mem.is_sealed && va % PAGE_BYTES == 0);
	e = pagetable_unmap(&mem.tables, va);
	flush_page(va);
	return e;
}
