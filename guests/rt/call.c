/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"

uint64_t guest_call4(uint64_t number, uint64_t rbx, uint64_t rcx, uint64_t rdx, uint64_t rsi)
{
	uint64_t result;

	if (guest_info()->use_vmmcall)
		__asm__ volatile("vmmcall"
				 : "=a"(result)
				 : "a"(number), "b"(rbx), "c"(rcx), "d"(rdx), "S"(rsi)
				 : "memory");
	else
		__asm__ volatile("vmcall"
				 : "=a"(result)
				 : "a"(number), "b"(rbx), "c"(rcx), "d"(rdx), "S"(rsi)
				 : "memory");
	return result;
}

void guest_exit(uint64_t status)
{
	const uint32_t port = guest_info()->exit_port;

	for (;;) {
		if (port)
			cpu_out32((uint16_t)port, (uint32_t)status);
		else
			guest_call(GUEST_CALL_EXIT, status, 0);
		cpu_irq_off();
		__asm__ volatile("hlt");
	}
}
