/* SPDX-License-Identifier: Apache-2.0 */
/* guests/net/send.c - pings and a stream of data to a guest in mode=echo. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/net/modes.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/stats.h"
#include "guests/rt/ticks.h"

#define WAIT_MS        30000u
#define HELLO_MS       100u
#define PING_MS        1000u
#define WINDOW_MS      200u
#define BYE_TRIES      20u
#define DEFAULT_COUNT  100u
#define COUNT_MAX      100000u
#define DEFAULT_STREAM 1000u
#define DEFAULT_SIZE   512u
#define DEFAULT_WINDOW 32u

struct run {
	struct port *port;
	uint8_t peer[FRAME_MAC_BYTES];
	uint64_t count, stream, window, gap_tsc, wait_ms;
	uint32_t bytes;
	uint64_t pongs;
	uint64_t *round_trips;
	uint64_t sent, stalls, stream_tsc;
	uint64_t counts[FRAME_COUNTS]; /* as the peer said last: received, lost, late */
};

static bool say(const struct run *r, enum frame_kind kind, uint64_t sequence, uint32_t bytes)
{
	struct frame out = {
		.kind = (uint8_t)kind, .bytes = bytes, .sequence = sequence, .time = cpu_rdtsc()
	};

	memcpy(out.to, r->peer, FRAME_MAC_BYTES);
	return port_send(r->port, &out);
}

/* The next frame of that kind; `sequence` UINT64_MAX: any. Others are passed over. */
static bool hear(struct run *r, enum frame_kind kind, uint64_t sequence, uint64_t until_tsc,
		 struct frame *got)
{
	while (port_receive(r->port, got, until_tsc))
		if (got->kind == kind && (sequence == UINT64_MAX || got->sequence == sequence))
			return true;
	return false;
}

static bool find_peer(struct run *r)
{
	const uint64_t until_tsc = cpu_rdtsc() + port_ticks_from_ms(r->wait_ms);
	struct frame got;

	do {
		if (!say(r, FRAME_PING, 0, FRAME_BYTES_MIN))
			break;
		if (hear(r, FRAME_PONG, 0, cpu_rdtsc() + port_ticks_from_ms(HELLO_MS), &got)) {
			memcpy(r->peer, got.from, FRAME_MAC_BYTES);
			return true;
		}
	} while (cpu_rdtsc() < until_tsc);
	printf("net: nobody answers\n");
	return false;
}

static uint64_t us_from_ticks(uint64_t ticks)
{
	return ticks * 1000000 / guest_info()->tsc_hz;
}

static void ping(struct run *r)
{
	struct frame got;
	uint64_t sent = 0;

	while (sent < r->count && say(r, FRAME_PING, sent + 1, r->bytes)) {
		sent++;
		if (hear(r, FRAME_PONG, sent, cpu_rdtsc() + port_ticks_from_ms(PING_MS), &got))
			r->round_trips[r->pongs++] = cpu_rdtsc() - got.time;
		if (r->gap_tsc)
			port_sleep(cpu_rdtsc() + r->gap_tsc);
	}
	stats_sort(r->round_trips, r->pongs);
	printf("@{\"net\":\"ping\",\"sent\":%lu,\"received\":%lu,\"lost\":%lu,\"corrupt\":%lu,"
	       "\"size\":%u,\"rtt_p50\":%lu,\"rtt_p99\":%lu,\"rtt_max\":%lu}\n",
	       sent, r->pongs, sent - r->pongs, r->port->corrupt, (unsigned)r->bytes,
	       stats_percentile(r->round_trips, r->pongs, 50),
	       stats_percentile(r->round_trips, r->pongs, 99),
	       stats_percentile(r->round_trips, r->pongs, 100));
	printf("net: %lu of %lu pings answered, median %lu us, at most %lu us\n", r->pongs, sent,
	       us_from_ticks(stats_percentile(r->round_trips, r->pongs, 50)),
	       us_from_ticks(stats_percentile(r->round_trips, r->pongs, 100)));
}

static bool is_window_full(const struct run *r, uint64_t given_up)
{
	const uint64_t seen = r->counts[0] + r->counts[1];

	return r->window && r->sent - (seen > given_up ? seen : given_up) >= r->window;
}

