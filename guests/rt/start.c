/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include "guests/rt/apic.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/paging.h"
#include "guests/rt/start.h"
#include "guests/rt/trap.h"

int main(void);

static struct guest_info info_copy;

const struct guest_info *guest_info(void)
{
	return &info_copy;
}

uint64_t rt_ram_end(void)
{
	return info_copy.ram_bytes < PAGING_RAM_MAX ? info_copy.ram_bytes : PAGING_RAM_MAX;
}

void rt_start(const struct guest_info *info)
{
	info_copy = *info;
	if (info_copy.magic != GUEST_INFO_MAGIC)
		guest_exit(EXIT_FAILURE);
	info_copy.name[GUEST_NAME_BYTES - 1] = '\0';
	info_copy.args[GUEST_ARGS_BYTES - 1] = '\0';
	trap_init();
	paging_init(rt_ram_end());
	apic_init();
	cpu_irq_on();
	exit(main());
}
