/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include "guests/hostile/probe.h"
#include "guests/rt/trap.h"

uint64_t probe_resume_rip; /* 0: no instruction is being probed */
uint32_t probe_vector;

static const uint8_t vectors[] = { 0, 1, 3, 4, 5, 6, 7, 11, 12, 13, 14, 16, 17, 19 };

static struct trap_frame *on_fault(struct trap_frame *frame)
{
	if (!probe_resume_rip) {
		/* Not ours: back to the instruction, this time without a handler, for the report.
		 */
		trap_set_handler((uint8_t)frame->vector, NULL);
		return frame;
	}
	probe_vector = (uint32_t)frame->vector;
	frame->rip = probe_resume_rip;
	probe_resume_rip = 0;
	return frame;
}

void probe_init(void)
{
	probe_vector = PROBE_NO_FAULT;
	for (uint32_t i = 0; i < sizeof(vectors); i++)
		trap_set_handler(vectors[i], on_fault);
}
