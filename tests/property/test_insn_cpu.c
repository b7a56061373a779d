/* SPDX-License-Identifier: Apache-2.0 */
/*
 * insn_run() against the CPU that runs this test: every form of 64-bit mode is executed on it with
 * random registers, flags and memory, and carried out by us from the same start. All sixteen
 * registers, the flags and the memory around the operand must come out the same; what we refuse
 * with #UD the CPU must refuse.
 *
 * The code page holds: load everything, the instruction, a jump, store everything. It is reached
 * by absolute addresses, so that the instruction may use any register, RSP too.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "arch/x86/backend.h"
#include "arch/x86/guest/insn.h"
#include "tests/property/random.h"
#include "tests/test.h"

#define FLAGS_LOOKED_AT UINT64_C(0xcd5) /* CF PF AF ZF SF DF OF */
#define FLAGS_FIXED     UINT64_C(0x202)
#define WINDOW          1024u /* bytes of memory that are looked at */
#define MIDDLE          (WINDOW / 2)
#define GS_BASE         UINT64_C(0x1230)
#define ROUNDS          4u

/* ---- The machine, both ways ---- */

struct state {
	uint64_t gpr[GPR_COUNT];
	uint64_t rflags;
	uint64_t own_rsp;
};

/* Below 2 GiB: absolute addresses of 32 bits reach it. */
static struct page {
	struct state state;
	uint8_t window[WINDOW];
	uint8_t code[512];
	uint8_t instruction[64];
} * page;
static uint32_t epilogue_at;
static volatile int trapped;
static uint64_t fs_base;

static uint32_t emit(uint32_t at, const void *bytes, size_t count)
{
	memcpy(page->code + at, bytes, count);
	return at + (uint32_t)count;
}

/* MOV between a register and an absolute address: SIB without base and index. */
static uint32_t emit_mov(uint32_t at, uint8_t opcode, uint32_t reg, const void *memory)
{
	const uint8_t head[4] = { (uint8_t)(0x48 | (reg >> 3) << 2), opcode,
				  (uint8_t)((reg & 7) << 3 | 4), 0x25 };
	const uint32_t address = (uint32_t)(uintptr_t)memory;

	return emit(emit(at, head, 4), &address, 4);
}

static uint32_t emit_jump(uint8_t *code, const uint8_t *to)
{
	const int32_t by = (int32_t)(to - (code + 5));

	code[0] = 0xe9;
	memcpy(code + 1, &by, sizeof(by));
	return 5;
}

static void build(void)
{
	static const uint8_t saves[] = {
		0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57
	};
	static const uint8_t restores[] = { 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d,
					    0x41, 0x5c, 0x5d, 0x5b, 0xc3 };
	static const uint8_t push_rax_popfq[] = { 0x50, 0x9d };
	static const uint8_t pushfq_pop_rax_cld[] = { 0x9c, 0x58, 0xfc };
	uint32_t at = emit(0, saves, sizeof(saves));

	at = emit_mov(at, 0x89, GPR_RSP, &page->state.own_rsp);
	at = emit_mov(at, 0x8b, GPR_RAX, &page->state.rflags);
	at = emit(at, push_rax_popfq, 2);
	for (uint32_t r = 0; r < GPR_COUNT; r++)
		at = emit_mov(at, 0x8b, r, &page->state.gpr[r]);
	at += emit_jump(page->code + at, page->instruction);
	epilogue_at = at;
	for (uint32_t r = 0; r < GPR_COUNT; r++)
		at = emit_mov(at, 0x89, r, &page->state.gpr[r]);
	at = emit_mov(at, 0x8b, GPR_RSP, &page->state.own_rsp);
	at = emit(at, pushfq_pop_rax_cld, 3);
	at = emit_mov(at, 0x89, GPR_RAX, &page->state.rflags);
	emit(at, restores, sizeof(restores));
}

/* A trap leaves the registers as they are and goes to the epilogue. */
static void on_trap(int number, siginfo_t *info, void *context)
{
	ucontext_t *const u = context;

	trapped = number;
	u->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)(page->code + epilogue_at);
}

