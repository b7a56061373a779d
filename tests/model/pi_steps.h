/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/model/pi_steps.h - io/pi.h and io/pi_gate.h as the verifier of pi.pml and gate.pml runs them: one
 * atomic access at a time.
 *
 * Model    The functions are compiled as they are; only the compiler's __atomic_
 *	    builtins are replaced. A step runs a function from its beginning, answers the accesses
 *	    that it made in earlier steps from a log, lets it make one more for real, and stops
 *	    it at the next. What a step leaves is so a function of the log alone, and the log is
 *	    part of the verifier's state: it may go back and try another order.
 *	    The pointer that the functions get leads to no memory: a plain access is a crash.
 * Rules    Every access is held against what its operation may do: see allow().
 * Hardware vtd_*() and cpu_*() are written from the manuals, with constants of their own.
 * Time     of a gate is what it compares: whether the interval since the last one that passed is over,
 *	    and whether it is due. An operation sees the time at which it began.
 * Words    64-bit values are numbered as they appear, so that a state stays small.
 */
#pragma once
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum kind { LOAD, STORE, OR, AND, EXCHANGE, COMPARE };
static inline uint64_t access_word(const uint64_t *at, enum kind kind, uint64_t operand,
				   const uint64_t *expected, int order);

/* clang-format off */
#define __atomic_load_n(at, order)         access_word(at, LOAD, 0, NULL, order)
#define __atomic_store_n(at, v, order)     (void)access_word(at, STORE, v, NULL, order)
#define __atomic_fetch_or(at, v, order)    access_word(at, OR, v, NULL, order)
#define __atomic_fetch_and(at, v, order)   access_word(at, AND, v, NULL, order)
#define __atomic_exchange_n(at, v, order)  access_word(at, EXCHANGE, v, NULL, order)
#define __atomic_compare_exchange_n(at, expected, v, weak, order, otherwise) \
	compare_word(at, expected, v, (order) == (otherwise) ? (order) : -1)
/* clang-format on */

static inline bool compare_word(const uint64_t *at, uint64_t *expected, uint64_t v, int order)
{
	const uint64_t found = access_word(at, COMPARE, v, expected, order);

	if (found == *expected)
		return true;
	*expected = found;
	return false;
}

#include "io/pi_gate.h"

#undef __atomic_load_n
#undef __atomic_store_n
#undef __atomic_fetch_or
#undef __atomic_fetch_and
#undef __atomic_exchange_n
#undef __atomic_compare_exchange_n

#define VCPUS         2u
#define CORES         2u
#define AGENTS        5u
#define LOG_MAX       10u
#define NOBODY        255u
#define ANYBODY       254u
#define LOW           0x31u /* posted by software */
#define HIGH          0xf5u /* posted by VT-d; in another word than LOW */
#define VECTOR_POSTED 0xf0u
#define VECTOR_WAKE   0xe3u

/* "Posted Interrupt Descriptor", as hardware sees it. */
#define HW_ON   UINT64_C(0x1)
#define HW_SN   UINT64_C(0x2)
#define HW_NV   UINT64_C(0xff0000)
#define HW_NDST UINT64_C(0xffffffff00000000)

enum operation {
	NOTHING,
	POST,
	POST_GATED,
	TAKE,
	EMPTY,
	AIM_POSTED,
	AIM_WAKE,
	SUPPRESS,
	RELEASE,
	FORGET,
	CLEAR,
	GATE_POST,
	GATE_OPEN,
	GATE_REST
};

/* What an operation of the gate asks for. */
#define ASKS_NOTIFY 1u
#define ASKS_MASK   2u
#define ASKS_UNMASK 4u

#define NOW         100u
#define INTERVAL    1u
enum due { DUE_NEVER, DUE_LATER, DUE_NOW };
struct gate {
	uint8_t is_over; /* the interval */
	uint8_t due;
	uint8_t early, is_closed, is_masking, is_flooded;
};

