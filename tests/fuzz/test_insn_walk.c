/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile code over hostile page tables: decoding, carrying out and walking, millions of times a
 * second, under AddressSanitizer and UndefinedBehaviorSanitizer.
 *
 *	test_insn_walk [EXECUTIONS [SEED]]
 *
 * An execution takes random, half-valid or mutated bytes, decodes them in a random mode from a
 * buffer of exactly so many bytes, and carries them out on random registers; memory is behind a
 * guest's page tables, which lie in that memory and are what the guest, too, writes to. Every
 * eighth execution fetches its bytes through the tables. What must hold is checked each time:
 *
 *	- no byte beyond `count` is looked at (the sanitizer), length is 1 .. 15 and <= count
 *	- ERR_RANGE if and only if more bytes are needed: then, and only then, more bytes help
 *	- at most one read, then at most one write, of a legal width, at segments that exist
 *	- no register but those of the operation changes, no flag but the arithmetic ones
 *	- after a fault nothing has changed
 *	- a walk ends in RAM, in a page fault, or says outside RAM
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "arch/x86/guest/insn.h"
#include "arch/x86/guest/insn_flags.h"
#include "arch/x86/guest/walk.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define RAM_BYTES  MIB(2)
#define CORPUS     1024u
#define SHORT_RUN  3000000u
#define STOP_AFTER 10 /* findings */

#define MUST(x) \
	do { \
		if (!(x)) \
			found(#x, __LINE__); \
	} while (0)

struct bytes {
	uint8_t b[16];
};

static struct guest_ram ram;
static struct guest_context context;
static uint8_t *exact[INSN_BYTES_MAX + 1]; /* buffers of 0 .. 15 bytes, each by itself */
static struct bytes corpus[CORPUS];        /* what was taken last */
static uint64_t executions, execution, taken, carried_out, faulted, walked;
static uint64_t taken_of[INSN_OP_COUNT];
static struct bytes now;
static int findings;

static void found(const char *what, int line)
{
	printf("execution %lu, line %d: %s:", (unsigned long)execution, line, what);
	for (uint32_t i = 0; i < INSN_BYTES_MAX; i++)
		printf(" %02x", now.b[i]);
	printf("\n");
	test_failed = 1;
	if (++findings == STOP_AFTER)
		exit(1);
}

/* ---- Input ---- */

static uint64_t hostile_entry(void)
{
	const uint64_t r = random_u64();
	uint64_t entry = (r >> 20 & (RAM_BYTES / PAGE_BYTES - 1)) * PAGE_BYTES | 0x67;

	if ((r & 15) == 0)
		entry = random_u64();
	else if ((r & 15) == 1)
		entry ^= BIT64(r >> 32 & 63);
	else if ((r & 15) == 2)
		entry = (entry & 0xfff) | 0x80;
	else if ((r & 15) == 3)
		entry &= ~UINT64_C(0x66); /* as a PDPTE of PAE paging */
	return entry;
}

static void refill_page(uint64_t page)
{
	for (uint64_t at = 0; at < PAGE_BYTES; at += 8) {
		uint64_t entry = hostile_entry();

		if (page & 1) /* two entries of 32 bits */
			entry = (uint32_t)entry | hostile_entry() << 32;
		memcpy(ram.at + page * PAGE_BYTES + at, &entry, 8);
	}
}

static void new_context(void)
{
	const uint64_t r = random_u64();
	struct guest_context *const c = &context;

	c->cr0 = 1 | (r & 7 ? BIT64(31) : 0) | (r >> 3 & 1) << 16;
	c->cr3 = r >> 4 & (2 * RAM_BYTES - 1) & ~UINT64_C(0xfff);
	if (c->cr3 >= RAM_BYTES && (r >> 22 & 7) != 0) /* seldom outside */
		c->cr3 -= RAM_BYTES;
	c->cr4 = (r >> 32 & 1) << 4 | (r >> 33 & 1) << 5 | (r >> 34 & 3) << 20;
	c->efer = (r >> 36 & 1) << 11;
	if (r >> 37 & 1) {
		c->efer |= BIT64(8) | BIT64(10);
		c->cr4 |= BIT64(5);
	}
	c->cpl = r >> 38 & 1 ? 3 : 0;
	c->rflags = 2 | (r >> 39 & 1) << 18;
	for (uint32_t s = 0; s < SEG_COUNT; s++) {
		c->segments[s].base = r >> 40 & 1 ? 0 : (uint32_t)random_u64();
		c->segments[s].limit = r >> 41 & 1 ? UINT32_MAX : (uint32_t)random_u64();
		c->segments[s].access = (uint16_t)(0x9b | (r >> 42 & 3) << 13);
	}
}

/* Prefixes, an opcode of ours, and whatever comes. */
static void half_valid(struct bytes *out)
{
	static const uint8_t prefixes[16] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x64, 0x65,
					      0x48, 0x41, 0x44, 0x4f, 0x66, 0x67, 0x40, 0x49 };
	static const uint8_t one[32] = { 0x00, 0x0b, 0x13, 0x18, 0x21, 0x2a, 0x31, 0x39,
					 0x63, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86,
					 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8f, 0xc6, 0xc7,
					 0xf6, 0xf7, 0xfe, 0xff, 0xa0, 0xa3, 0xa4, 0xa5 };
	static const uint8_t two[16] = { 0xa3, 0xab, 0xb3, 0xbb, 0xba, 0xba, 0xb0, 0xb1,
					 0xb6, 0xb7, 0xbe, 0xbf, 0xc0, 0xc1, 0xc3, 0x38 };
	uint64_t r = random_u64();
	uint32_t n = 0;

	for (; (r & 3) == 0 && n < 12; r >>= 6)
		out->b[n++] = prefixes[r >> 2 & 15];
	r = random_u64();
	if (r & 1) {
		out->b[n++] = one[r >> 1 & 31];
	} else if ((r & 30) != 0) {
		out->b[n++] = 0x0f;
		out->b[n++] = two[r >> 8 & 15];
		if (n < 15 && out->b[n - 1] == 0x38)
			out->b[n++] = 0xf0 | (r >> 7 & 1);
	} else {
		out->b[n++] = 0xaa + (r >> 8 & 3);
	}
}