/* Takes what the peer has said meanwhile; waits for it while too much is under way. */
static void keep_to_window(struct run *r, uint64_t *given_up)
{
	struct frame got;

	while (hear(r, FRAME_ACK, UINT64_MAX, 0, &got))
		memcpy(r->counts, got.counts, sizeof(r->counts));
	while (is_window_full(r, *given_up))
		if (hear(r, FRAME_ACK, UINT64_MAX, cpu_rdtsc() + port_ticks_from_ms(WINDOW_MS),
			 &got)) {
			memcpy(r->counts, got.counts, sizeof(r->counts));
		} else {
			r->stalls++;
			*given_up = r->sent;
		}
}

static void stream(struct run *r)
{
	const uint64_t start_tsc = cpu_rdtsc();
	uint64_t due_tsc = start_tsc, given_up = 0;

	while (r->sent < r->stream && say(r, FRAME_DATA, r->sent, r->bytes)) {
		r->sent++;
		keep_to_window(r, &given_up);
		due_tsc += r->gap_tsc;
		if (r->gap_tsc)
			port_sleep(due_tsc);
	}
	r->stream_tsc = cpu_rdtsc() - start_tsc;
}

/* What is missing at the end left no gap: the peer does not know of it. */
static bool say_good_bye(struct run *r)
{
	struct frame got;

	for (uint32_t i = 0; i < BYE_TRIES; i++)
		if (say(r, FRAME_BYE, UINT64_MAX - 1 - i, FRAME_BYTES_MIN) &&
		    hear(r, FRAME_ACK, UINT64_MAX - 1 - i,
			 cpu_rdtsc() + port_ticks_from_ms(HELLO_MS), &got)) {
			memcpy(r->counts, got.counts, sizeof(r->counts));
			return true;
		}
	printf("net: no answer to the good-bye\n");
	return false;
}

static bool read_arguments(struct run *r, const char *args)
{
	char peer[PORT_MAC_TEXT] = "ff:ff:ff:ff:ff:ff";
	const uint64_t bytes = args_number(args, "size", DEFAULT_SIZE);
	char given[PORT_MAC_TEXT];

	if (args_find(args, "peer", given, sizeof(given)))
		memcpy(peer, given, sizeof(peer));
	r->count = args_number(args, "count", DEFAULT_COUNT);
	r->stream = args_number(args, "stream", DEFAULT_STREAM);
	r->window = args_number(args, "window", DEFAULT_WINDOW);
	r->wait_ms = args_number(args, "wait_ms", WAIT_MS);
	r->gap_tsc = ticks_from_us(args_number(args, "gap_us", 0), guest_info()->tsc_hz);
	r->bytes = (uint32_t)bytes;
	if (frame_parse_mac(peer, r->peer) && bytes >= FRAME_BYTES_MIN &&
	    bytes <= FRAME_BYTES_MAX && r->count <= COUNT_MAX)
		return true;
	printf("net: peer= is no address, size= not from %u to %u, or count= above %u\n",
	       FRAME_BYTES_MIN, FRAME_BYTES_MAX, COUNT_MAX);
	return false;
}

int mode_send(struct port *port, const char *args)
{
	struct run r = { .port = port };
	uint64_t lost;

	if (!read_arguments(&r, args))
		return EXIT_FAILURE;
	r.round_trips = malloc((r.count + 1) * sizeof(*r.round_trips));
	if (!r.round_trips || !find_peer(&r))
		return EXIT_FAILURE;
	ping(&r);
	stream(&r);
	if (!say_good_bye(&r))
		return EXIT_FAILURE;
	lost = r.sent - r.counts[0];
	printf("@{\"net\":\"stream\",\"sent\":%lu,\"received\":%lu,\"lost\":%lu,\"late\":%lu,"
	       "\"corrupt\":%lu,\"size\":%u,\"stalls\":%lu,\"ticks\":%lu,\"interrupts\":%lu,"
	       "\"resets\":%lu}\n",
	       r.sent, r.counts[0], lost, r.counts[2], port->corrupt, (unsigned)r.bytes, r.stalls,
	       r.stream_tsc, port->interrupts, port->resets);
	printf("net: %lu of %lu frames of %u bytes arrived, in %lu us\n", r.counts[0], r.sent,
	       (unsigned)r.bytes, us_from_ticks(r.stream_tsc));
	return lost != 0 || port->corrupt != 0 || r.pongs != r.count;
}
