/* SPDX-License-Identifier: Apache-2.0 */
#include "core/log.h"
#include "arch/mem.h"
#include "arch/mp.h"
#include "core/lib/assert.h"
#include "core/lib/fmt.h"
#include "core/log_ring.h"
#include "drivers/fbcon.h"
#include "drivers/font.h"
#include "drivers/uart.h"
#include <stdarg.h>
#include <string.h>

#define FALLBACK_PAGES  17u /* a header and 64 KiB, where no memory survives a reset */
#define EARLY_BYTES     KIB(4)
#define PREVIOUS_LINES  40u
#define FLUSH_CHUNK     256u
#define FLUSH_POLLS_MAX BIT32(22) /* without a byte taken: the console is dead */
#define LOCK_POLLS_MAX  BIT32(24) /* nobody holds it that long: its holder was halted */

/* What a console has taken of the ring. Written by the drainer only. */
struct reader {
	uint64_t position;
	bool is_inside_line;
	bool is_skipping; /* a line for machines, which the frame buffer does not show */
	bool has_sent_cr;
};

static struct log_ring ring;   /* appending: `lock` */
static struct reader uart;     /* `drain_lock` */
static struct reader screen;   /* `drain_lock` */
static uint64_t tail;          /* both have taken what is before; atomic, by the drainer */
static uint64_t dropped_lines; /* `lock` */
static bool lock, drain_lock;

static uint64_t early_memory[(LOG_RING_HEADER_BYTES + EARLY_BYTES) / sizeof(uint64_t)];

/*
 * A core may be halted by another one's panic while it holds the lock. The panic's own words
 * count for more then than a line that nobody will finish.
 */
static void take_lock(bool *l)
{
	for (uint32_t i = 0; i < LOCK_POLLS_MAX; i++) {
		if (!__atomic_test_and_set(l, __ATOMIC_ACQUIRE))
			return;
		arch_mp_relax();
	}
}

static void give_lock(bool *l)
{
	__atomic_clear(l, __ATOMIC_RELEASE);
}

static uint64_t room(void)
{
	return ring.bytes - (ring.head - __atomic_load_n(&tail, __ATOMIC_ACQUIRE));
}

/* Under `lock`. False: there is no room for it. */
static bool append(const char *text, size_t bytes)
{
	if (bytes > room())
		return false;
	log_ring_append(&ring, text, bytes);
	return true;
}

/* Under `lock`. False: still no room to say it. */
static bool confess_drops(void)
{
	char line[64];
	const int n = fmt_text(line, sizeof(line), "[log] %llu lines were dropped\n",
			       (unsigned long long)dropped_lines);

	if (!append(line, (size_t)n))
		return false;
	dropped_lines = 0;
	return true;
}

void log_raw(const char *text, size_t bytes)
{
	take_lock(&lock);
	if ((dropped_lines > 0 && !confess_drops()) || !append(text, bytes))
		dropped_lines++;
	give_lock(&lock);
}

/* `line` has LOG_LINE_MAX bytes and `n` of text, cut to end in a newline. */
static void put_line(char *line, size_t n)
{
	n = min_u64(n, LOG_LINE_MAX - 1);
	line[n++] = '\n';
	log_raw(line, n);
}

void log_line(const char *source, const char *format, ...)
{
	char line[LOG_LINE_MAX + 1];
	va_list args;
	size_t n;

	n = (size_t)fmt_text(line, LOG_LINE_MAX / 2, "[%s] ", source);
	n = min_u64(n, LOG_LINE_MAX / 2 - 1);
	va_start(args, format);
	n += (size_t)fmt_text_v(line + n, LOG_LINE_MAX - n, format, args);
	va_end(args);
	put_line(line, n);
}

/* Half an object is worse than none: what is too long is replaced. */
void log_machine(const char *format, ...)
{
	char line[LOG_LINE_MAX + 1];
	va_list args;
	int n;

	line[0] = '@';
	va_start(args, format);
	n = fmt_text_v(line + 1, LOG_LINE_MAX - 1, format, args);
	va_end(args);
	if ((size_t)n + 1 >= LOG_LINE_MAX)
		n = fmt_text(line + 1, LOG_LINE_MAX - 1, "{\"log\":\"line too long\"}");
	put_line(line, (size_t)n + 1);
}

static size_t length_to_newline(const char *text, size_t n)
{
	size_t length = 0;

	while (length < n && text[length] != '\n')
		length++;
	return length;
}

/* One piece without a newline, or one newline, to the UART. False: it takes no more now. */
static bool uart_step(const char *text, size_t n, uint64_t *moved)
{
	const size_t plain = length_to_newline(text, n);
	size_t want, taken;

	if (plain > 0) {
		*moved = taken = uart_put(text, plain);
		return taken > 0;
	}
	want = uart.has_sent_cr ? 1 : 2;
	taken = uart_put(uart.has_sent_cr ? "\n" : "\r\n", want);
	uart.has_sent_cr = want == 2 && taken == 1;
	*moved = taken == want;
	return taken == want;
}

static void drain_uart(uint64_t head, uint32_t byte_count)
{
	const uint64_t end = min_u64(head, uart.position + byte_count);

	while (uart.position < end) {
		const char *text;
		const size_t n = log_ring_piece(&ring, uart.position, end, &text);
		uint64_t moved;
		const bool more = uart_step(text, n, &moved);

		arch_mem_write_back(text, moved);
		uart.position += moved;
		if (!more)
			return;
	}
}