static void mutate(struct bytes *out)
{
	const uint64_t r = random_u64();
	const uint32_t at = r >> 8 & 15;

	*out = corpus[r >> 16 & (CORPUS - 1)];
	switch (r & 3) {
	case 0:
		out->b[at] ^= (uint8_t)(1u << (r >> 4 & 7));
		break;
	case 1:
		out->b[at] = (uint8_t)(r >> 32);
		break;
	case 2: /* a byte more */
		memmove(out->b + at, out->b + at - (at > 0), 16 - at);
		out->b[0] = (uint8_t)(r >> 32);
		break;
	default: /* a byte fewer */
		memmove(out->b + at, out->b + at + (at < 15), 15 - at);
		break;
	}
}

static void new_bytes(void)
{
	const uint64_t r[2] = { random_u64(), random_u64() };

	memcpy(&now, r, sizeof(now));
	if (execution & 3)
		half_valid(&now);
	if ((execution & 3) == 1)
		mutate(&now);
}

/* ---- Decoding ---- */

static enum err decode(uint32_t count, enum insn_mode mode, struct insn *out)
{
	memcpy(exact[count], now.b, count);
	return insn_decode(exact[count], count, mode, out);
}

static void check_insn(const struct insn *i)
{
	MUST(i->length >= 1 && i->length <= INSN_BYTES_MAX && i->op < INSN_OP_COUNT);
	MUST(i->width == 1 || i->width == 2 || i->width == 4 || i->width == 8);
	MUST(i->to_width == 1 || i->to_width == 2 || i->to_width == 4 || i->to_width == 8);
	MUST(i->address_width == 2 || i->address_width == 4 || i->address_width == 8);
	MUST(i->scale == 1 || i->scale == 2 || i->scale == 4 || i->scale == 8);
	MUST(i->reg < GPR_COUNT || i->reg == INSN_NO_REGISTER);
	MUST(i->base < GPR_COUNT || i->base == INSN_NO_REGISTER);
	MUST(i->index < GPR_COUNT || i->index == INSN_NO_REGISTER);
	MUST(i->segment < SEG_COUNT);
}

/* A shorter piece asks for more, or already gives the same answer. */
static bool decode_all(enum insn_mode mode, struct insn *i)
{
	const uint32_t less = (uint32_t)random_u64() % INSN_BYTES_MAX;
	const enum err e = decode(INSN_BYTES_MAX, mode, i);
	struct insn other;
	enum err piece;

	MUST(e == OK || e == ERR_INVAL || e == ERR_UNSUPPORTED);
	piece = decode(less, mode, &other);
	if (e == OK) {
		check_insn(i);
		MUST(piece == (less < i->length ? ERR_RANGE : OK));
		MUST(piece != OK || memcmp(&other, i, sizeof(other)) == 0);
		MUST(decode(i->length, mode, &other) == OK);
		MUST(decode(i->length - 1u, mode, &other) == ERR_RANGE);
	} else if (piece == ERR_RANGE && less > 0) {
		MUST(decode(less - 1, mode, &other) == ERR_RANGE);
	} else {
		MUST(piece == e || piece == ERR_RANGE);
	}
	return e == OK;
}

