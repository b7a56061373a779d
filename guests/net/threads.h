/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/net/threads.h - guests/net/mtvd.h on this guest's CPUs: a thread on each, the dispatcher on CPU 0,
 * which takes the device's interrupts and has a lane itself.
 *
 * Units    Ticks of the guest's TSC, absolute.
 * Errors   NULL: too many, or a CPU does not start; said on the console.
 * Sharing  CPU 0 only.
 */
#pragma once
#include "guests/net/port.h"
#include "guests/net/sink.h"

struct threads;

/* Each thread's lane begins as `model` is. The port receives into other buffers from then on. */
struct threads *threads_start(struct port *port, const struct sink_lane *model, uint32_t count,
			      bool keeps_flows);
/* Hands over what has come, and handles one frame itself. False: there was nothing to do. */
bool threads_turn(struct threads *t);
/* Frames that were handed over and are not done yet, or that the dispatcher has not seen to be. */
uint32_t threads_under_way(struct threads *t);

uint32_t threads_count(const struct threads *t);
const struct sink_lane *threads_lane(const struct threads *t, uint32_t index);
void threads_say(const struct threads *t);
