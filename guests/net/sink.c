/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mode=sink: receives what guests in mode=generate send, and counts what comes within a window of time.
 *
 *   work_ns=N	    of computation for each frame, as on an otherwise idle core (0)
 *   work_insns=N   likewise: so many instructions, 16 of which are a round (0)
 *   clock=rounds   the last CPU counts rounds (guests/rt/work.h): a clock that does not depend on what the
 *		    other cores of Bochs execute
 *   checksum=1	    looks at all bytes of each frame, too
 *   ack=N	    answers every so many frames, and when nothing more is there, if it is asked to (16)
 *   from_ms=N	    the window's beginning, in the guest's time (600)
 *   to_ms=N	    its end (1400)
 *   windows=N	    of them (1), each
 *   every_ms=N	    so much later than the one before (200)
 *   slice_ms=N	    frames of each so long, too: over any second, for example
 *   threads=N	    a multi-threaded driver: guests/net/threads.c
 *   flow=1	    .. that keeps the order within a flow
 *
 * Output  @{"net":"sink",..} and @{"net":"sink_cost",..}: of the window; of several, @{"net":"window",..} each. busy: ticks that this virtual CPU
 *	   was charged with, the hypervisor's for it included. Lost is what is missing among the
 *	   frames up to the highest number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/net/modes.h"
#include "guests/net/sink.h"
#include "guests/net/threads.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/smp.h"
#include "guests/rt/ticks.h"
#include "guests/rt/trap.h"
#include "guests/rt/work.h"

#define DEFAULT_FROM_MS  600u
#define DEFAULT_TO_MS    1400u
#define DEFAULT_EVERY_MS 200u
#define DEFAULT_ACK      16u
#define WINDOW_MAX       16u
#define SLICE_MAX        10000u
#define SLICES_A_LINE    24u
#define NS_PER_US        1000u
#define GLANCE_US        50u

struct snapshot {
	uint64_t tsc, rounds, received, asked, due, late, bytes, corrupt, interrupts, busy;
};

static struct sink {
	struct port *port;
	struct sink_lane lane;
	uint64_t flows[TRAFFIC_FLOW_MAX];
	struct threads *threads; /* NULL: one, without a driver for several */
	uint64_t ack, answered;
	uint64_t from_tsc, to_tsc, slice_tsc,
		next_tsc; /* what ends next: something of the window */
	uint32_t *slices;
	uint32_t slice_count, slices_done;
	uint64_t before_slice;
	struct snapshot first[WINDOW_MAX], last[WINDOW_MAX];
	uint32_t window, window_count; /* which it is; of them */
	uint64_t every_tsc;
} sink;

bool sink_handle(struct sink_lane *l, const uint8_t *data, uint32_t bytes)
{
	struct traffic_head head;
	uint64_t *flow;

	if (!traffic_read(data, bytes, &head) ||
	    (head.kind != TRAFFIC_DATA && head.kind != TRAFFIC_ASKING))
		return false;
	flow = &l->flows[head.flow % TRAFFIC_FLOW_MAX];
	if (head.sequence < __atomic_load_n(flow, __ATOMIC_RELAXED))
		l->late++;
	else
		__atomic_store_n(flow, head.sequence + 1, __ATOMIC_RELAXED);
	if (head.sequence >= l->due)
		l->due = head.sequence + 1;
	if (l->checks && traffic_sum(data, head.bytes) != head.value)
		l->corrupt++;
	work_loops(l->loops);
	memcpy(l->from, head.from, FRAME_MAC_BYTES);
	l->asked += head.kind == TRAFFIC_ASKING;
	l->bytes += head.bytes;
	l->received++;
	return true;
}

/* --- the window ---------------------------------------------------------------------------------- */

static void add(struct snapshot *sum, const struct sink_lane *l)
{
	sum->received += l->received;
	sum->asked += l->asked;
	sum->late += l->late;
	sum->bytes += l->bytes;
	sum->corrupt += l->corrupt;
	sum->due = l->due > sum->due ? l->due : sum->due;
}

static struct snapshot look(const struct sink *s)
{
	struct snapshot sum = { .tsc = cpu_rdtsc(),
				.rounds = work_rounds,
				.interrupts = s->port->interrupts };

	if (s->threads)
		for (uint32_t i = 0; i < threads_count(s->threads); i++)
			add(&sum, threads_lane(s->threads, i));
	else
		add(&sum, &s->lane);
	sum.busy = guest_call(GUEST_CALL_CPU_TIME, 0, 0);
	return sum;
}

static uint64_t received(const struct sink *s)
{
	uint64_t sum = s->lane.received;

	for (uint32_t i = 0; s->threads && i < threads_count(s->threads); i++)
		sum += threads_lane(s->threads, i)->received;
	return sum;
}

static void pass_slices(struct sink *s, uint64_t now)
{
	while (s->slices_done < s->slice_count &&
	       now >= s->from_tsc + s->slice_tsc * (s->slices_done + 1)) {
		const uint64_t sum = received(s);

		s->slices[s->slices_done++] = (uint32_t)(sum - s->before_slice);
		s->before_slice = sum;
	}
}