/* All of this is compared when the verifier looks whether it has been in a state. */
static struct world {
	struct agent {
		uint8_t operation, vcpu, core, log_count;
		uint8_t log[LOG_MAX];
		uint8_t hand[4];  /* bits that its accesses took out of PIR */
		uint8_t is_due;   /* it set ON */
		uint8_t due_aim;  /* the control word in which it did */
		uint8_t answer;   /* of the operation that has ended */
		struct gate gate; /* when the operation began */
	} agents[AGENTS];
	uint8_t word[VCPUS][5]; /* PIR, control */
	uint8_t urgent[VCPUS];  /* PIR holds what no gate may hold back */
	uint8_t owner;          /* whose guest may get HIGH */
	struct gate gates[VCPUS];
} world;

/* Words by number. Only grows; the same word has the same number for ever: not compared. */
static uint64_t words[256];
static unsigned word_count = 1; /* 0 is 0 */

/* Of the step being run. */
static struct agent *running;
static unsigned replayed, steps_left;
static jmp_buf out_of_steps;
static struct request {
	unsigned word;
	enum kind kind;
	uint64_t operand;
} next_request;
static bool is_looking_ahead;

extern void (*uerror)(char *); /* the verifier's: reports and ends */

static inline void rule(bool is_kept, const char *text)
{
	if (!is_kept)
		uerror((char *)(uintptr_t)text);
}

static inline uint8_t number_of(uint64_t word)
{
	for (unsigned i = 0; i < word_count; i++) {
		if (words[i] == word)
			return (uint8_t)i;
	}
	rule(word_count < ARRAY_SIZE(words), "more words than there are numbers");
	words[word_count] = word;
	return (uint8_t)word_count++;
}

static inline uint64_t get(unsigned vcpu, unsigned word)
{
	return words[world.word[vcpu][word]];
}

static inline void put(unsigned vcpu, unsigned word, uint64_t value)
{
	world.word[vcpu][word] = number_of(value);
}

/* --- what each operation may do ------------------------------------------------------------- */

static inline void allow_control(struct agent *a, uint64_t before, uint64_t after)
{
	const uint64_t changed = before ^ after;
	const unsigned o = a->operation;

	rule(!(changed & ~(HW_ON | HW_SN | HW_NV | HW_NDST)), "a reserved bit is written");
	if (changed & HW_ON & after) {
		rule(o == POST || o == POST_GATED || o == RELEASE || o == GATE_POST ||
			     o == GATE_OPEN,
		     "ON is set by one who does not post");
		rule(o == POST || !(before & HW_SN) || (o == GATE_POST && a->gate.is_over),
		     "ON is set behind a closed gate");
		rule(o != GATE_POST || a->gate.is_over, "one that is early notifies");
		rule(!a->is_due, "ON is set twice by one operation");
		a->is_due = 1;
		a->due_aim = number_of(before);
	}
	rule(!(changed & HW_ON & before) || o == TAKE || o == CLEAR,
	     "ON is cleared by one who does not take");
	rule(!(changed & HW_SN & after) || o == SUPPRESS || o == GATE_POST || o == GATE_OPEN,
	     "SN is set by one who is no gate");
	rule(!(changed & HW_SN & before) || o == RELEASE || o == GATE_OPEN,
	     "SN is cleared by one who is no gate");
	rule(!(changed & (HW_NV | HW_NDST)) || o == AIM_POSTED || o == AIM_WAKE,
	     "an aim is changed");
}

static inline void check_owner(unsigned vcpu, unsigned word, uint64_t taken)
{
	if (word == HIGH / 64 && taken & BIT64(HIGH % 64))
		rule(world.owner == vcpu || world.owner == ANYBODY,
		     "a guest gets an interrupt of a device not its own");
}

static inline void allow_pir(struct agent *a, unsigned word, uint64_t before, uint64_t after)
{
	const uint64_t set = after & ~before, cleared = before & ~after;
	const unsigned o = a->operation;

	rule(!set || o == POST || o == POST_GATED || o == GATE_POST,
	     "a vector appears from nowhere");
	rule(!cleared || o == TAKE || o == CLEAR || o == FORGET, "a vector disappears");
	rule(!cleared || o != FORGET || cleared == BIT64(HIGH % 64),
	     "more is forgotten than was meant");
	if (o == POST)
		world.urgent[a->vcpu] = 1;
	if (word == LOW / 64 && cleared & BIT64(LOW % 64))
		world.urgent[a->vcpu] = 0;
	if (o != TAKE)
		return;
	check_owner(a->vcpu, word, cleared);
	a->hand[word] = number_of(words[a->hand[word]] | cleared);
}

