/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mode=request: sends requests to a guest in mode=serve, and measures how long until all of the answer is there.
 *
 *   to=MAC	    who answers
 *   count=N	    requests (500)
 *   every_us=N	    request k is due at start_ms + k * every_us, answered or not (20000); 0: see under_way=
 *   under_way=N    at most so many at a time (8); with every_us=0 always so many
 *   frames=N	    of an answer (68: 100,000 bytes in UDP packets of 1,472)
 *   size=N	    bytes of each (1514)
 *   start_ms=N	    in the guest's time (500)
 *   to_ms=N	    the end, at the latest (20000)
 *   timeout_ms=N   what is not answered then is lost (1000)
 *   open=1	    sends each when it is due, however many are not answered; nothing is timed then
 *   from_ms=N slice_ms=N  answers that were complete in each so long, from then on
 *   cdf=1	    prints all times, too
 *
 * A completion time is from when the request was due to the last frame of the answer; with every_us=0, from
 * when it was sent.
 *
 * Output  @{"net":"done",..}: of slices. @{"net":"request",..}, @{"net":"completion",..} and, of each time, @{"net":"times",..} in order of
 *	   completion: tenths of us.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/net/modes.h"
#include "guests/net/traffic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/stats.h"
#include "guests/rt/ticks.h"

#define UNDER_WAY_MAX     64u
#define COUNT_MAX         100000u
#define TIMES_A_LINE      16u
#define DEFAULT_COUNT     500u
#define DEFAULT_EVERY_US  20000u
#define DEFAULT_UNDER_WAY 8u
#define DEFAULT_FRAMES    68u
#define DEFAULT_START_MS  500u
#define DEFAULT_TO_MS     20000u
#define TIMEOUT_MS        1000u
#define SLICES_A_LINE     24u

struct asked {
	bool is_under_way;
	uint64_t sequence, due_tsc, sent_tsc;
	uint32_t got;
};

static struct requests {
	struct port *port;
	uint8_t to[FRAME_MAC_BYTES];
	struct asked asked[UNDER_WAY_MAX];
	uint64_t count, sent, done, lost, stray;
	uint64_t every_us, start_tsc, to_tsc, timeout_tsc, first_done_tsc, last_done_tsc;
	uint32_t under_way, limit, frames, bytes;
	uint64_t *times, *done_tsc;
	bool is_open;
} requests;

static uint64_t due_tsc(const struct requests *r)
{
	return r->start_tsc + ticks_from_us(r->sent * r->every_us, guest_info()->tsc_hz);
}

static void note_done(struct requests *r, uint64_t time, uint64_t now)
{
	r->done_tsc[r->done] = now;
	r->times[r->done++] = time;
	r->first_done_tsc = r->first_done_tsc ? r->first_done_tsc : now;
	r->last_done_tsc = now;
}

static void note_answer(struct requests *r, const struct traffic_head *head, uint64_t now)
{
	struct asked *a = &r->asked[head->sequence % r->limit];

	if (r->is_open && head->kind == TRAFFIC_ANSWER) {
		if (head->value == 0 && r->done < r->count)
			note_done(r, now - head->time, now);
		return;
	}
	if (head->kind != TRAFFIC_ANSWER || !a->is_under_way || a->sequence != head->sequence) {
		r->stray++;
		return;
	}
	if (++a->got < r->frames)
		return;
	a->is_under_way = false;
	r->under_way--;
	note_done(r, now - (r->every_us ? a->due_tsc : a->sent_tsc), now);
}

static void take_answers(struct requests *r)
{
	struct traffic_head head;
	const uint8_t *data;
	uint32_t bytes;

	while ((data = igbvf_receive(&r->port->vf, &bytes)) != NULL) {
		if (traffic_read(data, bytes, &head))
			note_answer(r, &head, cpu_rdtsc());
		igbvf_receive_done(&r->port->vf);
	}
}

static void give_up(struct requests *r, uint64_t now)
{
	for (uint32_t i = 0; i < r->limit; i++)
		if (r->asked[i].is_under_way && now - r->asked[i].sent_tsc > r->timeout_tsc) {
			r->asked[i].is_under_way = false;
			r->under_way--;
			r->lost++;
		}
}

static bool send(struct requests *r, uint64_t now)
{
	struct traffic_head head = { .kind = TRAFFIC_REQUEST,
				     .bytes = FRAME_BYTES_MIN,
				     .sequence = r->sent,
				     .time = now,
				     .value = (uint64_t)r->bytes << 32 | r->frames };
	uint8_t *room = igbvf_send_buffer(&r->port->vf);

	if (!room)
		return false;
	memcpy(head.to, r->to, FRAME_MAC_BYTES);
	memcpy(head.from, r->port->vf.mac, FRAME_MAC_BYTES);
	traffic_write(&head, room);
	igbvf_send(&r->port->vf, head.bytes);
	r->asked[r->sent % r->limit] = (struct asked){
		.is_under_way = true, .sequence = r->sent, .due_tsc = due_tsc(r), .sent_tsc = now
	};
	r->under_way++;
	r->sent++;
	return true;
}

