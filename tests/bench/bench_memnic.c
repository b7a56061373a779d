/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/bench_memnic.c - what a side core spends on the network controller in memory, in instructions.
 *
 * Linked with the objects that are in the image, as tests/bench/bench_cbs.c is. One guest sends to n others
 * in turn, at the pace of the link; each of them is interrupted for each frame. An instruction with a repeat
 * prefix counts once for each repetition, as in Bochs.
 */
#define RIG_PORTS 9u
#include "tests/bench/single_step.h"
#include "tests/unit/memnic_rig.h"

#define SAMPLES 400u

enum op { OP_EMPTY, OP_IDLE, OP_RESET, OP_FRAME, OP_COUNT };

struct sample {
	uint32_t count;
	uint32_t steps[SAMPLES];
};

static struct setting {
	uint32_t receivers, bytes;
	bool is_shaped;
} setting;
static struct shaper shapers[2];

static void shape(void)
{
	const struct shaper_claim claim = { .bytes = { 1000, 1000, 0 } };

	for (uint32_t i = 0; i < 2; i++)
		shaper_init(&shapers[i], RIG_LINK, MS(4), rig.now_ns);
	for (uint32_t i = 0; i <= setting.receivers; i++) {
		const struct memnic_shaping s = { &shapers[0], &shapers[1],
						  shaper_add(&shapers[0], &claim),
						  shaper_add(&shapers[1], &claim) };

		memnic_shape(&rig.m, i, &s);
	}
}

/* What rig_poll() does, where only the controller's own part counts. */
static void poll(enum op op)
{
	uint32_t ports;

	mark_begin(op);
	ports = memnic_poll(&rig.m, rig.now_ns);
	for (uint32_t left = ports; left; left &= left - 1)
		(void)memnic_take_vectors(&rig.m, (uint32_t)__builtin_ctz(left));
	mark_end();
	for (; ports; ports &= ports - 1) {
		const uint32_t i = (uint32_t)__builtin_ctz(ports);

		rig_drop_all(i);
		igbvf_rearm(&rig.ports[i].driver);
	}
}

static void play(void)
{
	mark_begin(OP_EMPTY);
	mark_end();
	rig_with(setting.receivers + 1, RIG_LINK);
	if (setting.is_shaped)
		shape();
	rig_pass(US(100));
	for (uint32_t i = 0; i < 100; i++) {
		rig.now_ns += 500;
		poll(OP_IDLE);
	}
	for (uint32_t i = 0; i < 100; i++) { /* the last port does nothing else */
		*rig_reg(setting.receivers, REG_CTRL) = CTRL_RST;
		rig.now_ns += 500;
		poll(OP_RESET);
	}
	rig_pass(US(100));
	rig_open(setting.receivers);
	for (uint32_t i = 0; i < 200; i++)
		(void)rig_send(0, 1 + i % setting.receivers, setting.bytes, i);
	rig_poll();
	for (uint32_t i = 0; i < 190; i++) {
		rig.now_ns = rig.m.end_ns; /* one is at its end, and the next begins */
		poll(OP_FRAME);
	}
	exit(test_failed || rig.m.frame_count < 190);
}

static void take(void *context, uint32_t op, uint32_t steps)
{
	struct sample *s = (struct sample *)context + op;

	if (s->count == SAMPLES)
		step_die("more samples than there is room for");
	s->steps[s->count++] = steps;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, struct sample *samples, enum op op)
{
	struct sample *s = &samples[op];
	uint32_t empty = samples[OP_EMPTY].steps[0];

	if (s->count == 0)
		exit(1);
	qsort(s->steps, s->count, sizeof(s->steps[0]), compare);
	printf("@{\"bench\":\"memnic.%s\",\"unit\":\"insn\",\"receivers\":%u,\"bytes\":%u,\"n\":%u,"
	       "\"p50\":%u,\"p99\":%u,\"max\":%u}\n",
	       name, setting.receivers, setting.bytes, s->count,
	       s->steps[(s->count - 1) / 2] - empty, s->steps[(s->count - 1) * 99 / 100] - empty,
	       s->steps[s->count - 1] - empty);
}

int main(void)
{
	static const struct setting settings[] = {
		{ 1, 60, false }, { 8, 60, false }, { 8, 1514, false }, { 8, 60, true }
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(settings); i++) {
		static struct sample samples[OP_COUNT];
		pid_t child;

		setting = settings[i];
		child = step_fork();
		if (child == 0)
			play();
		memset(samples, 0, sizeof(samples));
		step_watch(child, OP_COUNT, take, samples);
		print(setting.is_shaped ? "idle.shaped" : "idle", samples, OP_IDLE);
		print(setting.is_shaped ? "reset.shaped" : "reset", samples, OP_RESET);
		print(setting.is_shaped ? "frame.shaped" : "frame", samples, OP_FRAME);
	}
	return 0;
}
