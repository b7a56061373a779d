/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/blk/hostile.h"
#include "guests/rt/apic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/smp.h"

#define SAY_MS       5000u
#define ANSWER_US    300u
#define BUFFER_BYTES 65536u
#define RESULT_COUNT 3u

enum result { ANSWERED, NEEDS_RESET, IGNORED };

struct tally {
	uint64_t sent, results[RESULT_COUNT];
};

static struct hostile hostile;
static struct tally nonsense, *ring_tallies, *register_tallies;
static uint64_t restarts, unanswered;
static struct request *batch[HOSTILE_BATCH];
static uint8_t *buffer;

uint64_t hostile_random(struct hostile *h)
{
	return modes_random(&h->random) >> 11;
}

uint64_t hostile_address(struct hostile *h)
{
	const uint64_t r = hostile_random(h);
	const uint64_t elsewhere[] = {
		h->ram_end,   h->ram_end - 1,           UINT64_C(0xa0000), UINT64_C(0xfee00000),
		UINT64_MAX,   UINT64_MAX - 0xfff,       UINT64_C(1) << 52, UINT64_C(1) << 32,
		h->d->notify, UINT64_C(0xe0000000) | r, r << 20 | 1,       UINT64_C(1) << 63,
	};

	if (r & 3)
		return (uintptr_t)h->scratch + (r >> 8) % (SCRATCH_BYTES / 2);
	return elsewhere[(r >> 8) % (sizeof(elsewhere) / sizeof(elsewhere[0]))] | h->ram_end;
}

uint32_t hostile_length(struct hostile *h)
{
	const uint64_t r = hostile_random(h);
	const uint32_t usual[] = { 16, 1, 512, 4096, 0, 20, 15, 17 };

	switch (r & 7) {
	case 0:
		return (uint32_t)(r >> 8) | 0x80000000u;
	case 1:
		return (uint32_t)(r >> 8) % (SCRATCH_BYTES / 2);
	default:
		return usual[(r >> 8) % (sizeof(usual) / sizeof(usual[0]))];
	}
}

void hostile_set(struct hostile *h, uint16_t i, struct ring_desc desc)
{
	volatile struct ring_desc *to = &h->d->queues[0].ring.desc[i];

	to->address = desc.address;
	to->bytes = desc.bytes;
	to->flags = desc.flags;
	to->next = desc.next;
}

uint16_t hostile_good_chain(struct hostile *h, uint16_t first)
{
	const uint64_t r = hostile_random(h);
	const bool writes = r & 1;
	uint8_t *const at = h->scratch + (first * 1024u) % (SCRATCH_BYTES / 4);
	const struct request model = { .head = { .type = writes ? REQUEST_WRITE : REQUEST_READ,
						 .sector = (r >> 8) % h->d->facts.sector_count } };

	memcpy(at, &model.head, sizeof(model.head));
	hostile_set(h, first,
		    (struct ring_desc){ (uintptr_t)at, sizeof(model.head), RING_DESC_NEXT,
					(uint16_t)(first + 1) });
	hostile_set(h, (uint16_t)(first + 1),
		    (struct ring_desc){ (uintptr_t)at + SECTOR_BYTES, SECTOR_BYTES,
					(uint16_t)(RING_DESC_NEXT | (writes ? 0 : RING_DESC_WRITE)),
					(uint16_t)(first + 2) });
	hostile_set(h, (uint16_t)(first + 2),
		    (struct ring_desc){ (uintptr_t)at + 64, 1, RING_DESC_WRITE, 0 });
	return 3;
}

void hostile_tell(struct hostile *h)
{
	*h->d->queues[0].notify = 0;
}

void hostile_offer(struct hostile *h, uint16_t head)
{
	struct ring *r = &h->d->queues[0].ring;

	r->avail[2u + r->added % r->size] = head;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r->avail[1] = ++r->added;
	hostile_tell(h);
}

/* --- a second CPU that changes what the device is reading --------------------------------- */

static volatile bool tamper_is_on;

