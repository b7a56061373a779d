/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/abi.h"
#include "guests/rt/cpu.h"
#include "guests/rt/paging.h"

#define TABLE_ENTRIES 512u
#define SMALL_TABLES  2u /* 4 MiB in 4 KiB pages: guest.ld keeps the image below */
#define HOLE_START    UINT64_C(0xa0000)
#define HOLE_END      UINT64_C(0x100000)

typedef uint64_t page_table[TABLE_ENTRIES] __attribute__((aligned(PAGE_SIZE)));

#define GIB_SHIFT    30u
#define DEVICE_GIB   3u
#define DEVICE_START ((uint64_t)DEVICE_GIB << GIB_SHIFT)
#define DEVICE_END   ((uint64_t)(DEVICE_GIB + 1) << GIB_SHIFT)

static page_table pml4, pdpt, pd, device_pd;
static page_table small[SMALL_TABLES];

/* guest.ld and crt0.S */
extern const char image_text_start[], image_rodata_start[], image_data_start[], rt_stack_guard[];

static uint64_t small_page(uint64_t va, uint64_t ram_end)
{
	if (va < PAGE_SIZE || va >= ram_end || (va >= HOLE_START && va < HOLE_END) ||
	    va == (uint64_t)rt_stack_guard)
		return 0;
	if (va >= (uint64_t)image_text_start && va < (uint64_t)image_rodata_start)
		return va | PTE_P;
	if (va >= (uint64_t)image_rodata_start && va < (uint64_t)image_data_start)
		return va | PTE_P | PTE_NX;
	return va | PTE_P | PTE_RW | PTE_NX;
}

void paging_init(uint64_t ram_end)
{
	for (uint32_t i = 0; i < SMALL_TABLES * TABLE_ENTRIES; i++)
		small[i / TABLE_ENTRIES][i % TABLE_ENTRIES] =
			small_page(i * (uint64_t)PAGE_SIZE, ram_end);
	for (uint32_t i = 0; i < SMALL_TABLES; i++)
		pd[i] = (uint64_t)small[i] | PTE_P | PTE_RW;
	for (uint64_t i = SMALL_TABLES; (i + 1) * LARGE_PAGE_SIZE <= ram_end; i++)
		pd[i] = i * LARGE_PAGE_SIZE | PTE_P | PTE_RW | PTE_PS | PTE_NX;
	pdpt[0] = (uint64_t)pd | PTE_P | PTE_RW;
	pml4[0] = (uint64_t)pdpt | PTE_P | PTE_RW;
	cpu_load_cr3((uint64_t)pml4);
}

void paging_guard(const void *page)
{
	const uint64_t i = (uint64_t)page / PAGE_SIZE;

	small[i / TABLE_ENTRIES][i % TABLE_ENTRIES] = 0;
	cpu_invlpg((uint64_t)page);
}

bool paging_map_device(uint64_t gpa, uint64_t bytes)
{
	if (gpa < DEVICE_START || gpa >= DEVICE_END || bytes > DEVICE_END - gpa)
		return false;
	/* From not present to present: no TLB has to forget anything. */
	for (uint64_t at = gpa & ~(uint64_t)(LARGE_PAGE_SIZE - 1); at < gpa + bytes;
	     at += LARGE_PAGE_SIZE)
		device_pd[(at - DEVICE_START) / LARGE_PAGE_SIZE] =
			at | PTE_P | PTE_RW | PTE_UNCACHED | PTE_PS | PTE_NX;
	pdpt[DEVICE_GIB] = (uint64_t)device_pd | PTE_P | PTE_RW;
	return true;
}

uint64_t paging_window(uint64_t gpa, enum paging_use use)
{
	const uint64_t offset_mask = LARGE_PAGE_SIZE - 1;

	pd[PAGING_WINDOW / LARGE_PAGE_SIZE] =
		(gpa & ~offset_mask) | PTE_P | PTE_RW | PTE_PS | (use == PAGING_CODE ? 0 : PTE_NX);
	cpu_invlpg(PAGING_WINDOW);
	return PAGING_WINDOW + (gpa & offset_mask);
}
