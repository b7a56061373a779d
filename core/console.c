/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "arch/clock.h"
#include "core/console.h"
#include "core/log.h"

static uint64_t rate = CONSOLE_BYTES_PER_SECOND; /* [I] after console_init() */

void console_init(uint64_t bytes_per_second)
{
	rate = bytes_per_second ? bytes_per_second : CONSOLE_BYTES_PER_SECOND;
}

uint64_t console_byte_tsc(uint64_t tsc_hz)
{
	return tsc_hz * partition_count / rate;
}

uint64_t console_line_tsc(const struct partition *p, uint64_t tsc_hz)
{
	return console_byte_tsc(tsc_hz) * (strlen(p->tag) + CONSOLE_FRAME_BYTES);
}

/* A token bucket in ticks: what one byte on the line costs of them. */
static uint64_t refill(struct guest_console *c, uint64_t now_tsc)
{
	uint64_t byte_ticks = console_byte_tsc(arch_clock_tsc_hz());
	uint64_t full = byte_ticks * CONSOLE_BURST_BYTES;

	if (c->refilled_tsc == 0)
		c->tokens = full;
	else
		c->tokens = min_u64(full, c->tokens + (now_tsc - c->refilled_tsc));
	c->refilled_tsc = now_tsc;
	return byte_ticks;
}

/*
 * Who prints helps to move bytes out, in its own time. And where the log fills up, because no
 * core is idle enough to move them, nobody prints: the log keeps room for the hypervisor's own
 * lines, and a guest's bytes are refused, never lost.
 */
static bool has_room_for_guests(void)
{
	log_drain(CONSOLE_DRAIN_BYTES);
	return log_room_bytes() > CONSOLE_ROOM_KEPT_BYTES;
}

/*
 * Its own "part" would count for more than ours, which stands before it: readers of JSON take
 * the last of two. An escape may spell it, too.
 */
static bool is_for_machines(const char *line)
{
	static const char name[] = "\"part\"";
	uint32_t matched = 0;

	if (strncmp(line, "@{", 2) != 0)
		return false;
	for (; *line; line++) {
		/* Where it goes wrong, nothing of the name but a quotation mark can have begun. */
		matched = *line == name[matched] ? matched + 1 : *line == '"';
		if (*line == '\\' || name[matched] == '\0')
			return false;
	}
	return true;
}

static void emit(struct partition *p)
{
	struct guest_console *c = &p->console;

	c->line[c->length] = '\0';
	if (is_for_machines(c->line))
		log_machine("{\"part\":\"%s\",%s", p->config->name, c->line + 2);
	else
		log_line(p->tag, "%s", c->line);
	c->length = 0;
}

/* False: its line is complete. */
static bool put(struct guest_console *c, char byte)
{
	if (byte == '\n')
		return false;
	if (byte != '\r')
		c->line[c->length++] = byte >= ' ' && byte <= '~' ? byte : '.';
	return c->length < CONSOLE_LINE_BYTES - 1;
}

uint32_t console_take(struct partition *p, const char *text, uint32_t bytes, uint64_t now_tsc)
{
	struct guest_console *c = &p->console;
	const uint32_t most = (uint32_t)min_u64(bytes, CONSOLE_TAKE_BYTES);
	uint64_t line_ticks = console_line_tsc(p, arch_clock_tsc_hz());
	uint64_t byte_ticks;
	uint32_t taken = 0;
	bool goes_on = true;

	if (!has_room_for_guests())
		return 0;
	lock_take(&p->lock);
	byte_ticks = refill(c, now_tsc);
	while (goes_on && taken < most && c->tokens >= byte_ticks + line_ticks) {
		c->tokens -= byte_ticks;
		goes_on = put(c, text[taken++]);
	}
	if (!goes_on) {
		c->tokens -= line_ticks;
		emit(p);
	}
	lock_give(&p->lock);
	return taken;
}

/* A whole line is moved out at its end, in the time of the guest that printed it. */
void console_put(struct partition *p, char byte)
{
	lock_take(&p->lock);
	if (!put(&p->console, byte)) {
		emit(p);
		log_drain(CONSOLE_LINE_BYTES);
	}
	lock_give(&p->lock);
}