/* ---- Carrying out ---- */

struct cpu {
	uint64_t gpr[GPR_COUNT];
	uint32_t reads, writes, failures;
	bool has_changed; /* a register or a flag */
};

static uint64_t read_register(void *context_, uint32_t reg)
{
	MUST(reg < GPR_COUNT);
	return ((struct cpu *)context_)->gpr[reg];
}

static void write_register(void *context_, uint32_t reg, uint64_t value)
{
	struct cpu *const cpu = context_;

	MUST(reg < GPR_COUNT && cpu->failures == 0);
	cpu->gpr[reg] = value;
	cpu->has_changed = true;
}

static enum err walk(uint64_t linear, enum walk_access access, uint64_t *gpa)
{
	struct walk_result out;
	const enum err e = guest_walk(&ram, &context, linear, access, &out);

	walked += e == OK;
	MUST(e == OK || e == ERR_INVAL || e == ERR_RANGE);
	MUST(out.is_fault == (e == ERR_INVAL));
	if (e == ERR_INVAL)
		MUST(out.fault < 32 && (uint32_t)out.address == (uint32_t)linear);
	else
		MUST((e == OK) == (guest_ram_at(&ram, out.gpa, 1) != NULL));
	*gpa = out.gpa;
	return e;
}

/* Where it is in RAM; NULL: nowhere, `e` says what becomes of that. Half of what is not RAM is a
 * device. */
static uint8_t *locate(struct cpu *cpu, uint64_t linear, uint32_t width, enum walk_access access,
		       enum err *e)
{
	uint64_t gpa;

	MUST(width == 1 || width == 2 || width == 4 || width == 8);
	*e = walk(linear, access, &gpa);
	if (*e == OK)
		return guest_ram_at(&ram, gpa, width);
	if (linear & 1)
		*e = OK;
	cpu->failures += *e != OK;
	return NULL;
}

static enum err read_memory(void *context_, uint32_t segment, uint64_t offset, uint32_t width,
			    uint64_t *value)
{
	struct cpu *const cpu = context_;
	enum err e;
	const uint8_t *at;

	MUST(segment < SEG_COUNT && cpu->reads == 0 && cpu->writes == 0 && !cpu->has_changed);
	cpu->reads++;
	at = locate(cpu, context.segments[segment].base + offset, width, WALK_READ, &e);
	*value = offset * UINT64_C(0x9e3779b97f4a7c15);
	if (at)
		memcpy(value, at, width);
	return e;
}

static enum err write_memory(void *context_, uint32_t segment, uint64_t offset, uint32_t width,
			     uint64_t value)
{
	struct cpu *const cpu = context_;
	enum err e;
	uint8_t *at;

	MUST(segment < SEG_COUNT && cpu->writes == 0 && cpu->failures == 0 && !cpu->has_changed);
	MUST(width == 8 || value >> 8 * width == 0);
	cpu->writes++;
	at = locate(cpu, context.segments[segment].base + offset, width, WALK_WRITE, &e);
	if (at)
		memcpy(at, &value, width);
	return e;
}

static uint32_t may_change(const struct insn *i)
{
	const uint32_t count = i->has_rep ? BIT32(GPR_RCX) : 0;

	switch (i->op) {
	case INSN_STOS:
		return BIT32(GPR_RDI) | count;
	case INSN_MOVS:
		return BIT32(GPR_RSI) | BIT32(GPR_RDI) | count;
	case INSN_LODS:
		return BIT32(GPR_RAX) | BIT32(GPR_RSI) | count;
	case INSN_PUSH:
	case INSN_POP:
		return BIT32(GPR_RSP);
	case INSN_CMPXCHG:
		return BIT32(GPR_RAX);
	case INSN_XCHG:
	case INSN_XADD:
		return BIT32(i->reg);
	default:
		return i->is_store || i->op == INSN_CMP || i->op == INSN_TEST ? 0 : BIT32(i->reg);
	}
}