static void set_up(void)
{
	static uint8_t signal_stack[65536];
	const stack_t alternate = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
	struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (page == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	sigaltstack(&alternate, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_base);
	syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
	build();
}

/* ---- Ours ---- */

struct ours {
	struct state state;
	uint8_t window[WINDOW];
	uint32_t reads, writes;
};

static uint64_t our_register(void *context, uint32_t reg)
{
	return ((struct ours *)context)->state.gpr[reg];
}

static void our_set_register(void *context, uint32_t reg, uint64_t value)
{
	((struct ours *)context)->state.gpr[reg] = value;
}

static uint8_t *our_memory(struct ours *o, uint32_t segment, uint64_t offset, uint32_t width)
{
	const uint64_t base = segment == SEG_FS ? fs_base : segment == SEG_GS ? GS_BASE : 0;
	const uint64_t at = base + offset - (uint64_t)(uintptr_t)page->window;

	return at < WINDOW && width <= WINDOW - at ? o->window + at : NULL;
}

static enum err our_read(void *context, uint32_t segment, uint64_t offset, uint32_t width,
			 uint64_t *value)
{
	struct ours *const o = context;
	const uint8_t *const at = our_memory(o, segment, offset, width);

	o->reads++;
	*value = UINT64_C(0xa5a5a5a5a5a5a5a5); /* more than `width` must not be used */
	if (at)
		memcpy(value, at, width);
	return at ? OK : ERR_INVAL;
}

static enum err our_write(void *context, uint32_t segment, uint64_t offset, uint32_t width,
			  uint64_t value)
{
	struct ours *const o = context;
	uint8_t *const at = our_memory(o, segment, offset, width);

	o->writes++;
	if (at)
		memcpy(at, &value, width);
	return at ? OK : ERR_INVAL;
}

/* ---- One case ---- */

struct instruction {
	uint8_t bytes[INSN_BYTES_MAX + 8];
	uint32_t count;
	uint32_t displacement_at, displacement_width;
};

static void print_case(const char *what, const struct instruction *code, const struct state *before,
		       const struct ours *o)
{
	printf("%s:", what);
	for (uint32_t i = 0; i < code->count; i++)
		printf(" %02x", code->bytes[i]);
	printf(" (trap %d)\n", trapped);
	for (uint32_t r = 0; r < GPR_COUNT; r++) {
		if (o->state.gpr[r] != page->state.gpr[r])
			printf("  r%u was %lx cpu %lx ours %lx\n", r, before->gpr[r],
			       page->state.gpr[r], o->state.gpr[r]);
	}
	printf("  flags were %lx cpu %lx ours %lx\n", before->rflags, page->state.rflags,
	       o->state.rflags);
	for (uint32_t i = 0; i < WINDOW; i++) {
		if (o->window[i] != page->window[i])
			printf("  window+%u cpu %02x ours %02x\n", i, page->window[i],
			       o->window[i]);
	}
}

static void execute(const struct instruction *code)
{
	void (*run)(void);
	uint8_t *const entry = page->code;

	memcpy(page->instruction, code->bytes, code->count);
	emit_jump(page->instruction + code->count, page->code + epilogue_at);
	memcpy(&run, &entry, sizeof(run));
	trapped = 0;
	run();
}

static bool is_same(const struct ours *o)
{
	return memcmp(o->state.gpr, page->state.gpr, sizeof(o->state.gpr)) == 0 &&
	       ((o->state.rflags ^ page->state.rflags) & FLAGS_LOOKED_AT) == 0 &&
	       memcmp(o->window, page->window, WINDOW) == 0;
}

/* page->state and window are set. A repeated string goes on until it is done. */
static bool run_both(const struct instruction *code, const struct insn *i)
{
	static struct ours o;
	const struct state before = page->state;
	const struct insn_cpu cpu = { .context = &o,
				      .rip = (uint64_t)(uintptr_t)page->instruction,
				      .rflags = &o.state.rflags,
				      .stack_width = 8,
				      .gpr = o.state.gpr,
				      .gpr_valid = (uint32_t)random_u64(),
				      .read_register = our_register,
				      .write_register = our_set_register,
				      .read_memory = our_read,
				      .write_memory = our_write };
	bool again = true;
	enum err e = OK;

	o.state = page->state;
	memcpy(o.window, page->window, WINDOW);
	while (again && e == OK) {
		o.reads = o.writes = 0;
		e = insn_run(i, &cpu, &again);
		if (o.reads > 1 || o.writes > 1)
			e = ERR_BUSY;
	}
	execute(code);
	if (e == OK && !trapped && is_same(&o))
		return true;
	print_case(e == OK ? "differs" : "our run failed", code, &before, &o);
	return false;
}

/* ---- Cases ---- */

static uint32_t executed[INSN_OP_COUNT], refused, total;

static bool has_movbe(void)
{
	uint32_t a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_MOVBE);
}

