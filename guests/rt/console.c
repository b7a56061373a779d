/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include "guests/rt/apic.h"
#include "guests/rt/call.h"
#include "guests/rt/console.h"
#include "guests/rt/cpu.h"
#include "guests/rt/ticks.h"

#define RETRY_MS  20u /* about 80 bytes at the rate of the console */
#define US_PER_MS 1000u

static void sleep_ms(uint64_t ms)
{
	uint64_t end = cpu_rdtsc() + ticks_from_us(ms * US_PER_MS, guest_info()->tsc_hz);

	while (cpu_rdtsc() < end)
		apic_pause(end);
}

void console_write(const char *text, size_t bytes)
{
	const uint32_t port = guest_info()->console_port;
	uint32_t waited_ms = 0;

	while (port && bytes > 0) {
		cpu_out8((uint16_t)port, (uint8_t)*text++);
		bytes--;
	}
	while (bytes && waited_ms < CONSOLE_PATIENCE_MS) {
		size_t chunk = bytes < GUEST_WRITE_MAX ? bytes : GUEST_WRITE_MAX;
		uint64_t taken = guest_call(GUEST_CALL_CONSOLE_WRITE, (uint64_t)text, chunk);

		if (taken > chunk)
			return; /* an error: nobody to tell */
		text += taken;
		bytes -= taken;
		waited_ms = taken ? 0 : waited_ms + RETRY_MS;
		if (taken == 0)
			sleep_ms(RETRY_MS);
	}
}