static void carry_out(const struct insn *i, enum insn_mode mode)
{
	static const uint8_t stacks[4] = { 2, 4, 2, 8 };
	struct cpu cpu = { .reads = 0 };
	uint64_t before[GPR_COUNT], rflags = random_u64();
	const uint64_t old_flags = rflags;
	const struct insn_cpu calls = { .context = &cpu,
					.rip = rflags * 3,
					.rflags = &rflags,
					.stack_width = mode == INSN_64 ? 8 : stacks[execution & 1],
					.gpr = cpu.gpr,
					.gpr_valid = execution & 16 ? (uint32_t)old_flags : 0,
					.read_register = read_register,
					.write_register = write_register,
					.read_memory = read_memory,
					.write_memory = write_memory };
	bool again = false;
	enum err e;

	for (uint32_t r = 0; r < GPR_COUNT; r += 2) {
		cpu.gpr[r] = random_u64() >> (execution & 32);
		cpu.gpr[r + 1] = cpu.gpr[r] >> 13;
	}
	if ((execution & 3) == 2)
		cpu.gpr[GPR_RCX] &= UINT64_C(0xffffffff00010001);
	memcpy(before, cpu.gpr, sizeof(before));
	e = insn_run(i, &calls, &again);
	MUST((e != OK) == (cpu.failures != 0));
	MUST(cpu.reads <= 1 && cpu.writes <= 1);
	MUST(!again || (i->has_rep && e == OK));
	MUST(((rflags ^ old_flags) & ~FLAGS_ARITH) == 0);
	MUST(e == OK || rflags == old_flags);
	for (uint32_t r = 0; r < GPR_COUNT; r++)
		MUST(cpu.gpr[r] == before[r] || (e == OK && (may_change(i) >> r & 1)));
	carried_out += e == OK;
	faulted += e != OK;
}

/* ---- Fetching ---- */

static void fetch(void)
{
	struct walk_result out;
	uint32_t count = 99;
	uint64_t r = random_u64();
	enum err e;

	if (r & 1) /* near the end of a page */
		r |= 0xff0;
	context.rip = context.efer & BIT64(10) ? (uint64_t)((int64_t)(r << 16) >> 16) : (uint32_t)r;
	e = guest_fetch(&ram, &context, exact[INSN_BYTES_MAX], INSN_BYTES_MAX, &count, &out);
	if (e == OK) {
		MUST(count >= 1 && count <= INSN_BYTES_MAX);
		memcpy(now.b, exact[INSN_BYTES_MAX], count);
	} else {
		MUST(count == 0 && out.is_fault == (e == ERR_INVAL));
	}
}

/* ---- All of it ---- */

static void execute(void)
{
	const enum insn_mode mode = (enum insn_mode)(random_u64() % 3);
	struct insn i;

	if ((execution & 63) == 0)
		new_context();
	if ((execution & 4095) == 0)
		refill_page(random_u64() % (RAM_BYTES / PAGE_BYTES));
	new_bytes();
	if ((execution & 7) == 0)
		fetch();
	if (!decode_all(mode, &i))
		return;
	corpus[taken++ & (CORPUS - 1)] = now;
	taken_of[i.op]++;
	carry_out(&i, mode);
}

static void set_up(void)
{
	ram = (struct guest_ram){ .at = aligned_alloc(PAGE_BYTES, RAM_BYTES), .bytes = RAM_BYTES };
	for (uint64_t page = 0; page < RAM_BYTES / PAGE_BYTES; page++)
		refill_page(page);
	for (uint32_t n = 0; n <= INSN_BYTES_MAX; n++)
		exact[n] = malloc(n);
}

static void hostile_code_and_tables_do_no_harm(void)
{
	const clock_t start = clock();

	for (execution = 0; execution < executions; execution++)
		execute();
	printf("%lu executions, %lu taken, %lu carried out, %lu faulted, %lu walks into RAM, "
	       "%.0f s, %d findings\n",
	       (unsigned long)executions, (unsigned long)taken, (unsigned long)carried_out,
	       (unsigned long)faulted, (unsigned long)walked,
	       (double)(clock() - start) / CLOCKS_PER_SEC, findings);
	CHECK(findings == 0);
	CHECK(taken > executions / 8 && carried_out > executions / 32 && faulted > executions / 64);
	for (uint32_t op = 0; op < INSN_OP_COUNT; op++)
		CHECK(taken_of[op] > executions / 10000);
}

int main(int argc, char **argv)
{
	executions = argc > 1 ? strtoull(argv[1], NULL, 0) : SHORT_RUN;
	random_seed(argc - (argc > 1), argv + (argc > 1));
	set_up();
	RUN(hostile_code_and_tables_do_no_harm);
	return test_failed;
}