static uint64_t random_value(void)
{
	static const uint64_t edges[] = { 0,          1,         0x7f,      0x80,       0xff,
					  0x7fff,     0x8000,    0xffff,    0x7fffffff, 0x80000000u,
					  0xffffffff, INT64_MAX, BIT64(63), UINT64_MAX };
	const uint64_t value = random_u64();

	return value & 1 ? random_u64() : edges[(value >> 8) % ARRAY_SIZE(edges)];
}

static void set_random(void)
{
	struct state *const s = &page->state;

	for (uint32_t i = 0; i < GPR_COUNT; i++)
		s->gpr[i] = random_value();
	s->rflags = (random_u64() & FLAGS_LOOKED_AT) | FLAGS_FIXED;
	for (uint32_t i = 0; i < WINDOW; i += 8) {
		const uint64_t value = random_value();

		memcpy(page->window + i, &value, 8);
	}
}

static uint64_t window_at(uint64_t offset)
{
	return (uint64_t)(uintptr_t)page->window + offset;
}

static bool is_bit_by_register(const struct insn *i)
{
	return i->op >= INSN_BT && i->op <= INSN_BTC && !i->has_immediate;
}

/* Address bits beyond 32 do not count with an address-size prefix. */
static uint64_t high_junk(const struct insn *i)
{
	return i->address_width == 4 ? random_u64() << 32 : 0;
}

static void aim_string(const struct insn *i, uint64_t base)
{
	uint64_t *const gpr = page->state.gpr;

	gpr[GPR_RSI] = window_at(MIDDLE + random_below(64)) - base + high_junk(i);
	gpr[GPR_RDI] = window_at(MIDDLE + random_below(64)) + high_junk(i);
	/* With ECX = 0 Intel's CPUs clear the upper halves of RCX, RSI, RDI (the last two not for
	 * LODS), which no manual says: the count is not 0 then. */
	gpr[GPR_RCX] = random_below(16) + high_junk(i);
	if (i->address_width == 4)
		gpr[GPR_RCX] |= 1;
}

/* Chooses base or index so that the operand is at `target`. False: none will do. */
static bool aim_registers(const struct insn *i, uint64_t target)
{
	uint64_t *const gpr = page->state.gpr;
	uint64_t left = target - (uint64_t)i->displacement, divisor = 1;
	uint32_t reg = i->base;

	if (i->base == INSN_NO_REGISTER) {
		reg = i->index;
		divisor = i->scale;
	} else if (i->base == i->index) {
		divisor = 1u + i->scale;
	} else if (i->index != INSN_NO_REGISTER) {
		left -= gpr[i->index] * i->scale;
	}
	if (i->address_width == 4)
		left = (uint32_t)left;
	if (left % divisor != 0)
		return false;
	gpr[reg] = left / divisor + (divisor == 1 ? high_junk(i) : 0);
	return true;
}

/* Nothing but a displacement, or that and RIP: the instruction itself is changed. */
static bool aim_absolute(struct instruction *code, const struct insn *i, uint64_t target)
{
	if (i->is_rip_relative)
		target -= (uint64_t)(uintptr_t)page->instruction + i->length;
	memcpy(code->bytes + code->displacement_at, &target, code->displacement_width);
	return code->displacement_width == 8 || target == (uint64_t)(int32_t)target;
}

