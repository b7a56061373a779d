/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest that changes what the device reads, while it reads it, at every single load.
 *
 * Its memory is out of reach; each access of the device's faults, is let through alone (the trap
 * flag), and seen. The bytes that were loaded are inverted at once: the worst that another core can
 * do. A request has to be the one that lay there before, and no byte is loaded twice.
 */
#define _GNU_SOURCE /* REG_RIP */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include "tests/unit/vblk_guest.h"

#define TRAP_FLAG   0x100
#define ERROR_WRITE 2 /* of a page fault's error code */

/* Volatile: signal handlers write them. */
static volatile uint8_t loads[GUEST_BYTES]; /* of each byte */
static volatile uint32_t load_count, store_count;
static volatile struct {
	uint8_t *at;
	uint32_t bytes;
	bool is_store;
} access_at_hand;

static void forget_loads(void)
{
	for (uint32_t i = 0; i < GUEST_BYTES; i++)
		loads[i] = 0;
	load_count = store_count = 0;
}

/* Of the instruction that faulted: what its prefixes and opcode say of a move's or compare's width. */
static uint32_t width_of(const uint8_t *code)
{
	bool is_16 = false, is_64 = false;

	for (;; code++) {
		if (*code == 0x66)
			is_16 = true;
		else if ((*code & 0xf0) == 0x40)
			is_64 = (*code & 8) != 0;
		else if (*code != 0xf0 && *code != 0xf2 && *code != 0xf3)
			break;
	}
	if (code[0] == 0x0f && (code[1] & 0xf7) == 0xb6) /* MOVZX, MOVSX of a byte */
		return 1;
	if (code[0] == 0x0f && (code[1] & 0xf7) == 0xb7)
		return 2;
	if (code[0] == 0x8a || code[0] == 0x88 || code[0] == 0x80 || code[0] == 0x38 ||
	    code[0] == 0x3a || code[0] == 0x84 || code[0] == 0xf6 || code[0] == 0xc6)
		return 1;
	return is_64 ? 8 : is_16 ? 2 : 4;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	ucontext_t *const u = context;
	uint8_t *const at = info->si_addr;

	if (at < ram || at >= ram + GUEST_BYTES)
		_exit(3);
	mprotect(ram, GUEST_BYTES, PROT_READ | PROT_WRITE);
	access_at_hand.at = at;
	access_at_hand.bytes = width_of((const uint8_t *)u->uc_mcontext.gregs[REG_RIP]);
	access_at_hand.is_store = (u->uc_mcontext.gregs[REG_ERR] & ERROR_WRITE) != 0;
	u->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
	ucontext_t *const u = context;

	for (uint32_t i = 0; i < access_at_hand.bytes && !access_at_hand.is_store; i++) {
		loads[access_at_hand.at + i - ram] =
			(uint8_t)(loads[access_at_hand.at + i - ram] + 1);
		access_at_hand.at[i] = (uint8_t)~access_at_hand.at[i];
	}
	load_count = load_count + !access_at_hand.is_store;
	store_count = store_count + access_at_hand.is_store;
	u->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	mprotect(ram, GUEST_BYTES, PROT_NONE);
}

static enum err take_watched(void)
{
	enum err e;

	forget_loads();
	mprotect(ram, GUEST_BYTES, PROT_NONE);
	e = take();
	mprotect(ram, GUEST_BYTES, PROT_READ | PROT_WRITE);
	for (uint32_t i = 0; i < GUEST_BYTES; i++)
		if (loads[i] > 1) {
			printf("byte %x: loaded %u times\n", i, loads[i]);
			CHECK(loads[i] <= 1);
			break;
		}
	return e;
}

/* ---- Requests of every kind, in every kind of chain ---- */

enum shape { WHOLE, CUT, IN_TABLE, TABLE_AND_CUT, SHAPE_COUNT };

static void put_piece(enum shape shape, uint64_t gpa, uint32_t bytes, uint32_t flags)
{
	if (shape == IN_TABLE || shape == TABLE_AND_CUT) {
		uint8_t *const at = ram + 0x8000 + 16 * place;

		put_desc(at, place, gpa, bytes, flags);
		place++;
	} else {
		add_desc(gpa, bytes, flags);
	}
}

