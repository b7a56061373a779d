/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/pi.h between real threads: posters, a gate, and the vCPU's core, which enters, sleeps and
 * takes. A notification is a token at the semaphore of its vector: one that gets lost stops
 * everything, and the alarm ends the test. tests/model/test_pi runs it under ThreadSanitizer.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>
#include "io/pi.h"
#include "tests/test.h"

#define POSTERS       4u
#define ROUNDS        20000u
#define VECTOR_POSTED 0xf0u
#define VECTOR_WAKE   0xe3u
#define SECONDS       240u

static const uint8_t vectors[POSTERS] = { 0x31, 0x3f, 0xc0, 0xff };

static struct pi_descriptor descriptor;
static sem_t posted, wake;        /* notifications that have arrived */
static uint64_t payload[POSTERS]; /* plain memory: handed over by the descriptor */
static uint64_t announced[POSTERS], taken[POSTERS];
static uint32_t finished;
static bool is_over;

static void notify(struct pi_notice n)
{
	if (!n.is_due)
		return;
	sem_post(n.vector == VECTOR_POSTED ? &posted : &wake);
}

static void post(unsigned i)
{
	if (i % 2) {
		notify(pi_post_gated(&descriptor, vectors[i]));
		return;
	}
	if (pi_post(&descriptor, vectors[i]))
		notify(pi_notice_of(__atomic_load_n(&descriptor.control, __ATOMIC_SEQ_CST)));
}

/* Some wait until each has been taken; the others post several that may merge into one. */
static void *poster(void *argument)
{
	const unsigned i = (unsigned)(uintptr_t)argument;
	const unsigned burst = i < POSTERS / 2 ? 1 : 5;

	for (uint64_t n = 1; n <= ROUNDS; n++) {
		if (burst == 1)
			payload[i] = n;
		__atomic_store_n(&announced[i], n, __ATOMIC_RELAXED);
		post(i);
		while (n % burst == 0 && __atomic_load_n(&taken[i], __ATOMIC_ACQUIRE) != n)
			sched_yield();
	}
	__atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
	sem_post(&posted);
	sem_post(&wake);
	return NULL;
}

static void *gate(void *argument)
{
	while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
		pi_suppress(&descriptor);
		sched_yield();
		notify(pi_release(&descriptor));
		sched_yield();
	}
	return argument;
}

static void take(void)
{
	uint64_t got[4];

	if (!pi_take(&descriptor, got))
		return;
	for (unsigned i = 0; i < POSTERS; i++) {
		const uint64_t bit = BIT64(vectors[i] % 64);
		const uint64_t n = __atomic_load_n(&announced[i], __ATOMIC_RELAXED);

		if (!(got[vectors[i] / 64] & bit))
			continue;
		got[vectors[i] / 64] &= ~bit;
		if (i < POSTERS / 2)
			CHECK(payload[i] == taken[i] + 1 && n == payload[i]);
		__atomic_store_n(&taken[i], n, __ATOMIC_RELEASE);
	}
	CHECK(!(got[0] | got[1] | got[2] | got[3]));
}

/* One turn of the core: in the guest until notified, or asleep until woken. */
static void turn(bool sleeps)
{
	const bool is_pending =
		pi_aim(&descriptor, sleeps ? VECTOR_WAKE : VECTOR_POSTED, sleeps ? 1 : 2);

	if (!is_pending)
		sem_wait(sleeps ? &wake : &posted);
	take();
}

static void posters_lose_nothing_to_one_who_takes(void)
{
	pthread_t threads[POSTERS], gate_thread;

	pi_init(&descriptor, VECTOR_WAKE, 1);
	sem_init(&posted, 0, 0);
	sem_init(&wake, 0, 0);
	for (unsigned i = 0; i < POSTERS; i++)
		CHECK(pthread_create(&threads[i], NULL, poster, (void *)(uintptr_t)i) == 0);
	CHECK(pthread_create(&gate_thread, NULL, gate, NULL) == 0);
	for (unsigned i = 0; __atomic_load_n(&finished, __ATOMIC_SEQ_CST) != POSTERS; i++)
		turn(i * 2654435761u >> 31);
	__atomic_store_n(&is_over, true, __ATOMIC_SEQ_CST);
	pthread_join(gate_thread, NULL);
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < POSTERS; i++)
		CHECK(taken[i] == ROUNDS);
}

int main(void)
{
	alarm(SECONDS);
	RUN(posters_lose_nothing_to_one_who_takes);
	return test_failed;
}