/* Operands into the window. False: a register that is both address and operand forbids it. */
static bool aim(struct instruction *code, const struct insn *i)
{
	const uint64_t base = i->segment == SEG_FS ? fs_base : i->segment == SEG_GS ? GS_BASE : 0;
	const uint64_t target = window_at(MIDDLE) - base, mask = UINT64_MAX >> (64 - 8 * i->width);
	uint64_t *const gpr = page->state.gpr;
	uint32_t tries = 0;

	if (i->op == INSN_STOS || i->op == INSN_MOVS || i->op == INSN_LODS) {
		aim_string(i, base);
		return i->segment != SEG_FS || i->address_width == 8;
	}
	if (i->segment == SEG_FS && i->address_width == 4)
		return false;
	if (is_bit_by_register(i)) {
		if (i->reg == i->base || i->reg == i->index)
			return false;
		gpr[i->reg] = (gpr[i->reg] & ~mask) | ((random_below(2048) - 1024) & mask);
	}
	if (i->op == INSN_PUSH || i->op == INSN_POP) {
		gpr[GPR_RSP] = window_at(MIDDLE + 128);
		/* RSP must point into the window in all of its bits, and so must the operand. */
		if (i->base == GPR_RSP &&
		    (i->index != INSN_NO_REGISTER || base || i->address_width == 4 ||
		     i->displacement != (int8_t)i->displacement))
			return false;
	}
	if (i->base == INSN_NO_REGISTER && i->index == INSN_NO_REGISTER)
		return aim_absolute(code, i, target);
	while (!aim_registers(i, target + tries)) {
		if (++tries == 16)
			return false;
	}
	/* Equal, half of the time. */
	if (i->op == INSN_CMPXCHG && i->base != GPR_RAX && i->index != GPR_RAX &&
	    (random_u64() & 1))
		memcpy(&gpr[GPR_RAX], page->window + MIDDLE + tries, 8);
	return true;
}

static void put(struct instruction *code, uint32_t byte)
{
	code->bytes[code->count++] = (uint8_t)byte;
}

static void put_prefixes(struct instruction *code, uint32_t rex)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e,
					    0x36, 0x3e, 0x64, 0x65, 0x48, 0x67, 0x66 };
	const uint64_t kind = random_below(8);
	const uint64_t count = kind < 4 ? 0 : kind < 6 ? 1 : kind - 4;

	for (uint64_t n = 0; n < count; n++)
		put(code, prefixes[random_below(sizeof(prefixes))]);
	if (rex)
		put(code, 0x40 | (rex & 15));
}

/* ModRM, SIB, displacement, and more than the longest immediate. */
static void put_operands(struct instruction *code, uint32_t modrm)
{
	const uint32_t mod = modrm >> 6;
	uint32_t sib = (uint32_t)random_below(256), width = mod == 1 ? 1 : mod == 2 ? 4 : 0;

	put(code, modrm);
	if ((modrm & 7) == 4)
		put(code, sib);
	if (mod == 0 && ((modrm & 7) == 5 || ((modrm & 7) == 4 && (sib & 7) == 5)))
		width = 4;
	code->displacement_at = code->count;
	code->displacement_width = width;
	for (uint32_t n = 0; n < width + 8; n++)
		put(code, (uint32_t)random_below(256));
}

/*
 * SDM Vol. 2A, "Instruction Prefixes": "it is only useful to include up to one prefix code from
 * each of the four groups". CPUs that ignore CS, DS, ES, SS after FS or GS everywhere else do not
 * always do so for MOVBE with 66H.
 */
