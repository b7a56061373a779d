/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mode=generate: streams of frames to guests in mode=sink, at a rate, or as fast as their answers come.
 *
 *   to=MAC	    the first destination; its last byte counts up for the others
 *   peers=N	    destinations (1)
 *   rate=N	    frames a second to each; 0: as fast as the window lets it (0)
 *   rates=N,N,..   of the first, the second, ..: others as rate=
 *   window=N	    at most so many frames to a destination that it has not answered (0: it need not)
 *   size=N	    bytes of a frame (554)
 *   sizes=N,N,..   phases, with frames of each of these sizes
 *   how=TEXT	    .. each in phases: c: as the window lets it, o: at the rate, not answered
 *   phase_ms=N	    how long each phase is (200)
 *   flows=N	    of each stream (1)
 *   start_ms=N	    of the guest's time (500)
 *   stop_ms=N	    likewise (1500); with phases, when the last one is over
 *   on_us=N off_us=N  bursts: sends, and sends nothing, by turns; the rate is the one while it sends
 *
 * Frames of all streams are sent in the order in which they are due. With a window, what is not answered
 * within RETRY_MS is given up.
 *
 * Output  @{"net":"generate","to":n,..}, a line for each destination.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/net/modes.h"
#include "guests/net/traffic.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/ticks.h"

#define PEER_MAX         16u
#define RATES_TEXT_MAX   128u
#define RATE_MAX         10000000u
#define RETRY_MS         20u
#define DEFAULT_SIZE     554u
#define DEFAULT_START_MS 500u
#define DEFAULT_STOP_MS  1500u
#define NEVER            UINT64_MAX
#define FULL_PAUSE_US    20u
#define PHASE_MAX        16u
#define HOW_MAX          8u
#define DEFAULT_PHASE_MS 200u

struct stream {
	uint8_t to[FRAME_MAC_BYTES];
	struct traffic_schedule schedule; /* of frames from number `first` on */
	uint64_t first, rate;
	uint64_t sent, answered, due_tsc;
	uint64_t sent_tsc; /* the last one */
	uint64_t received, stalls, late_max_tsc;
};

static struct generate {
	struct port *port;
	struct stream streams[PEER_MAX];
	uint32_t count, flows;
	uint64_t window, start_tsc, retry_tsc, full;
	struct {
		uint32_t bytes;
		bool is_closed, is_open; /* waits for answers; has a rate */
	} phases[PHASE_MAX];
	uint32_t phase_count;
	uint64_t phase_tsc;
	/* Of this phase. */
	uint64_t limit, stop_tsc, sum; /* its window, 0: none; its end; of a payload */
	uint32_t bytes;
} generate;

static void answer(struct generate *g, const struct traffic_head *head)
{
	for (uint32_t i = 0; i < g->count; i++) {
		struct stream *s = &g->streams[i];

		if (head->kind != TRAFFIC_ACK || memcmp(s->to, head->from, FRAME_MAC_BYTES) != 0)
			continue;
		s->answered = head->sequence > s->answered ? head->sequence : s->answered;
		s->received = head->value;
	}
}

static void take_answers(struct generate *g)
{
	struct traffic_head head;
	const uint8_t *data;
	uint32_t bytes;

	while ((data = igbvf_receive(&g->port->vf, &bytes)) != NULL) {
		if (traffic_read(data, bytes, &head))
			answer(g, &head);
		igbvf_receive_done(&g->port->vf);
	}
}

/* When it may send next: UINT64_MAX: not before an answer. */
static uint64_t next_tsc(const struct generate *g, struct stream *s, uint64_t now)
{
	if (!g->limit || s->sent - s->answered < g->limit)
		return s->due_tsc;
	if (now - s->sent_tsc < g->retry_tsc)
		return NEVER;
	s->answered = s->sent;
	s->stalls++;
	return s->due_tsc;
}

static struct stream *choose(struct generate *g, uint64_t now, uint64_t *tsc)
{
	struct stream *first = NULL;

	*tsc = NEVER;
	for (uint32_t i = 0; i < g->count; i++) {
		const uint64_t t = next_tsc(g, &g->streams[i], now);

		if (t < *tsc) {
			*tsc = t;
			first = &g->streams[i];
		}
	}
	return first;
}