/* The time `next_tsc` has come: the beginning of a window, the end of a slice, or of a window. */
static void pass(struct sink *s, uint64_t now)
{
	if (!s->first[s->window].tsc) {
		s->first[s->window] = look(s);
		s->before_slice = s->first[s->window].received;
	}
	pass_slices(s, now);
	s->next_tsc = s->slices_done < s->slice_count
			      ? s->from_tsc + s->slice_tsc * (s->slices_done + 1)
			      : s->to_tsc;
	if (now < s->to_tsc)
		return;
	s->last[s->window++] = look(s);
	s->from_tsc += s->every_tsc;
	s->to_tsc += s->every_tsc;
	s->next_tsc = s->from_tsc;
}

static bool is_over(struct sink *s)
{
	if (s->window == s->window_count)
		return true;
	if (cpu_rdtsc() >= s->next_tsc)
		pass(s, cpu_rdtsc());
	return s->window == s->window_count;
}

/* --- receiving ----------------------------------------------------------------------------------- */

static void send_ack(struct sink *s, const struct snapshot *sum, const uint8_t *to)
{
	struct traffic_head head = { .kind = TRAFFIC_ACK,
				     .bytes = FRAME_BYTES_MIN,
				     .sequence = sum->due,
				     .value = sum->received };
	uint8_t *room = igbvf_send_buffer(&s->port->vf);

	if (!room)
		return; /* the next one says it, too */
	memcpy(head.to, to, FRAME_MAC_BYTES);
	memcpy(head.from, s->port->vf.mac, FRAME_MAC_BYTES);
	traffic_write(&head, room);
	igbvf_send(&s->port->vf, FRAME_BYTES_MIN);
	s->answered = sum->asked;
}

static uint64_t asked(const struct sink *s)
{
	uint64_t sum = s->lane.asked;

	for (uint32_t i = 0; s->threads && i < threads_count(s->threads); i++)
		sum += threads_lane(s->threads, i)->asked;
	return sum;
}

/* What has been handled is answered, if it is `least` frames or more. */
static void acknowledge(struct sink *s, uint64_t least)
{
	struct snapshot sum = { 0 };
	const uint8_t *from = s->lane.from;

	if (asked(s) - s->answered < least)
		return;
	add(&sum, &s->lane);
	for (uint32_t i = 0; s->threads && i < threads_count(s->threads); i++) {
		add(&sum, threads_lane(s->threads, i));
		from = threads_lane(s->threads, 0)->from;
	}
	send_ack(s, &sum, from);
}

static void receive_alone(struct sink *s)
{
	const uint8_t *data;
	uint32_t bytes;

	do {
		while (!is_over(s) && (data = igbvf_receive(&s->port->vf, &bytes)) != NULL) {
			sink_handle(&s->lane, data, bytes);
			igbvf_receive_done(&s->port->vf);
			acknowledge(s, s->ack);
		}
		acknowledge(s, 1);
		port_wait(s->port, s->next_tsc);
	} while (!is_over(s));
}

/* Not long while somebody may wait for an answer to what other threads are at. */
static uint64_t wait_tsc(const struct sink *s)
{
	const uint64_t soon = cpu_rdtsc() + ticks_from_us(GLANCE_US, guest_info()->tsc_hz);

	return s->answered && soon < s->next_tsc && threads_under_way(s->threads) ? soon
										  : s->next_tsc;
}

/* Whether it is worth a look at all threads, ours tells: it has a part of everything. */
static void receive_with_threads(struct sink *s)
{
	const struct sink_lane *first = threads_lane(s->threads, 0);
	uint64_t seen = 0;

	while (!is_over(s)) {
		if (threads_turn(s->threads)) {
			if (first->asked != seen)
				acknowledge(s, s->ack);
			seen = first->asked;
		} else {
			acknowledge(s, 1);
			port_wait(s->port, wait_tsc(s));
		}
	}
}

/* --- what it is told, and says ------------------------------------------------------------------- */

static bool complain(const char *what)
{
	printf("net: %s\n", what);
	return false;
}

static bool set_up_slices(struct sink *s, const char *args)
{
	s->slice_tsc = port_ticks_from_ms(args_number(args, "slice_ms", 0));
	if (!s->slice_tsc)
		return true;
	if ((s->to_tsc - s->from_tsc) / s->slice_tsc > SLICE_MAX)
		return complain("too many slices");
	s->slice_count = (uint32_t)((s->to_tsc - s->from_tsc) / s->slice_tsc);
	s->slices = malloc(s->slice_count * sizeof(s->slices[0]));
	return s->slices || complain("not enough memory for slices");
}

