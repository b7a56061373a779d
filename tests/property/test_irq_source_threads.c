/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/irq_source.h between real threads: a guest and a gate, who mask the same entry and unmask it, as
 * often as they can. While somebody holds it, it is masked; when nobody does, it is not. tests/model/test_pi
 * runs it under ThreadSanitizer.
 */
#include <pthread.h>
#include <sched.h>
#include "arch/x86/irq_source.h"
#include "tests/test.h"

#define ROUNDS 100000u

static volatile uint32_t control;
static const uint64_t no_bits;
static struct irq_source source = { .control = &control, .waiting = &no_bits };
static pthread_barrier_t barrier;

/* As another processor would see it; ordered, so that ThreadSanitizer sees who is not. */
static uint32_t look(uint32_t *holders)
{
	uint32_t value;

	lock_take(&source.lock);
	value = control;
	*holders = source.holders;
	lock_give(&source.lock);
	return value;
}

struct holder {
	enum irq_holder me;
	uint32_t wrong;
};

static void *hold_and_let_go(void *argument)
{
	struct holder *const h = argument;
	uint32_t held;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		irq_source_hold(&source, h->me);
		h->wrong += look(&held) != IRQ_SOURCE_MASKED || !(held & h->me);
		if (i % 4096 == 7)
			sched_yield();
		h->wrong += look(&held) != IRQ_SOURCE_MASKED || !(held & h->me);
		irq_source_let_go(&source, h->me);
		/* Now and then both are done: what is there then must be right. */
		if (i % 4096 != 0)
			continue;
		pthread_barrier_wait(&barrier);
		h->wrong += look(&held) != 0 || held != 0;
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void two_holders_never_disagree_with_the_register(void)
{
	static struct holder holders[] = { { .me = IRQ_GUEST }, { .me = IRQ_GATE } };
	pthread_t threads[ARRAY_SIZE(holders)];

	pthread_barrier_init(&barrier, NULL, ARRAY_SIZE(holders));
	for (uint32_t i = 0; i < ARRAY_SIZE(holders); i++)
		CHECK(pthread_create(&threads[i], NULL, hold_and_let_go, &holders[i]) == 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(holders); i++) {
		pthread_join(threads[i], NULL);
		CHECK(holders[i].wrong == 0);
	}
	CHECK(control == 0);
}

int main(void)
{
	RUN(two_holders_never_disagree_with_the_register);
	return test_failed;
}
