/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The most that one kick, and one reset, can ask of the hypervisor: as many requests as the ring takes,
 * and none of them wanted any more. The last request of all is waited for, and has to come back well.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include "guests/blk/modes.h"
#include "guests/rt/args.h"
#include "guests/rt/cpu.h"

#define REQUESTS_MAX 256u

static struct request *requests[REQUESTS_MAX];

static uint32_t fill(struct device *d)
{
	uint32_t n = 0;

	while (n < REQUESTS_MAX && device_submit(d, requests[n], 0))
		n++;
	device_kick(d, 0);
	return n;
}

static bool set_up(uint32_t bytes)
{
	void *const buffer = memalign(4096, bytes);

	for (uint32_t i = 0; i < REQUESTS_MAX; i++) {
		requests[i] = modes_new_request();
		if (!buffer || !requests[i] || !modes_set_data(requests[i], buffer, bytes, bytes))
			return false;
		requests[i]->head.type = REQUEST_READ;
		requests[i]->head.sector = i;
	}
	return true;
}

int mode_abandon(struct device *d, const char *args)
{
	const uint32_t bytes = (uint32_t)args_number(args, "bytes", 512);
	const uint64_t count = args_number(args, "count", 4);
	uint64_t kick_ns = 0, reset_ns = 0, sent = 0;

	if (!set_up(bytes)) {
		printf("blk: not enough memory\n");
		return EXIT_FAILURE;
	}
	for (uint64_t i = 0; i < count; i++) {
		uint64_t begin = cpu_rdtsc(), middle;

		sent += fill(d);
		middle = cpu_rdtsc();
		if (!device_start(d))
			return modes_stuck(d);
		kick_ns += device_ns(middle - begin);
		reset_ns += device_ns(cpu_rdtsc() - middle);
	}
	printf("@{\"blk\":\"abandon\",\"count\":%lu,\"sent\":%lu,\"kick_ns\":%lu,\"reset_ns\":%lu,"
	       "\"status\":%u}\n",
	       count, sent, kick_ns, reset_ns, (unsigned)device_do(d, requests[0]));
	return EXIT_SUCCESS;
}
