/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/boot/multiboot2.h"
#include "arch/x86/boot/multiboot2_start.h"
#include "arch/x86/boot_map.h"
#include "arch/x86/boot_start.h"
#include "arch/x86/layout.h"

void multiboot2_enter(uint32_t magic, uint32_t info_at)
{
	const struct multiboot2_source source = {
		.info = (const uint8_t *)(uintptr_t)info_at,
		.limit = GIB(4) - info_at, /* what the boot tables map */
		.info_hpa = info_at,
		.image_base = IMAGE_LOAD,
		.image_bytes = (uint64_t)(image_end - image_start),
	};

	if (magic != MULTIBOOT2_MAGIC)
		boot_fail("the loader does not speak multiboot2");
	if (multiboot2_parse(&source, &boot_info) != OK)
		boot_fail("the loader's memory map is missing or has too many ranges");
	boot_map_place_log(&boot_info);
	core_main(&boot_info);
}
