/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/main.c - a guest with a network interface of its own: a VF of an Intel 82576.
 *
 *   mode=echo	    answers pings, counts data
 *		      peers=N	    ends when so many senders have said good-bye (1); 0: never
 *		      idle_ms=N	    and when nothing comes for so long (30000)
 *   mode=send	    pings, then a stream of data, then good-bye
 *		      peer=MAC	    who answers; without it, whoever does first
 *		      wait_ms=N	    for the first answer (30000)
 *		      count=N	    pings, one after the other (100)
 *		      stream=N	    data frames (1000)
 *		      size=N	    bytes of a frame, from 60 to 1514 (512)
 *		      window=N	    data frames under way at most (32); 0: as many as fit
 *		      gap_us=N	    from one data frame to the next, from an answer to the next ping (0)
 *   mode=life	    pings, then a burst of them, then resets its PC: for partitions that restart
 *		      peer=MAC	    who answers
 *		      count=N	    pings that must be answered (3)
 *		      burst=N	    pings whose answers the reset meets (32)
 *		      reset=0	    does not reset: goes on after 150 ms
 *   mode=dma	    has its devices reach for memory that is not ours, and forge interrupts; wants
 *		    two VFs. guests/net/dma.c
 *   mode=generate  streams of frames at given rates: guests/net/generate.c
 *   mode=sink	    receives and measures them: guests/net/sink.c
 *   mode=request   asks for many frames at a time: guests/net/request.c
 *   mode=serve	    answers: guests/net/serve.c
 *   mode=hog	    wants more interrupts than it may have: guests/net/hog.c
 *   in all	    poll=1	    waits by looking, not by interrupts
 *		    quiet=1	    is interrupted only while it waits, as by Linux' NAPI
 *
 * Output  One line for machines a phase; times are ticks of the guest's TSC.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "guests/net/modes.h"
#include "guests/rt/args.h"
#include "guests/rt/call.h"

#define MODE_BYTES 16u

static const struct {
	const char *name;
	int (*run)(struct port *port, const char *args);
} modes[] = {
	{ .name = "echo", .run = mode_echo },         { .name = "send", .run = mode_send },
	{ .name = "life", .run = mode_life },         { .name = "dma", .run = mode_dma },
	{ .name = "generate", .run = mode_generate }, { .name = "sink", .run = mode_sink },
	{ .name = "request", .run = mode_request },   { .name = "serve", .run = mode_serve },
	{ .name = "hog", .run = mode_hog },
};

static struct port port;

int main(void)
{
	const char *args = guest_info()->args;
	char mode[MODE_BYTES], mac[PORT_MAC_TEXT];

	args_find(args, "mode", mode, sizeof(mode));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(mode, modes[i].name) != 0)
			continue;
		if (!port_open(&port, 0))
			return EXIT_FAILURE;
		if (args_is(args, "poll", "1"))
			port_poll(&port);
		port.is_quiet = args_is(args, "quiet", "1");
		printf("net: %s\n", port_mac_text(port.vf.mac, mac));
		return modes[i].run(&port, args);
	}
	printf("net: no mode '%s'\n", mode);
	return EXIT_FAILURE;
}
