/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/clock.h"
#include "core/console.h"
#include "core/log.h"

/* A token bucket in ticks: one byte costs tsc_hz / rate of them. */
static uint32_t allowance(struct guest_console *c, uint32_t bytes, uint64_t now_tsc)
{
	uint64_t byte_ticks = arch_clock_tsc_hz() * partition_count / CONSOLE_BYTES_PER_SECOND;
	uint64_t full = byte_ticks * CONSOLE_BURST_BYTES;

	if (c->refilled_tsc == 0)
		c->tokens = full;
	else
		c->tokens = min_u64(full, c->tokens + (now_tsc - c->refilled_tsc));
	c->refilled_tsc = now_tsc;
	bytes = (uint32_t)min_u64(bytes, c->tokens / byte_ticks);
	c->tokens -= bytes * byte_ticks;
	return bytes;
}

/*
 * Who prints helps to move bytes out, in its own time. And where the log fills up, because no
 * core is idle enough to move them, nobody prints: the log keeps room for the hypervisor's own
 * lines, and a guest's bytes are refused, never lost.
 */
static uint32_t room_for_guests(void)
{
	size_t room;

	log_drain(CONSOLE_DRAIN_BYTES);
	room = log_room_bytes();
	return room > CONSOLE_ROOM_KEPT_BYTES ? UINT32_MAX : 0;
}

static void emit(struct partition *p)
{
	struct guest_console *c = &p->console;

	c->line[c->length] = '\0';
	if (strncmp(c->line, "@{", 2) == 0)
		log_machine("{\"part\":\"%s\",%s", p->config->name, c->line + 2);
	else
		log_line(p->tag, "%s", c->line);
	c->length = 0;
}

uint32_t console_take(struct partition *p, const char *text, uint32_t bytes, uint64_t now_tsc)
{
	struct guest_console *c = &p->console;
	uint32_t taken = allowance(c, (uint32_t)min_u64(bytes, room_for_guests()), now_tsc);

	for (uint32_t i = 0; i < taken; i++) {
		char byte = text[i];

		if (byte == '\n') {
			emit(p);
			continue;
		}
		if (byte == '\r')
			continue;
		c->line[c->length++] = byte >= ' ' && byte <= '~' ? byte : '.';
		if (c->length == CONSOLE_LINE_BYTES - 1)
			emit(p);
	}
	return taken;
}
