/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/machine/main.c - the virtual CPU, looked at from inside: does it do what the manual
 * says where the hypervisor has a hand in it?
 *
 * One line per failed check, then "machine: N checks, M failed"; the status is 0 or 1.
 */
#include <stdbool.h>
#include <stdio.h>
#include "guests/machine/machine.h"
#include "guests/rt/cpu.h"

static uint32_t check_count, failed_count;

void check(bool ok, const char *what)
{
	check_count++;
	if (ok)
		return;
	failed_count++;
	printf("machine: FAILED %s\n", what);
}

bool is_qemu_tcg(void)
{
	const uint32_t brand_leaf = 0x80000002u, qemu = 0x554d4551u; /* "QEMU" */

	return cpu_cpuid(brand_leaf).eax == qemu;
}

int main(void)
{
	check_interrupts();
	check_timer();
	check_faults();
	check_traps();
	check_state();
	printf("machine: %u checks, %u failed\n", (unsigned)check_count, (unsigned)failed_count);
	return failed_count != 0;
}
