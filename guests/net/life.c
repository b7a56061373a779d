/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/life.c - a short life: pings to a guest in mode=echo, then a burst of them, and a reset of
 * the PC while the answers are on their way into our receive ring. What the next life finds, the
 * hypervisor has left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/net/modes.h"
#include "guests/rt/args.h"
#include "guests/rt/cpu.h"

#define DEFAULT_COUNT 3u
#define DEFAULT_BURST 32u
#define PING_MS       1000u
#define PAUSE_MS      150u /* reset=0: about as long as a restart takes */
#define RESET_PORT    0xcf9u
#define RESET_NOW     0x06u

struct life {
	struct port *port;
	uint8_t peer[FRAME_MAC_BYTES];
};

static bool ping(const struct life *l, uint64_t sequence)
{
	struct frame out = { .kind = FRAME_PING,
			     .bytes = FRAME_BYTES_MIN,
			     .sequence = sequence,
			     .time = cpu_rdtsc() };

	memcpy(out.to, l->peer, FRAME_MAC_BYTES);
	return port_send(l->port, &out);
}

static bool is_answered(const struct life *l, uint64_t sequence)
{
	const uint64_t until_tsc = cpu_rdtsc() + port_ticks_from_ms(PING_MS);
	struct frame got;

	while (port_receive(l->port, &got, until_tsc))
		if (got.kind == FRAME_PONG && got.sequence == sequence)
			return true;
	return false;
}

/* Sequences from 1 on: 0 would have the peer begin its counts anew. */
static bool live(const struct life *l, uint64_t count, uint64_t burst)
{
	for (uint64_t i = 1; i <= count; i++)
		if (!ping(l, i) || !is_answered(l, i)) {
			printf("net: ping %lu of this life was not answered\n", i);
			return false;
		}
	for (uint64_t i = 0; i < burst; i++)
		if (!ping(l, count + 1 + i))
			return false;
	return true;
}

int mode_life(struct port *port, const char *args)
{
	struct life l = { .port = port };
	char peer[PORT_MAC_TEXT] = "";

	args_find(args, "peer", peer, sizeof(peer));
	if (!frame_parse_mac(peer, l.peer)) {
		printf("net: peer= is no address\n");
		return EXIT_FAILURE;
	}
	for (;;) {
		if (!live(&l, args_number(args, "count", DEFAULT_COUNT),
			  args_number(args, "burst", DEFAULT_BURST)))
			return EXIT_FAILURE;
		if (!args_is(args, "reset", "0"))
			cpu_out8(RESET_PORT, RESET_NOW);
		port_sleep(cpu_rdtsc() + port_ticks_from_ms(PAUSE_MS));
	}
}