/* --- one access ------------------------------------------------------------------------------ */

static inline uint64_t result_of(enum kind kind, uint64_t before, uint64_t operand,
				 const uint64_t *expected)
{
	switch (kind) {
	case OR:
		return before | operand;
	case AND:
		return before & operand;
	case STORE:
	case EXCHANGE:
		return operand;
	case COMPARE:
		return before == *expected ? operand : before;
	default:
		return before;
	}
}

/*
 * After a comparison that failed the function holds what it would had its load found the new
 * word: the log becomes as if it had, or it would grow with every turn of the loop. That the
 * function goes on alike is checked in agent_step().
 */
static inline void fold_retry(struct agent *a, uint64_t before)
{
	rule(a->log_count >= 2, "a comparison without a load");
	a->log_count--;
	a->log[a->log_count - 1] = number_of(before);
}

static bool has_failed; /* the real access of this step was a comparison that failed */

static inline uint64_t make_access(unsigned word, enum kind kind, uint64_t operand,
				   const uint64_t *expected)
{
	struct agent *a = running;
	const uint64_t before = get(a->vcpu, word);
	const uint64_t after = result_of(kind, before, operand, expected);

	if (word == 4)
		allow_control(a, before, after);
	else
		allow_pir(a, word, before, after);
	put(a->vcpu, word, after);
	rule(a->log_count < LOG_MAX, "an operation of more accesses than the log holds");
	a->log[a->log_count++] = number_of(before);
	has_failed = kind == COMPARE && before != *expected;
	return before;
}

static inline struct pi_descriptor *nowhere(void)
{
	static void *page;

	if (!page)
		page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return page;
}

static inline uint64_t access_word(const uint64_t *at, enum kind kind, uint64_t operand,
				   const uint64_t *expected, int order)
{
	const size_t offset = (size_t)((uintptr_t)at - (uintptr_t)nowhere());
	const unsigned word = (unsigned)(offset % sizeof(struct pi_descriptor) / 8);

	rule(offset / sizeof(struct pi_descriptor) == running->vcpu && offset % 8 == 0 && word < 5,
	     "an access outside of the descriptor");
	rule(order == __ATOMIC_SEQ_CST, "an access that is not sequentially consistent");
	/* Nobody ever posts there: no order of these can matter. */
	if (word == 1 || word == 2)
		return 0;
	if (replayed < running->log_count)
		return words[running->log[replayed++]];
	next_request = (struct request){ word, kind, operand };
	if (is_looking_ahead || steps_left == 0)
		longjmp(out_of_steps, 1);
	steps_left--;
	replayed++;
	return make_access(word, kind, operand, expected);
}

/* --- one operation --------------------------------------------------------------------------- */

static inline uint8_t target_of(uint8_t vector, uint32_t destination)
{
	rule(vector == VECTOR_POSTED || vector == VECTOR_WAKE,
	     "a notification with a wrong vector");
	rule(destination < CORES, "a notification to no core");
	return (uint8_t)(destination * 2 + (vector == VECTOR_WAKE));
}

static inline uint8_t aim_of(unsigned vcpu)
{
	const uint64_t control = get(vcpu, 4);

	return target_of(PI_NV(control), PI_NDST(control));
}

static inline uint8_t answer_notice(const struct agent *a, struct pi_notice n)
{
	const uint64_t control = words[a->due_aim];

	rule(n.is_due == a->is_due, "notifications and settings of ON are not one to one");
	if (!n.is_due)
		return 0;
	rule(n.vector == (control & HW_NV) >> 16 && n.destination == control >> 32,
	     "a notification goes elsewhere than ON was set for");
	return (uint8_t)(1 | target_of(n.vector, n.destination) << 1);
}