/* One character to the frame buffer, unless it belongs to a line for machines. */
static bool screen_step(char c)
{
	if (!screen.is_inside_line)
		screen.is_skipping = c == '@';
	if (!screen.is_skipping && fbcon_put(&c, 1) == 0)
		return false;
	screen.is_inside_line = c != '\n';
	return true;
}

/* The frame buffer is slow: when it is half a ring behind, it leaves text out. */
static void catch_up(uint64_t head)
{
	const char *text;

	if (head - screen.position <= ring.bytes / 2)
		return;
	screen.position = head - ring.bytes / 4;
	while (screen.position < head) {
		log_ring_piece(&ring, screen.position++, head, &text);
		if (*text == '\n')
			break;
	}
	screen.is_inside_line = false;
}

static void drain_screen(uint64_t head, uint32_t byte_count)
{
	if (!fbcon_is_present()) {
		screen.position = head;
		return;
	}
	catch_up(head);
	for (uint32_t i = 0; i < byte_count && screen.position < head; i++) {
		const char *text;

		log_ring_piece(&ring, screen.position, head, &text);
		if (screen_step(*text))
			screen.position++;
	}
}

/* Under `drain_lock`. */
static bool drain(uint32_t byte_count)
{
	const uint64_t head = log_ring_head(&ring);

	drain_uart(head, byte_count);
	drain_screen(head, byte_count);
	arch_mem_write_back(ring.header, sizeof(*ring.header));
	/* Everything read before is read: the room may be filled. */
	__atomic_store_n(&tail, min_u64(uart.position, screen.position), __ATOMIC_RELEASE);
	return tail < head;
}

bool log_drain(uint32_t byte_count)
{
	bool more;

	if (__atomic_test_and_set(&drain_lock, __ATOMIC_ACQUIRE))
		return true;
	more = drain(byte_count);
	give_lock(&drain_lock);
	return more;
}

bool log_is_empty(void)
{
	return __atomic_load_n(&tail, __ATOMIC_ACQUIRE) == log_ring_head(&ring);
}

size_t log_room_bytes(void)
{
	uint64_t bytes;

	take_lock(&lock);
	bytes = room();
	give_lock(&lock);
	return bytes;
}

void log_flush(void)
{
	uint32_t polls = 0;

	take_lock(&drain_lock);
	while (polls++ < FLUSH_POLLS_MAX) {
		const uint64_t before = uart.position + screen.position;

		if (!drain(FLUSH_CHUNK) && uart_is_idle())
			break;
		if (uart.position + screen.position != before)
			polls = 0;
	}
	give_lock(&drain_lock);
}

void log_init(const struct boot_info *boot)
{
	struct log_span none;
	const enum err e = log_ring_open(&ring, early_memory, sizeof(early_memory), &none);

	ASSERT(e == OK);
	uart_init();
}

/* "[previous] line"; memory may have suffered, so what is not text is shown as such. */
static void repeat(const struct log_ring *from, struct log_span lines)
{
	char line[LOG_LINE_MAX];
	size_t n = 0;

	for (uint64_t at = lines.from; at < lines.to; at++) {
		const char *c;

		log_ring_piece(from, at, lines.to, &c);
		if (*c == '\n') {
			line[n] = 0;
			log_line("previous", "%s", line);
			n = 0;
		} else if (n + 1 < sizeof(line)) {
			line[n++] = *c >= ' ' && *c <= '~' ? *c : '?';
		}
	}
}

/* What the small ring still has of this boot goes behind what the large one has. */
static void move_early(const struct log_ring *early)
{
	const uint64_t head = early->head;
	uint64_t at = head > early->bytes ? head - early->bytes : 0;

	while (at < head) {
		const char *text;
		const size_t n = log_ring_piece(early, at, head, &text);

		log_ring_append(&ring, text, n);
		at += n;
	}
}

/* Nobody else logs yet: no locks. The UART has had all that the small ring holds. */
static void open_ring(void *memory, uint64_t bytes)
{
	const struct log_ring early = ring;
	struct log_span previous;
	uint64_t begin;

	if (log_ring_open(&ring, memory, bytes, &previous) != OK) {
		ring = early;
		return;
	}
	begin = ring.head;
	uart.position = screen.position = tail = begin;
	repeat(&ring, log_ring_last_lines(&ring, previous, PREVIOUS_LINES, ring.bytes / 4));
	log_flush();
	log_ring_restart(&ring);
	move_early(&early);
	uart.position = ring.head;
	screen.position = tail = begin;
}

static void open_screen(const struct boot_framebuffer *fb)
{
	const uint64_t bytes = (uint64_t)fb->pitch * fb->height;
	void *pixels;

	if (!fbcon_can_show(fb))
		return;
	pixels = arch_mem_map_device((hpa_t){ fb->base }, bytes);
	if (pixels != NULL && fbcon_init(fb, pixels, font, (size_t)(font_end - font)) != OK)
		log_line("log", "the frame buffer is of no use: no font for it");
}

void log_use_memory(const struct boot_info *boot)
{
	void *memory;

	log_flush();
	if (boot->log_base != 0) {
		open_ring(arch_mem_at((hpa_t){ boot->log_base }), boot->log_bytes);
	} else {
		memory = arch_mem_take_pages(FALLBACK_PAGES);
		if (memory != NULL)
			open_ring(memory, FALLBACK_PAGES * PAGE_BYTES);
	}
	open_screen(&boot->framebuffer);
}
