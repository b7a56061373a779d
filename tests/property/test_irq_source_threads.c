/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch/x86/irq_source.h between real threads: a guest and a gate, who mask the same entry and unmask it, as
 * often as they can. While somebody holds it, it is masked; when nobody does, it is not.
 */
#include <pthread.h>
#include <sched.h>
#include "arch/x86/irq_source.h"
#include "tests/test.h"

#define ROUNDS 200000u

static volatile uint32_t control;
static const uint64_t no_bits;
static struct irq_source source = { .control = &control, .waiting = &no_bits };
static pthread_barrier_t barrier;

static void *hold_and_let_go(void *argument)
{
	const enum irq_holder me = *(const enum irq_holder *)argument;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		irq_source_hold(&source, me);
		CHECK(control == IRQ_SOURCE_MASKED);
		if (i % 7 == 0)
			sched_yield();
		CHECK(control == IRQ_SOURCE_MASKED);
		irq_source_let_go(&source, me);
		/* Now and then both are done: what is there then must be right. */
		if (i % 64 != 0)
			continue;
		pthread_barrier_wait(&barrier);
		CHECK(control == 0 && source.holders == 0);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

static void two_holders_never_disagree_with_the_register(void)
{
	static const enum irq_holder holders[] = { IRQ_GUEST, IRQ_GATE };
	pthread_t threads[ARRAY_SIZE(holders)];

	pthread_barrier_init(&barrier, NULL, ARRAY_SIZE(holders));
	for (uint32_t i = 0; i < ARRAY_SIZE(holders); i++)
		CHECK(pthread_create(&threads[i], NULL, hold_and_let_go,
				     (void *)(uintptr_t)&holders[i]) == 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(holders); i++)
		pthread_join(threads[i], NULL);
	CHECK(control == 0);
}

int main(void)
{
	RUN(two_holders_never_disagree_with_the_register);
	return test_failed;
}