static void build(uint32_t type, enum shape shape)
{
	const bool is_cut = shape == CUT || shape == TABLE_AND_CUT;
	const uint32_t bytes = type == 11 || type == 13 ? 16 : type == 8 ? 20 : 1024;
	const uint32_t write = type == 0 || type == 8 ? 2 : 0;
	const uint32_t words[4] = { 24, 0, 8, 0 }; /* DISCARD, WRITE_ZEROES: sectors 24 to 31 */

	start_device(&usual_config, 0);
	put_header(type, 7);
	memcpy(ram + GUEST_DATA, words, 16);
	if (is_cut) {
		put_piece(shape, GUEST_HEADER, 5, 1);
		put_piece(shape, GUEST_HEADER + 5, 6, 1);
		put_piece(shape, GUEST_HEADER + 11, 5, 1);
		put_piece(shape, GUEST_DATA, 9, 1 | write);
		put_piece(shape, GUEST_DATA + 9, bytes - 9, 1 | write);
	} else {
		put_piece(shape, GUEST_HEADER, 16, 1);
		put_piece(shape, GUEST_DATA, bytes, 1 | write);
	}
	put_piece(shape, GUEST_STATUS, 1, 2);
	if (shape == IN_TABLE || shape == TABLE_AND_CUT) {
		const uint32_t count = place;

		place = 0;
		add_desc(0x8000, 16 * count, 4);
	}
	make_available(0);
}

/* memcmp() would look at what nobody has set. */
static bool is_same(const struct block_request *a, const struct block_request *b)
{
	if (a->op != b->op || a->sector != b->sector || a->sector_count != b->sector_count ||
	    a->segment_count != b->segment_count || a->may_unmap != b->may_unmap ||
	    a->vblk.status_at != b->vblk.status_at || a->vblk.chain_id != b->vblk.chain_id ||
	    a->vblk.chain_descs != b->vblk.chain_descs ||
	    a->vblk.written_bytes != b->vblk.written_bytes)
		return false;
	for (uint32_t i = 0; i < a->segment_count; i++)
		if (a->segments[i].at != b->segments[i].at ||
		    a->segments[i].bytes != b->segments[i].bytes)
			return false;
	return true;
}

static void nothing_is_looked_at_twice(void)
{
	static const uint32_t types[] = { 0, 1, 4, 8, 11, 13, 99 };
	static struct block_request expected;

	for (uint32_t n = 0; n < ARRAY_SIZE(types) * SHAPE_COUNT * 2; n++) {
		const uint32_t type = types[n / 2 / SHAPE_COUNT];
		enum err e;

		is_packed = n & 1;
		build(type, (enum shape)(n / 2 % SHAPE_COUNT));
		e = take();
		expected = r;
		build(type, (enum shape)(n / 2 % SHAPE_COUNT));
		CHECK(take_watched() == e && (e != OK || is_same(&r, &expected)));
		CHECK(load_count >= 5 && (store_count == 0) == (e == OK));
		CHECK(e == OK || ram[GUEST_STATUS] == (type == 99 ? 2 : 0));
	}
}

/* Data are never looked at: not by who makes the request. */
static void data_are_left_alone(void)
{
	is_packed = false;
	build(1, WHOLE);
	CHECK(take_watched() == OK);
	for (uint32_t i = 0; i < 1024; i++)
		CHECK(loads[GUEST_DATA + i] == 0);
}

/* The test itself: a load is seen, with its width, and changes what is there. */
static void the_watch_sees(void)
{
	uint32_t first, second;

	memset(ram, 0x11, 64);
	forget_loads();
	mprotect(ram, GUEST_BYTES, PROT_NONE);
	first = gmem_load32(ram + 8);
	second = gmem_load16(ram + 10);
	(void)gmem_load64(ram + 16);
	mprotect(ram, GUEST_BYTES, PROT_READ | PROT_WRITE);
	CHECK(first == 0x11111111 && second == 0xeeee && load_count == 3);
	CHECK(loads[7] == 0 && loads[8] == 1 && loads[10] == 2 && loads[12] == 0);
	CHECK(loads[16] == 1 && loads[23] == 1 && loads[24] == 0);
}

int main(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct sigaction step = { .sa_sigaction = on_step, .sa_flags = SA_SIGINFO };

	ram = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		return 1;
	memory = (struct gmem){ 1, { { 0, GUEST_BYTES, ram } } };
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGTRAP, &step, NULL);
	RUN(the_watch_sees);
	RUN(nothing_is_looked_at_twice);
	RUN(data_are_left_alone);
	return test_failed;
}