static void tamper_main(void)
{
	struct hostile h = hostile;

	h.random = h.random * 3 | 1;
	for (;;) {
		cpu_irq_off();
		if (!tamper_is_on) {
			cpu_wait_irq();
			continue;
		}
		cpu_irq_on();
		hostile_set(&h, (uint16_t)(hostile_random(&h) % (HOSTILE_CHAINS * 3)),
			    (struct ring_desc){ hostile_address(&h), hostile_length(&h),
						(uint16_t)(hostile_random(&h) & 7),
						(uint16_t)(hostile_random(&h) % 64) });
	}
}

bool hostile_tamper_start(struct hostile *h)
{
	return smp_cpu_count() > 1 && smp_start(1, tamper_main);
}

/* It sleeps in between: the interrupt wakes it, and nobody handles it. */
void hostile_tamper(bool on)
{
	if (on == tamper_is_on)
		return;
	tamper_is_on = on;
	if (on && smp_cpu_count() > 1)
		apic_send(1, VECTOR_SELF);
}

/* --- requests that are nonsense in a ring that is in order ------------------------------- */

static void make_nonsense(struct hostile *h, struct request *r)
{
	static const uint32_t types[] = { REQUEST_READ,
					  REQUEST_WRITE,
					  REQUEST_FLUSH,
					  REQUEST_ID,
					  REQUEST_DISCARD,
					  REQUEST_WRITE_ZEROES,
					  2,
					  3,
					  99,
					  14,
					  UINT32_MAX };
	static const uint32_t lengths[] = { 0, 1, 511, 512, 513, 4096, 20, 16, 65536, 65535 };
	const uint64_t v = hostile_random(h), end = h->d->facts.sector_count;
	const uint64_t sectors[] = { end, end - 1, UINT64_MAX, UINT64_MAX - 127, end + 1, v };

	r->head.type = types[v % (sizeof(types) / sizeof(types[0]))];
	r->head.reserved = (uint32_t)v;
	r->head.sector = sectors[(v >> 8) % (sizeof(sectors) / sizeof(sectors[0]))];
	modes_set_data(r, buffer, lengths[(v >> 16) % (sizeof(lengths) / sizeof(lengths[0]))],
		       v & 0x1000000 ? BUFFER_BYTES : 4097);
	if (r->head.type == REQUEST_DISCARD || r->head.type == REQUEST_WRITE_ZEROES)
		for (uint32_t i = 0; i < 4; i++)
			((uint64_t *)buffer)[i] = i % 2 ? v << 16 : sectors[v >> 24 & 3];
}

static uint64_t answer_deadline(void)
{
	return cpu_rdtsc() + device_ticks_from_ms(1) * ANSWER_US / 1000;
}

static void send_nonsense(struct hostile *h)
{
	const uint64_t until = cpu_rdtsc() + device_ticks_from_ms(STUCK_MS);
	uint32_t sent = 0, back = 0;

	for (; sent < HOSTILE_BATCH; sent++) {
		make_nonsense(h, batch[sent]);
		if (!device_submit(h->d, batch[sent], 0))
			break;
	}
	device_kick(h->d, 0);
	nonsense.sent += sent;
	while (back < sent && !(device_status(h->d) & STATUS_NEEDS_RESET)) {
		struct request *r;

		if (!device_wait(h->d, cpu_rdtsc() + device_ticks_from_ms(1)) &&
		    cpu_rdtsc() > until)
			break;
		while ((r = device_next(h->d, 0)) != NULL)
			back++;
	}
	nonsense.results[ANSWERED] += back;
	if (back == sent)
		return;
	if (device_status(h->d) & STATUS_NEEDS_RESET)
		nonsense.results[NEEDS_RESET] += sent - back;
	else
		unanswered += sent - back;
	restarts++;
	if (!device_start(h->d))
		exit(EXIT_FAILURE);
}

/* --- blows ------------------------------------------------------------------------------- */

static enum result look(const struct hostile *h)
{
	const uint64_t until = answer_deadline();
	enum result result = IGNORED;

	do {
		if (device_status(h->d) & STATUS_NEEDS_RESET)
			return NEEDS_RESET;
		if (h->d->queues[0].ring.used[1] != 0)
			result = ANSWERED;
		cpu_pause();
	} while (result == IGNORED && cpu_rdtsc() < until);
	return result;
}