static bool send(struct generate *g, struct stream *s, uint64_t now)
{
	struct traffic_head head = { .kind = g->limit ? TRAFFIC_ASKING : TRAFFIC_DATA,
				     .flow = (uint16_t)(s->sent % g->flows),
				     .bytes = g->bytes,
				     .sequence = s->sent,
				     .time = now,
				     .value = g->sum };
	uint8_t *room = igbvf_send_buffer(&g->port->vf);

	if (!room)
		return false;
	memcpy(head.to, s->to, FRAME_MAC_BYTES);
	memcpy(head.from, g->port->vf.mac, FRAME_MAC_BYTES);
	traffic_write(&head, room);
	igbvf_send(&g->port->vf, g->bytes);
	if (now > s->due_tsc && now - s->due_tsc > s->late_max_tsc && s->schedule.rate)
		s->late_max_tsc = now - s->due_tsc;
	s->sent++;
	s->sent_tsc = now;
	/* Without a rate: after those of the others that waited, too. */
	s->due_tsc = s->schedule.rate ? traffic_due(&s->schedule, s->sent - s->first) : now + 1;
	return true;
}

static void run_phase(struct generate *g)
{
	const uint64_t pause = ticks_from_us(FULL_PAUSE_US, guest_info()->tsc_hz);
	uint64_t now, tsc;

	while ((now = cpu_rdtsc()) < g->stop_tsc) {
		struct stream *s;

		if (g->window)
			take_answers(g);
		s = choose(g, now, &tsc);
		if (s && tsc <= now) {
			if (send(g, s, now))
				continue;
			g->full++;
			tsc = now + pause;
		}
		if (tsc > now + g->retry_tsc)
			tsc = now + g->retry_tsc;
		if (tsc > g->stop_tsc)
			tsc = g->stop_tsc;
		port_wait(g->port, tsc);
	}
}

/* What is on its way still is long gone when its buffer's turn comes, or it does not matter. */
static void fill(struct generate *g, uint32_t bytes)
{
	if (bytes == g->bytes)
		return;
	g->bytes = bytes;
	for (uint32_t i = 0; i < IGBVF_RING; i++)
		traffic_fill(g->port->vf.memory->tx_buffer[i], bytes);
	g->sum = traffic_sum(g->port->vf.memory->tx_buffer[0], bytes);
}

static void start_phase(struct generate *g, uint32_t index)
{
	const uint64_t start_tsc = g->start_tsc + g->phase_tsc * index;

	g->stop_tsc = start_tsc + g->phase_tsc;
	fill(g, g->phases[index].bytes);
	g->limit = g->phases[index].is_closed ? g->window : 0;
	for (uint32_t i = 0; i < g->count; i++) {
		struct stream *s = &g->streams[i];
		const uint64_t rate = g->phases[index].is_open ? s->rate : 0;

		s->first = s->answered = s->sent;
		s->schedule.rate = rate;
		s->schedule.start_tsc =
			start_tsc + (rate ? s->schedule.hz / rate / g->count * i : 0);
		s->due_tsc = s->schedule.start_tsc;
	}
}

static void run(struct generate *g)
{
	for (uint32_t i = 0; i < g->phase_count; i++) {
		start_phase(g, i);
		run_phase(g);
	}
}

/* --- what it is told, and says ----------------------------------------------------------------- */

static bool complain(const char *what)
{
	printf("net: %s\n", what);
	return false;
}

static bool read_rates(struct generate *g, const char *args)
{
	char text[RATES_TEXT_MAX];
	const char *p = text;

	for (uint32_t i = 0; i < g->count; i++)
		g->streams[i].rate = args_number(args, "rate", 0);
	if (!args_find(args, "rates", text, sizeof(text)))
		return true;
	for (uint32_t i = 0; i < g->count; i++) {
		if (!args_digits(&p, RATE_MAX, &g->streams[i].rate))
			return false;
		if (!*p)
			return true;
		if (*p++ != ',')
			return false;
	}
	return false;
}

