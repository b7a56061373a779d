/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/boot_start.h"
#include "arch/x86/boot_map.h"
#include "arch/x86/cpu.h"
#include <string.h>

#define COM1     0x3f8u
#define COM1_LSR (COM1 + 5)
#define LSR_THRE 0x20u    /* transmitter holding register empty */
#define WAIT_MAX 0x10000u /* polls until we believe that there is no UART */

struct boot_info boot_info;

static void put_text(const char *text)
{
	for (; *text != 0; text++) {
		for (uint32_t i = 0; i < WAIT_MAX && !(cpu_in8(COM1_LSR) & LSR_THRE); i++)
			;
		cpu_out8(COM1, (uint8_t)*text);
	}
}

void boot_fail(const char *why)
{
	put_text("Bulkhead cannot start: ");
	put_text(why);
	put_text(".\r\n");
	for (;;)
		__asm__ volatile("cli; hlt");
}

void boot_enter(const struct boot_info *made_by_loader)
{
	if (made_by_loader->magic != BOOT_INFO_MAGIC)
		boot_fail("the loader and the image are of different versions");
	/* The loader's copy lies in memory that guests get later. */
	memcpy(&boot_info, made_by_loader, sizeof(boot_info));
	boot_map_place_log(&boot_info);
	core_main(&boot_info);
}