static void strike(struct hostile *h)
{
	uint32_t i = (uint32_t)(hostile_random(h) % (ring_blow_count + register_blow_count));
	const bool on_ring = i < ring_blow_count;
	struct tally *t;
	uint32_t sent;

	i -= on_ring ? 0 : ring_blow_count;
	t = on_ring ? &ring_tallies[i] : &register_tallies[i];
	sent = (on_ring ? &ring_blows[i] : &register_blows[i])->strike(h);
	t->sent += sent;
	t->results[look(h)] += sent;
	hostile_tamper(false);
	restarts++;
	if (!device_start(h->d))
		exit(EXIT_FAILURE);
}

static void say_tally(const char *name, const struct tally *t)
{
	printf("@{\"blk\":\"blow\",\"kind\":\"%s\",\"sent\":%lu,\"answered\":%lu,"
	       "\"needs_reset\":%lu,\"ignored\":%lu}\n",
	       name, t->sent, t->results[ANSWERED], t->results[NEEDS_RESET], t->results[IGNORED]);
}

static uint64_t sent_in_all(void)
{
	uint64_t sum = nonsense.sent;

	for (uint32_t i = 0; i < ring_blow_count; i++)
		sum += ring_tallies[i].sent;
	for (uint32_t i = 0; i < register_blow_count; i++)
		sum += register_tallies[i].sent;
	return sum;
}

static void say_all(const struct hostile *h)
{
	say_tally("nonsense", &nonsense);
	for (uint32_t i = 0; i < ring_blow_count; i++)
		say_tally(ring_blows[i].name, &ring_tallies[i]);
	for (uint32_t i = 0; i < register_blow_count; i++)
		say_tally(register_blows[i].name, &register_tallies[i]);
	printf("@{\"blk\":\"hostile\",\"sent\":%lu,\"restarts\":%lu,\"unanswered\":%lu,"
	       "\"config_interrupts\":%lu}\n",
	       sent_in_all(), restarts, unanswered, h->d->config_interrupts);
}

static bool set_up(struct hostile *h, struct device *d, const char *args)
{
	*h = (struct hostile){ .d = d,
			       .scratch = memalign(4096, SCRATCH_BYTES),
			       .random = args_number(args, "seed", 1) * 0x9e3779b97f4a7c15u | 1,
			       .ram_end = guest_info()->ram_bytes };
	buffer = memalign(4096, BUFFER_BYTES);
	ring_tallies = calloc(ring_blow_count, sizeof(*ring_tallies));
	register_tallies = calloc(register_blow_count, sizeof(*register_tallies));
	for (uint32_t i = 0; i < HOSTILE_BATCH; i++)
		if (!(batch[i] = modes_new_request()))
			return false;
	return h->scratch && buffer && ring_tallies && register_tallies;
}

/* After all that, it serves an honest request. */
static bool still_works(struct hostile *h)
{
	batch[0]->head.type = REQUEST_READ;
	batch[0]->head.sector = 0;
	modes_set_data(batch[0], buffer, SECTOR_BYTES, SECTOR_BYTES);
	return device_start(h->d) && device_do(h->d, batch[0]) == REQUEST_OK;
}

int mode_hostile(struct device *d, const char *args)
{
	struct hostile *h = &hostile;
	const uint64_t count = args_number(args, "count", 1000000);
	const uint64_t break_one_in = args_number(args, "break", 16);
	uint64_t say_tsc = device_ticks_from_ms(SAY_MS), sent = 0;
	bool works;

	if (!set_up(h, d, args))
		return EXIT_FAILURE;
	printf("@{\"blk\":\"hostile\",\"tampers\":%s}\n",
	       hostile_tamper_start(h) ? "true" : "false");
	for (uint64_t broken = 0; sent < count; sent = sent_in_all()) {
		for (; broken * break_one_in <= sent; broken++)
			strike(h);
		send_nonsense(h);
		if (cpu_rdtsc() < say_tsc)
			continue;
		say_tsc = cpu_rdtsc() + device_ticks_from_ms(SAY_MS);
		printf("@{\"blk\":\"hostile\",\"so_far\":%lu}\n", sent);
	}
	works = still_works(h);
	say_all(h);
	printf("@{\"blk\":\"hostile\",\"works\":%s}\n", works ? "true" : "false");
	return works && !unanswered ? EXIT_SUCCESS : EXIT_FAILURE;
}