static inline uint8_t answer_take(const struct agent *a, bool has_taken, const uint64_t vectors[4])
{
	for (unsigned i = 0; i < 4; i++)
		rule(has_taken ? vectors[i] == words[a->hand[i]] : a->hand[i] == 0,
		     "what was taken is not what was given");
	return has_taken;
}

/* --- the gate: plain memory of its vCPU's core ------------------------------------------------ */

static struct gate next_gate; /* as the operation that was run last leaves it */

static inline struct pi_gate gate_of(const struct gate *g)
{
	return (struct pi_gate){ .passed_tsc = g->is_over ? NOW - INTERVAL : NOW,
				 .due_tsc = g->due == DUE_NEVER ? 0
					    : g->due == DUE_NOW ? NOW
								: NOW + INTERVAL,
				 .early = g->early,
				 .is_closed = g->is_closed,
				 .is_masking = g->is_masking,
				 .is_flooded = g->is_flooded };
}

static inline struct gate small_gate(const struct pi_gate *g)
{
	return (struct gate){ .is_over = g->passed_tsc != NOW,
			      .due = g->due_tsc == 0     ? DUE_NEVER
				     : g->due_tsc <= NOW ? DUE_NOW
							 : DUE_LATER,
			      .early = (uint8_t)g->early,
			      .is_closed = g->is_closed,
			      .is_masking = g->is_masking,
			      .is_flooded = g->is_flooded };
}

static inline uint8_t run_gate(const struct agent *a, struct pi_descriptor *d)
{
	struct pi_gate g = gate_of(&a->gate);
	struct pi_gate_answer answer = { 0 };

	if (a->operation == GATE_POST)
		answer = pi_gate_post(&g, d, HIGH, INTERVAL, NOW);
	else if (a->operation == GATE_OPEN)
		answer = pi_gate_open(&g, d, NOW);
	else
		answer.must_mask = pi_gate_rest(&g, INTERVAL);
	rule(answer.must_notify == a->is_due,
	     "the gate's answers and settings of ON are not one to one");
	next_gate = small_gate(&g);
	return (uint8_t)((answer.must_notify ? ASKS_NOTIFY : 0) |
			 (answer.must_mask ? ASKS_MASK : 0) |
			 (answer.must_unmask ? ASKS_UNMASK : 0));
}

static inline uint8_t run_operation(struct agent *a)
{
	struct pi_descriptor *d = nowhere() + a->vcpu;
	uint64_t vectors[4] = { 0 };
	bool is;

	switch (a->operation) {
	case POST:
		is = pi_post(d, LOW);
		rule(is == a->is_due, "notifications and settings of ON are not one to one");
		return is;
	case POST_GATED:
		return answer_notice(a, pi_post_gated(d, LOW));
	case TAKE:
		is = pi_take(d, vectors);
		return answer_take(a, is, vectors);
	case EMPTY:
		return pi_is_empty(d);
	case AIM_POSTED:
		return pi_aim(d, VECTOR_POSTED, pi_destination(a->core, PI_X2APIC));
	case AIM_WAKE:
		return pi_aim(d, VECTOR_WAKE, pi_destination(a->core, PI_X2APIC));
	case SUPPRESS:
		pi_suppress(d);
		return 0;
	case RELEASE:
		return answer_notice(a, pi_release(d));
	case FORGET:
		pi_forget(d, HIGH);
		return 0;
	case GATE_POST:
	case GATE_OPEN:
	case GATE_REST:
		return run_gate(a, d);
	default:
		pi_clear(d);
		return 0;
	}
}

/* Runs it as far as `count` accesses beyond its log. True: it has ended, with *answer. */
static inline bool run_for(struct agent *a, unsigned count, uint8_t *answer)
{
	running = a;
	replayed = 0;
	steps_left = count;
	if (setjmp(out_of_steps))
		return false;
	*answer = run_operation(a);
	return true;
}