static void run(struct requests *r)
{
	uint64_t now;

	while ((now = cpu_rdtsc()) < r->to_tsc &&
	       (r->sent < r->count || r->under_way || r->is_open)) {
		uint64_t until_tsc = now + r->timeout_tsc;
		bool may_send;

		take_answers(r);
		give_up(r, now);
		may_send = r->sent < r->count &&
			   (r->is_open || !r->asked[r->sent % r->limit].is_under_way);
		if (may_send && due_tsc(r) <= now) {
			if (send(r, now))
				continue;
		} else if (may_send && due_tsc(r) < until_tsc) {
			until_tsc = due_tsc(r);
		}
		port_wait(r->port, until_tsc < r->to_tsc ? until_tsc : r->to_tsc);
	}
}

/* --- what it is told, and says ------------------------------------------------------------------- */

static bool set_up(struct requests *r, struct port *port, const char *args)
{
	char to[PORT_MAC_TEXT] = "";

	args_find(args, "to", to, sizeof(to));
	r->port = port;
	r->count = args_number(args, "count", DEFAULT_COUNT);
	r->every_us = args_number(args, "every_us", DEFAULT_EVERY_US);
	r->limit = (uint32_t)args_number(args, "under_way", DEFAULT_UNDER_WAY);
	r->frames = (uint32_t)args_number(args, "frames", DEFAULT_FRAMES);
	r->bytes = (uint32_t)args_number(args, "size", FRAME_BYTES_MAX);
	r->start_tsc = port_ticks_from_ms(args_number(args, "start_ms", DEFAULT_START_MS));
	r->to_tsc = port_ticks_from_ms(args_number(args, "to_ms", DEFAULT_TO_MS));
	r->timeout_tsc = port_ticks_from_ms(args_number(args, "timeout_ms", TIMEOUT_MS));
	if (!frame_parse_mac(to, r->to) || !r->limit || r->limit > UNDER_WAY_MAX || !r->frames ||
	    r->count > COUNT_MAX || r->bytes < FRAME_BYTES_MIN || r->bytes > FRAME_BYTES_MAX) {
		printf("net: impossible to=, under_way=, frames=, count= or size=\n");
		return false;
	}
	r->is_open = args_is(args, "open", "1");
	r->times = malloc((r->count + 1) * sizeof(r->times[0]));
	r->done_tsc = malloc((r->count + 1) * sizeof(r->times[0]));
	if (!r->times || !r->done_tsc)
		printf("net: not enough memory for %lu times\n", r->count);
	return r->times && r->done_tsc;
}

static uint64_t tenths(uint64_t ticks)
{
	return ticks_to_tenth_us(ticks, guest_info()->tsc_hz);
}

static void say_times(const struct requests *r)
{
	for (uint64_t i = 0; i < r->done; i++) {
		if (i % TIMES_A_LINE == 0)
			printf("@{\"net\":\"times\",\"first\":%lu,\"tenth_us\":[", i);
		printf("%lu", tenths(r->times[i]));
		printf("%s",
		       i + 1 == r->done || i % TIMES_A_LINE == TIMES_A_LINE - 1 ? "]}\n" : ",");
	}
}

/* In order of completion: so each slice's are one after the other. */
static void say_slices(const struct requests *r, uint64_t from_tsc, uint64_t slice_tsc)
{
	uint64_t at = 0, i = 0;

	while (at < r->done && r->done_tsc[at] < from_tsc)
		at++;
	for (uint64_t end_tsc = from_tsc + slice_tsc; slice_tsc && end_tsc <= r->to_tsc;
	     end_tsc += slice_tsc, i++) {
		uint32_t count = 0;

		for (; at < r->done && r->done_tsc[at] < end_tsc; at++)
			count++;
		if (i % SLICES_A_LINE == 0)
			printf("@{\"net\":\"done\",\"first\":%lu,\"count\":[", i);
		printf("%u", (unsigned)count);
		printf("%s",
		       end_tsc + slice_tsc > r->to_tsc || i % SLICES_A_LINE == SLICES_A_LINE - 1
			       ? "]}\n"
			       : ",");
	}
}

static void say(struct requests *r, bool with_times)
{
	if (with_times)
		say_times(r);
	stats_sort(r->times, r->done);
	printf("@{\"net\":\"request\",\"sent\":%lu,\"done\":%lu,\"lost\":%lu,\"stray\":%lu,"
	       "\"frames\":%u,\"size\":%u,\"between_us\":%lu,\"interrupts\":%lu}\n",
	       r->sent, r->done, r->sent - r->done, r->stray, (unsigned)r->frames,
	       (unsigned)r->bytes, tenths(r->last_done_tsc - r->first_done_tsc) / 10,
	       r->port->interrupts);
	printf("@{\"net\":\"completion\",\"p50\":%lu,\"p90\":%lu,\"p99\":%lu,\"max\":%lu,"
	       "\"unit\":\"tenth_us\"}\n",
	       tenths(stats_percentile(r->times, r->done, 50)),
	       tenths(stats_percentile(r->times, r->done, 90)),
	       tenths(stats_percentile(r->times, r->done, 99)),
	       tenths(stats_percentile(r->times, r->done, 100)));
}

int mode_request(struct port *port, const char *args)
{
	struct requests *r = &requests;

	if (!set_up(r, port, args))
		return EXIT_FAILURE;
	if (cpu_rdtsc() > r->start_tsc)
		printf("net: start_ms is over before it began\n");
	port_sleep(r->start_tsc);
	run(r);
	say_slices(r, port_ticks_from_ms(args_number(args, "from_ms", 0)),
		   port_ticks_from_ms(args_number(args, "slice_ms", 0)));
	say(r, args_is(args, "cdf", "1"));
	return EXIT_SUCCESS;
}