static bool set_up(struct sink *s, struct port *port, const char *args)
{
	const uint64_t threads = args_number(args, "threads", 0);
	const uint64_t work = args_number(args, "work_ns", 0);

	work_calibrate();
	s->port = port;
	s->lane.flows = s->flows;
	s->lane.loops = work_loops_for(work * (guest_info()->tsc_hz / 1000) / (NS_PER_US * 1000));
	s->lane.loops += args_number(args, "work_insns", 0) / WORK_LOOP_INSNS;
	s->lane.checks = args_is(args, "checksum", "1");
	s->ack = args_number(args, "ack", DEFAULT_ACK);
	s->window_count = (uint32_t)args_number(args, "windows", 1);
	s->every_tsc = port_ticks_from_ms(args_number(args, "every_ms", DEFAULT_EVERY_MS));
	s->from_tsc = port_ticks_from_ms(args_number(args, "from_ms", DEFAULT_FROM_MS));
	s->to_tsc = port_ticks_from_ms(args_number(args, "to_ms", DEFAULT_TO_MS));
	s->next_tsc = s->from_tsc;
	if (s->to_tsc <= s->from_tsc || !s->window_count || s->window_count > WINDOW_MAX ||
	    (s->window_count > 1 && s->from_tsc + s->every_tsc < s->to_tsc))
		return complain("windows are not one after the other");
	if (!set_up_slices(s, args))
		return false;
	if (args_is(args, "clock", "rounds") && !smp_start(smp_cpu_count() - 1, work_count_rounds))
		return complain("clock=rounds: the last CPU does not start");
	if (threads && !(s->threads = threads_start(port, &s->lane, (uint32_t)threads,
						    args_is(args, "flow", "1"))))
		return complain("threads= does not come up");
	if (cpu_rdtsc() > s->from_tsc)
		printf("net: from_ms is over before it began\n");
	return true;
}

static void say_slices(const struct sink *s)
{
	for (uint32_t i = 0; i < s->slices_done; i++) {
		if (i % SLICES_A_LINE == 0)
			printf("@{\"net\":\"slices\",\"first\":%u,\"frames\":[", (unsigned)i);
		printf("%u", (unsigned)s->slices[i]);
		printf("%s", i + 1 == s->slices_done || i % SLICES_A_LINE == SLICES_A_LINE - 1
				     ? "]}\n"
				     : ",");
	}
}

static void say_window(const struct sink *s, uint32_t window)
{
	const struct snapshot *a = &s->first[window], *b = &s->last[window];
	const uint64_t hz = guest_info()->tsc_hz, ticks = b->tsc - a->tsc;
	const uint64_t came = b->received - a->received, due = b->due - a->due;

	printf("@{\"net\":\"sink\",\"window\":%u,\"received\":%lu,\"lost\":%lu,\"late\":%lu,"
	       "\"corrupt\":%lu,\"bytes\":%lu,\"us\":%lu,\"pps\":%lu,\"bytes_per_s\":%lu}\n",
	       (unsigned)window, came, due > came ? due - came : 0, b->late - a->late,
	       b->corrupt - a->corrupt, b->bytes - a->bytes, ticks_to_tenth_us(ticks, hz) / 10,
	       came * hz / ticks, (b->bytes - a->bytes) / 1000 * hz / (ticks / 1000));
	printf("@{\"net\":\"sink_cost\",\"window\":%u,\"interrupts\":%lu,\"busy_tsc\":%lu,"
	       "\"elapsed_tsc\":%lu,\"received_ever\":%lu,\"due_ever\":%lu,\"resets\":%lu,"
	       "\"strays\":%lu,\"rounds\":%lu}\n",
	       (unsigned)window, b->interrupts - a->interrupts, b->busy - a->busy, ticks,
	       b->received, b->due, s->port->resets, trap_stray_count(), b->rounds - a->rounds);
}

/* Of many there is a line each: the console is slow. */
static void say_briefly(const struct sink *s, uint32_t window)
{
	const struct snapshot *a = &s->first[window], *b = &s->last[window];
	const uint64_t came = b->received - a->received, due = b->due - a->due;

	printf("@{\"net\":\"window\",\"window\":%u,\"received\":%lu,\"lost\":%lu,\"us\":%lu,"
	       "\"interrupts\":%lu,\"busy_tsc\":%lu,\"elapsed_tsc\":%lu}\n",
	       (unsigned)window, came, due > came ? due - came : 0,
	       ticks_to_tenth_us(b->tsc - a->tsc, guest_info()->tsc_hz) / 10,
	       b->interrupts - a->interrupts, b->busy - a->busy, b->tsc - a->tsc);
}

static int say(const struct sink *s)
{
	for (uint32_t i = 0; i < s->window_count; i++)
		if (s->window_count == 1)
			say_window(s, i);
		else
			say_briefly(s, i);
	if (s->threads)
		threads_say(s->threads);
	say_slices(s);
	return s->last[s->window_count - 1].corrupt != 0;
}

int mode_sink(struct port *port, const char *args)
{
	struct sink *s = &sink;

	if (!set_up(s, port, args))
		return EXIT_FAILURE;
	if (s->threads)
		receive_with_threads(s);
	else
		receive_alone(s);
	return say(s);
}