static inline void check_fold(struct agent *a, uint64_t word, bool has_ended, uint8_t answer)
{
	const struct request expected = next_request;
	uint8_t other = 0;

	fold_retry(a, word);
	is_looking_ahead = true;
	rule(run_for(a, 0, &other) == has_ended, "a retry does not go on like a first try");
	is_looking_ahead = false;
	rule(has_ended ? other == answer : memcmp(&expected, &next_request, sizeof(expected)) == 0,
	     "a retry does not go on like a first try");
}

static inline void agent_begin(unsigned agent, unsigned operation, unsigned vcpu, unsigned core)
{
	world.agents[agent] = (struct agent){ .operation = (uint8_t)operation,
					      .vcpu = (uint8_t)vcpu,
					      .core = (uint8_t)core };
	if (operation >= GATE_POST)
		world.agents[agent].gate = world.gates[vcpu];
}

/* True: there is more to do. */
static inline bool agent_step(unsigned agent)
{
	struct agent *a = &world.agents[agent];
	uint8_t answer = 0;
	bool has_ended;

	has_failed = false;
	has_ended = run_for(a, 1, &answer);
	if (has_failed)
		check_fold(a, words[a->log[a->log_count - 1]], has_ended, answer);
	if (has_ended && a->operation >= GATE_POST)
		world.gates[a->vcpu] = next_gate;
	if (has_ended)
		*a = (struct agent){ .answer = answer };
	return !has_ended;
}

/* --- hardware -------------------------------------------------------------------------------- */

/* "Interrupt-Posting Hardware Operation": the whole line is the IOMMU's while it does this. */
static inline uint8_t vtd_post(unsigned vcpu)
{
	const uint64_t control = get(vcpu, 4);

	put(vcpu, HIGH / 64, get(vcpu, HIGH / 64) | BIT64(HIGH % 64));
	if (control & (HW_ON | HW_SN))
		return 0;
	put(vcpu, 4, control | HW_ON);
	return (uint8_t)(1 | target_of((uint8_t)(control >> 16), (uint32_t)(control >> 32)) << 1);
}

/* SDM Vol. 3C, "Posted-Interrupt Processing": ON first, then PIR goes to the guest's IRR. */
static inline void cpu_clear_on(unsigned vcpu)
{
	put(vcpu, 4, get(vcpu, 4) & ~HW_ON);
}

static inline void cpu_take(unsigned vcpu, unsigned word)
{
	check_owner(vcpu, word, get(vcpu, word));
	if (word == LOW / 64)
		world.urgent[vcpu] = 0;
	put(vcpu, word, 0);
}

/* --- what the properties ask ------------------------------------------------------------------ */

static inline bool is_posted(unsigned vcpu, unsigned vector)
{
	return get(vcpu, vector / 64) & BIT64(vector % 64);
}

/* Something is posted, and no gate will see to it. */
static inline bool is_left(unsigned vcpu)
{
	return (is_posted(vcpu, LOW) || is_posted(vcpu, HIGH)) &&
	       (world.urgent[vcpu] || !(get(vcpu, 4) & HW_SN));
}

/* Or the gate, too, has forgotten it. */
static inline bool is_left_by_gate(unsigned vcpu)
{
	return (is_posted(vcpu, LOW) || is_posted(vcpu, HIGH)) &&
	       (world.urgent[vcpu] || world.gates[vcpu].due == DUE_NEVER);
}

static inline bool gate_agrees(unsigned vcpu)
{
	return world.gates[vcpu].is_closed == ((get(vcpu, 4) & HW_SN) != 0);
}

/* The clock: the interval ends. */
static inline bool can_age(unsigned vcpu)
{
	return !world.gates[vcpu].is_over || world.gates[vcpu].due == DUE_LATER;
}

static inline void age(unsigned vcpu)
{
	world.gates[vcpu].is_over = 1;
	if (world.gates[vcpu].due == DUE_LATER)
		world.gates[vcpu].due = DUE_NOW;
}

static inline void world_begin(void)
{
	for (unsigned v = 0; v < VCPUS; v++)
		put(v, 4, PI_AIM(VECTOR_WAKE, 0));
	for (unsigned v = 0; v < VCPUS; v++)
		world.gates[v].is_over = 1;
}
