/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver and a device in threads of their own. Both sleep whenever they find nothing, and are woken
 * by interrupts and kicks, which are tokens: one that is not sent though it had to be
 * stops both for ever, and the alarm ends the test. What is written before a chain is handed over is
 * there when the other side looks.
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include "io/virtqueue.h"
#include "tests/property/virtqueue_driver.h"
#include "tests/test.h"

#define RAM_BYTES  KIB(64)
#define DATA       0x8000u /* 16 bytes for each head or ID */
#define DESC_GPA   0x1000u
#define DRIVER_GPA 0x3000u
#define DEVICE_GPA 0x4000u
#define SIZE       8u
#define CHAINS     400000u
#define SECONDS    240u

static uint8_t ram[RAM_BYTES] __attribute__((aligned(4096)));
static const struct gmem memory = { 1, { { 0, RAM_BYTES, ram } } };
static struct virtqueue q;
static struct driver v;
static uint32_t kick, interrupt; /* tokens that were sent and not taken */
static uint64_t kicks, interrupts, wrong;

static void send(uint32_t *tokens)
{
	__atomic_fetch_add(tokens, 1, __ATOMIC_SEQ_CST);
}

/* Awake at once: what happens at the same moment is what the test is about. */
static void wait_for(uint32_t *tokens)
{
	for (uint32_t n = 0; __atomic_exchange_n(tokens, 0, __ATOMIC_SEQ_CST) == 0; n++)
		if (n > 200)
			sched_yield();
}

/* One piece to read, with its number; one to write, where its double is expected. */
static void add(uint64_t number)
{
	static uint32_t turn; /* places of data are reused long after their chain is back */
	const uint32_t at = DATA + 32 * (turn++ % (4 * SIZE));
	const struct piece pieces[2] = { { at, 8, false, false }, { at + 8, 8, true, false } };

	memcpy(ram + at, &number, 8);
	memset(ram + at + 8, 0, 8);
	driver_add(&v, pieces, 2);
}

static void *driver(void *argument)
{
	uint64_t sent = 0, done = 0;
	uint32_t bytes;

	while (done < CHAINS) {
		uint32_t batch = 1 + (uint32_t)(sent * 7 / 3 % 3);

		for (; batch > 0 && sent < CHAINS && v.free_count >= 2; batch--)
			add(++sent);
		driver_show(&v);
		if (driver_needs_kick(&v)) {
			kicks++;
			send(&kick);
		}
		driver_disable_interrupts(&v);
		while (driver_has_used(&v)) {
			wrong += driver_take(&v, &bytes) == UINT32_MAX || bytes != 8;
			done++;
		}
		if (done == CHAINS || (v.free_count >= 2 && sent < CHAINS))
			continue;
		driver_enable_interrupts(&v, 0);
		if (!driver_has_used(&v))
			wait_for(&interrupt);
	}
	return NULL;
}

static void *device(void *argument)
{
	struct virtqueue_chain c;
	uint64_t seen = 0, answer;

	while (seen < CHAINS) {
		const enum err e = virtqueue_pop(&q, &c);

		if (e == OK) {
			answer = 2 * ++seen;
			wrong += c.segment_count != 2 || memcmp(c.segments[0].at, &seen, 8) != 0;
			memcpy(c.segments[1].at, &answer, 8);
			virtqueue_push(&q, c.id, c.desc_count, 8);
			if (seen % 3 != 0)
				continue;
		}
		if (virtqueue_publish(&q)) {
			interrupts++;
			send(&interrupt);
		}
		if (e == OK)
			continue;
		wrong += e != ERR_BUSY;
		if (seen % 5 == 0) { /* as who polls for a while, and then stops */
			virtqueue_refuse_kicks(&q);
			if (virtqueue_want_kicks(&q))
				continue;
		}
		wait_for(&kick);
	}
	if (virtqueue_publish(&q))
		send(&interrupt);
	return NULL;
}

static void nobody_sleeps_for_ever(void)
{
	for (uint32_t shape = 0; shape < 4; shape++) {
		const struct virtqueue_config config = { .size = SIZE,
							 .is_packed = shape & 1,
							 .has_event_idx = shape & 2,
							 .desc = DESC_GPA,
							 .driver = DRIVER_GPA,
							 .device = DEVICE_GPA };
		pthread_t threads[2];

		memset(ram, 0, sizeof(ram));
		v = (struct driver){ .is_packed = shape & 1,
				     .has_event_idx = shape & 2,
				     .size = SIZE,
				     .ram = ram,
				     .desc_gpa = DESC_GPA,
				     .driver_gpa = DRIVER_GPA,
				     .device_gpa = DEVICE_GPA };
		driver_init(&v);
		kick = interrupt = 0;
		CHECK(virtqueue_enable(&q, &memory, &config) == OK);
		kicks = interrupts = 0;
		pthread_create(&threads[0], NULL, driver, NULL);
		pthread_create(&threads[1], NULL, device, NULL);
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
		CHECK(wrong == 0 && kicks > 100 && interrupts > 100);
		printf("%u chains, %llu kicks, %llu interrupts\n", CHAINS,
		       (unsigned long long)kicks, (unsigned long long)interrupts);
	}
}

int main(void)
{
	alarm(SECONDS);
	RUN(nobody_sleeps_for_ever);
	return test_failed;
}