static bool is_predictable(const struct instruction *code)
{
	static const uint8_t segments[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	uint32_t n = 0;

	for (const uint8_t *p = code->bytes; *p != 0x0f; p++)
		n += memchr(segments, *p, sizeof(segments)) != NULL;
	return n < 2;
}

/* What we take must do the same on the CPU, what we refuse with #UD it must refuse. */
static void try(struct instruction *code)
{
	struct insn i;
	enum err e = insn_decode(code->bytes, code->count, INSN_64, &i);

	set_random();
	if (e == OK) {
		code->count = i.length;
		if (!aim(code, &i) || (i.op == INSN_MOVBE && !is_predictable(code)))
			return;
		if (insn_decode(code->bytes, code->count, INSN_64, &i) != OK)
			abort();
		CHECK(run_both(code, &i));
		executed[i.op]++;
		total++;
	} else if (e == ERR_INVAL && code->count <= INSN_BYTES_MAX) {
		execute(code);
		CHECK(trapped == SIGILL);
		refused++;
	}
}

static void try_modrm(uint32_t escape, uint32_t opcode, uint32_t rex, uint32_t modrm)
{
	struct instruction code = { .count = 0 };

	put_prefixes(&code, rex);
	if (escape)
		put(&code, 0x0f);
	if (escape == 2)
		put(&code, 0x38);
	put(&code, opcode);
	put_operands(&code, modrm);
	if (code.count > INSN_BYTES_MAX)
		code.count = INSN_BYTES_MAX;
	try(&code);
}

static bool is_modrm_opcode(uint32_t escape, uint32_t opcode)
{
	static const uint8_t one[] = { 0x63, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
				       0x8a, 0x8b, 0x8f, 0xc6, 0xc7, 0xf6, 0xf7, 0xfe, 0xff };
	static const uint8_t two[] = { 0xa3, 0xab, 0xb3, 0xbb, 0xb0, 0xb1, 0xb6,
				       0xb7, 0xba, 0xbe, 0xbf, 0xc0, 0xc1, 0xc3 };

	if (escape == 0)
		return (opcode < 0x40 && (opcode & 7) < 4) || memchr(one, (int)opcode, sizeof(one));
	if (escape == 1)
		return memchr(two, (int)opcode, sizeof(two));
	return has_movbe() && (opcode & 0xfe) == 0xf0;
}

static void forms_with_modrm_do_what_the_cpu_does(void)
{
	for (uint32_t escape = 0; escape < 3; escape++) {
		for (uint32_t opcode = 0; opcode < 256; opcode++) {
			if (!is_modrm_opcode(escape, opcode))
				continue;
			for (uint32_t n = 0; n < ROUNDS * 17 * 192; n++)
				try_modrm(escape, opcode, n % 17, n / 17 % 192);
		}
	}
	for (uint32_t op = 0; op < INSN_OP_COUNT; op++) {
		if (op != INSN_STOS && op != INSN_MOVS && op != INSN_LODS && op != INSN_MOVBE)
			CHECK(executed[op] > 500);
	}
	CHECK(refused > 1000);
	CHECK(executed[INSN_MOVBE] > 500 || !has_movbe());
}

static void forms_without_modrm_do_what_the_cpu_does(void)
{
	static const uint8_t opcodes[] = { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4,
					   0xa5, 0xaa, 0xab, 0xac, 0xad };

	for (uint32_t n = 0; n < 17 * 10 * 200; n++) {
		struct instruction code = { .count = 0 };
		bool is_short = false;

		put_prefixes(&code, n % 17);
		for (uint32_t i = 0; i < code.count; i++)
			is_short |= code.bytes[i] == 0x67;
		put(&code, opcodes[n / 17 % 10]);
		code.displacement_at = code.count;
		code.displacement_width = is_short ? 4 : 8;
		if (n / 17 % 10 < 4)
			code.count += code.displacement_width;
		try(&code);
	}
	CHECK(executed[INSN_STOS] > 500);
	CHECK(executed[INSN_MOVS] > 500);
	CHECK(executed[INSN_LODS] > 500);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	set_up();
	RUN(forms_with_modrm_do_what_the_cpu_does);
	RUN(forms_without_modrm_do_what_the_cpu_does);
	printf("%u executed, %u refused by both\n", total, refused);
	return test_failed;
}
