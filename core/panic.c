/* SPDX-License-Identifier: Apache-2.0 */
/* core/panic.c - the end of a hypervisor that found itself wrong. */
#include "arch/machine.h"
#include "arch/mp.h"
#include "core/lib/assert.h"
#include "core/log.h"

NORETURN void panic(const char *file, int line, const char *what)
{
	static uint32_t panics; /* atomic: a panic while panicking says nothing more */

	if (__atomic_fetch_add(&panics, 1, __ATOMIC_ACQ_REL) == 0) {
		arch_halt_others();
		log_line("PANIC", "%s:%d on core %u: %s", file, line, arch_mp_core_id(), what);
		log_machine("{\"event\":\"panic\",\"file\":\"%s\",\"line\":%d}", file, line);
		log_flush();
	}
	arch_halt();
}
