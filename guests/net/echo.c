/* SPDX-License-Identifier: Apache-2.0 */
/* guests/net/echo.c - answers what others send, and counts it. */
#include <stdio.h>
#include <string.h>
#include "guests/net/modes.h"
#include "guests/rt/args.h"
#include "guests/rt/cpu.h"
#include "guests/rt/trap.h"

#define SENDER_MAX    8u
#define IDLE_MS       30000u
#define LINGER_MS     300u /* after the last good-bye: our answer to it may have been lost */
#define ACK_EVERY     8u
#define DEFAULT_PEERS 1u

struct sender {
	uint8_t mac[FRAME_MAC_BYTES];
	bool is_known, has_left;
	struct flow data;
	uint64_t unanswered; /* data frames since the last FRAME_ACK */
};

static struct sender senders[SENDER_MAX];
static uint64_t pings, byes;

/* The last place is everybody's who comes too late for one of his own. */
static struct sender *find_sender(const uint8_t *mac)
{
	uint32_t i = 0;

	while (i < SENDER_MAX - 1 && senders[i].is_known &&
	       memcmp(senders[i].mac, mac, FRAME_MAC_BYTES) != 0)
		i++;
	senders[i].is_known = true;
	memcpy(senders[i].mac, mac, FRAME_MAC_BYTES);
	return &senders[i];
}

static void answer(struct port *port, const struct frame *got, const struct sender *s,
		   enum frame_kind kind)
{
	struct frame out = { .kind = (uint8_t)kind,
			     .bytes = kind == FRAME_PONG ? got->bytes : FRAME_BYTES_MIN,
			     .sequence = got->sequence,
			     .time = got->time,
			     .counts = { s->data.received, s->data.lost, s->data.late } };

	memcpy(out.to, got->from, FRAME_MAC_BYTES);
	if (!port_send(port, &out))
		printf("net: nothing can be sent\n");
}

static void on_ping(struct port *port, const struct frame *got, struct sender *s)
{
	pings++;
	if (got->sequence == 0) { /* it begins, perhaps again */
		s->data = (struct flow){ 0 };
		s->unanswered = 0;
	}
	answer(port, got, s, FRAME_PONG);
}

static void take(struct port *port, const struct frame *got)
{
	struct sender *s = find_sender(got->from);

	switch (got->kind) {
	case FRAME_PING:
		on_ping(port, got, s);
		break;
	case FRAME_DATA:
		flow_take(&s->data, got->sequence);
		if (++s->unanswered >= ACK_EVERY) {
			s->unanswered = 0;
			answer(port, got, s, FRAME_ACK);
		}
		break;
	case FRAME_BYE:
		byes += !s->has_left;
		s->has_left = true;
		answer(port, got, s, FRAME_ACK);
		break;
	}
}

static void report(const struct port *port)
{
	struct flow sum = { 0 };

	for (uint32_t i = 0; i < SENDER_MAX; i++) {
		sum.received += senders[i].data.received;
		sum.lost += senders[i].data.lost;
		sum.late += senders[i].data.late;
	}
	printf("@{\"net\":\"echo\",\"pings\":%lu,\"received\":%lu,\"lost\":%lu,\"late\":%lu,"
	       "\"corrupt\":%lu,\"foreign\":%lu,\"interrupts\":%lu,\"resets\":%lu,"
	       "\"strays\":%lu}\n",
	       pings, sum.received, sum.lost, sum.late, port->corrupt, port->foreign,
	       port->interrupts, port->resets, trap_stray_count());
}

int mode_echo(struct port *port, const char *args)
{
	const uint64_t peers = args_number(args, "peers", DEFAULT_PEERS);
	const uint64_t idle = port_ticks_from_ms(args_number(args, "idle_ms", IDLE_MS));
	const uint64_t linger = port_ticks_from_ms(LINGER_MS);
	struct frame got;

	while (peers == 0 || byes < peers)
		if (port_receive(port, &got, cpu_rdtsc() + idle))
			take(port, &got);
		else if (peers != 0)
			break;
	while (port_receive(port, &got, cpu_rdtsc() + linger))
		take(port, &got);
	report(port);
	return byes < peers || port->corrupt != 0;
}
