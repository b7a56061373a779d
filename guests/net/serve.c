/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mode=serve: answers requests (mode=request) with as many frames as they ask for, one request after the
 * other, in the order in which they came.
 *
 *   work_ns=N	    of computation for each frame of an answer (0)
 *   request_ns=N   and for each request (0)
 *   to_ms=N	    the end, in the guest's time (5000)
 *
 * Output  @{"net":"serve","requests":..,"frames":..,"dropped":..}. Dropped: there were JOB_MAX already.
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
#include "guests/rt/work.h"

#define JOB_MAX       256u
#define DEFAULT_TO_MS 5000u
#define FULL_PAUSE_US 50u

struct job {
	uint8_t to[FRAME_MAC_BYTES];
	uint64_t sequence, time;
	uint32_t frames, bytes;
};

static struct serve {
	struct port *port;
	struct job jobs[JOB_MAX];
	uint64_t first, next; /* jobs [first, next) are to be done, modulo JOB_MAX */
	uint64_t frame_loops, request_loops, to_tsc;
	uint64_t requests, frames, dropped;
} serve;

static void take_requests(struct serve *s)
{
	struct traffic_head head;
	const uint8_t *data;
	uint32_t bytes;

	while ((data = igbvf_receive(&s->port->vf, &bytes)) != NULL) {
		const bool is_request = traffic_read(data, bytes, &head) &&
					head.kind == TRAFFIC_REQUEST && (uint32_t)head.value;
		const uint64_t size = head.value >> 32;

		igbvf_receive_done(&s->port->vf);
		if (!is_request || size < FRAME_BYTES_MIN || size > FRAME_BYTES_MAX)
			continue;
		if (s->next - s->first == JOB_MAX) {
			s->dropped++;
			continue;
		}
		s->jobs[s->next % JOB_MAX] = (struct job){ .sequence = head.sequence,
							   .time = head.time,
							   .frames = (uint32_t)head.value,
							   .bytes = (uint32_t)size };
		memcpy(s->jobs[s->next++ % JOB_MAX].to, head.from, FRAME_MAC_BYTES);
		work_loops(s->request_loops);
	}
}

/* One frame of the oldest job. False: the ring is full. */
static bool answer(struct serve *s)
{
	struct job *j = &s->jobs[s->first % JOB_MAX];
	struct traffic_head head = { .kind = TRAFFIC_ANSWER,
				     .bytes = j->bytes,
				     .sequence = j->sequence,
				     .time = j->time,
				     .value = j->frames - 1 };
	uint8_t *room = igbvf_send_buffer(&s->port->vf);

	if (!room)
		return false;
	work_loops(s->frame_loops);
	memcpy(head.to, j->to, FRAME_MAC_BYTES);
	memcpy(head.from, s->port->vf.mac, FRAME_MAC_BYTES);
	traffic_write(&head, room);
	igbvf_send(&s->port->vf, j->bytes);
	s->frames++;
	if (--j->frames == 0) {
		s->first++;
		s->requests++;
	}
	return true;
}

static uint64_t loops_for_ns(uint64_t ns)
{
	return work_loops_for(ns * (guest_info()->tsc_hz / 1000) / 1000000);
}

int mode_serve(struct port *port, const char *args)
{
	struct serve *s = &serve;
	const uint64_t pause = ticks_from_us(FULL_PAUSE_US, guest_info()->tsc_hz);
	uint64_t now;

	work_calibrate();
	s->port = port;
	s->frame_loops = loops_for_ns(args_number(args, "work_ns", 0));
	s->request_loops = loops_for_ns(args_number(args, "request_ns", 0));
	s->to_tsc = port_ticks_from_ms(args_number(args, "to_ms", DEFAULT_TO_MS));
	while ((now = cpu_rdtsc()) < s->to_tsc) {
		take_requests(s);
		if (s->first == s->next)
			port_wait(port, s->to_tsc);
		else if (!answer(s))
			port_wait(port, now + pause);
	}
	printf("@{\"net\":\"serve\",\"requests\":%lu,\"frames\":%lu,\"dropped\":%lu,"
	       "\"interrupts\":%lu,\"busy_tsc\":%lu}\n",
	       s->requests, s->frames, s->dropped, port->interrupts,
	       guest_call(GUEST_CALL_CPU_TIME, 0, 0));
	return EXIT_SUCCESS;
}