static bool add_phases(struct generate *g, uint64_t bytes, const char *how)
{
	for (; *how && g->phase_count < PHASE_MAX; how++) {
		g->phases[g->phase_count].bytes = (uint32_t)bytes;
		g->phases[g->phase_count].is_closed = *how != 'o' && g->window;
		g->phases[g->phase_count++].is_open = *how != 'c';
	}
	return !*how && bytes >= FRAME_BYTES_MIN && bytes <= FRAME_BYTES_MAX;
}

static bool read_phases(struct generate *g, const char *args)
{
	const uint64_t stop = args_number(args, "stop_ms", DEFAULT_STOP_MS);
	char text[RATES_TEXT_MAX], how[HOW_MAX];
	const char *p = text;
	uint64_t bytes;

	if (!args_find(args, "how", how, sizeof(how)))
		strcpy(how, "b"); /* both, if they are given */
	if (!args_find(args, "sizes", text, sizeof(text))) {
		g->phase_tsc = port_ticks_from_ms(stop) - g->start_tsc;
		return add_phases(g, args_number(args, "size", DEFAULT_SIZE), how);
	}
	g->phase_tsc = port_ticks_from_ms(args_number(args, "phase_ms", DEFAULT_PHASE_MS));
	while (args_digits(&p, FRAME_BYTES_MAX, &bytes) && add_phases(g, bytes, how)) {
		if (!*p)
			return true;
		if (*p++ != ',')
			break;
	}
	return false;
}

static void set_up_streams(struct generate *g, const char *args, const uint8_t *first)
{
	const uint64_t hz = guest_info()->tsc_hz;

	for (uint32_t i = 0; i < g->count; i++) {
		struct stream *s = &g->streams[i];

		memcpy(s->to, first, FRAME_MAC_BYTES);
		s->to[FRAME_MAC_BYTES - 1] = (uint8_t)(s->to[FRAME_MAC_BYTES - 1] + i);
		s->schedule.hz = hz;
		s->schedule.on_tsc = ticks_from_us(args_number(args, "on_us", 1), hz);
		s->schedule.off_tsc = ticks_from_us(args_number(args, "off_us", 0), hz);
	}
}

static bool set_up(struct generate *g, struct port *port, const char *args)
{
	const uint64_t count = args_number(args, "peers", 1), flows = args_number(args, "flows", 1);
	uint8_t first[FRAME_MAC_BYTES];
	char to[PORT_MAC_TEXT] = "";

	args_find(args, "to", to, sizeof(to));
	if (!frame_parse_mac(to, first))
		return complain("to= is no address");
	if (!count || count > PEER_MAX || !flows || flows > TRAFFIC_FLOW_MAX)
		return complain("impossible peers= or flows=");
	g->port = port;
	g->count = (uint32_t)count;
	g->flows = (uint32_t)flows;
	g->window = args_number(args, "window", 0);
	g->start_tsc = port_ticks_from_ms(args_number(args, "start_ms", DEFAULT_START_MS));
	g->retry_tsc = port_ticks_from_ms(RETRY_MS);
	set_up_streams(g, args, first);
	if (!read_rates(g, args) || !read_phases(g, args))
		return complain("size=, sizes=, how= or rates= makes no sense");
	fill(g, g->phases[0].bytes); /* before it begins: it takes its time */
	return true;
}

int mode_generate(struct port *port, const char *args)
{
	struct generate *g = &generate;

	if (!set_up(g, port, args))
		return EXIT_FAILURE;
	if (cpu_rdtsc() > g->start_tsc)
		printf("net: start_ms is over before it began\n");
	port_sleep(g->start_tsc);
	run(g);
	for (uint32_t i = 0; i < g->count; i++) {
		const struct stream *s = &g->streams[i];

		printf("@{\"net\":\"generate\",\"to\":%u,\"sent\":%lu,\"answered\":%lu,\"received\":%lu,"
		       "\"stalls\":%lu,\"size\":%u,\"late_max_us\":%lu,\"full\":%lu}\n",
		       (unsigned)i, s->sent, s->answered, s->received, s->stalls,
		       (unsigned)g->bytes,
		       ticks_to_tenth_us(s->late_max_tsc, guest_info()->tsc_hz) / 10, g->full);
	}
	return EXIT_SUCCESS;
}
