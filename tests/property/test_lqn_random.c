/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/lqn: mean values against events, in random small systems like those that configurations make: customers of one to
 * three guests with reservations or cores of their own, a device that they share, with several servers, services that
 * are always the same or exponential, what waking costs, and a stream from outside. Throughput may differ by AT_MOST of
 * it, by MOSTLY in nine of ten, and by TYPICAL in the median: docs/queueing.md tells these numbers.
 */
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include "tests/property/random.h"
#include "tests/test.h"
#include "tools/lqn/model.h"

#define SYSTEMS    80u
#define AT_MOST    0.6
#define MOSTLY     0.1
#define TYPICAL    0.015
#define TEXT_BYTES 4000u

static char text[TEXT_BYTES];
static double errors[4 * SYSTEMS];
static uint32_t error_count;

__attribute__((format(printf, 1, 2))) static void add(const char *format, ...)
{
	const size_t length = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + length, sizeof(text) - length, format, list);
	va_end(list);
}

static double pick_ms(uint64_t low, uint64_t high)
{
	return (double)random_between(low, high) / 1e6;
}

/* A guest's customers: think, compute, ask the device. */
static void add_guest(uint32_t i, bool is_reserved)
{
	const char *cpu = is_reserved ? "vm" : "core";

	add("t c%u r ec%u -1 wait m %u\nt g%u i eg%u -1 %s%u\nt d%u i ed%u -1 dev\n", i, i,
	    (uint32_t)random_between(1, 12), i, i, cpu, i, i, i);
	add("y ec%u eg%u 1\ny ec%u ed%u 1\n", i, i, i, i);
	add("Z ec%u %.6f\ns eg%u %.6f\ns ed%u %.6f\nw eg%u %.6f\n", i,
	    random_below(2) ? pick_ms(0, 1000) : 0, i, pick_ms(20, 200), i, pick_ms(20, 400), i,
	    pick_ms(0, 60));
	add("c ec%u 1\nc eg%u %u\nc ed%u %u\n", i, i, (uint32_t)random_below(2), i,
	    (uint32_t)random_below(2));
}

static void make_system(void)
{
	const uint32_t guests = (uint32_t)random_between(1, 3);
	const bool is_reserved = random_below(2);

	text[0] = 0;
	add("p wait i\np shared f\np dev f m %u\n", (uint32_t)random_between(1, 8));
	for (uint32_t i = 0; i < guests; i++) {
		if (is_reserved)
			add("g vm%u 0.00%u 0.01 shared\n", i, (uint32_t)random_between(1, 3));
		else
			add("p core%u f\n", i);
	}
	if (random_below(2)) {
		add("p alone f\nt in i a -1 wait\nt sink i s -1 alone q %u\ny a s 1\n",
		    (uint32_t)random_between(8, 300));
		add("a a %u %u\ns s %.6f\nc s %u\nw s %.6f\n", (uint32_t)random_between(100, 3000),
		    (uint32_t)random_below(2), pick_ms(100, 1000), (uint32_t)random_below(2),
		    pick_ms(0, 100));
	}
	for (uint32_t i = 0; i < guests; i++)
		add_guest(i, is_reserved);
}

static void compare(const struct lqn *m)
{
	static struct lqn_result mean, played;

	CHECK(lqn_solve(m, &mean));
	lqn_simulate(m, 1, 8, 7, &played);
	for (uint32_t i = 0; i < m->entry_count; i++) {
		const double x = mean.flows[i].throughput, y = played.flows[i].throughput;
		const double error = fabs(x - y) / fmax(y, 1e-9);

		if (!lqn_is_source(m, i))
			continue;
		CHECK(error <= AT_MOST);
		if (error > AT_MOST)
			printf("%s: %g by mean values, %g by events\n%s", m->entries[i].name, x, y,
			       text);
		errors[error_count++] = error;
	}
	for (uint32_t k = 0; k < m->processor_count; k++) {
		const double most = lqn_capacity(&m->processors[k]) * (1 + 1e-3);

		if (m->processors[k].scheduling != LQN_DELAY)
			CHECK(mean.utilization[k] <= most && played.utilization[k] <= most);
	}
}

static int by_size(const void *a, const void *b)
{
	return *(const double *)a < *(const double *)b ? -1
						       : *(const double *)a > *(const double *)b;
}

static void mean_values_agree_with_events(void)
{
	for (uint32_t i = 0; i < SYSTEMS; i++) {
		static struct lqn model;
		char reason[200];

		make_system();
		if (!lqn_parse(&model, text, reason, sizeof(reason))) {
			printf("%s\n%s", reason, text);
			CHECK(false);
			return;
		}
		compare(&model);
	}
	qsort(errors, error_count, sizeof(errors[0]), by_size);
	printf("%u flows: median %.2f %%, 9 of 10 %.2f %%, largest %.2f %%\n", error_count,
	       100 * errors[error_count / 2], 100 * errors[error_count * 9 / 10],
	       100 * errors[error_count - 1]);
	CHECK(errors[error_count / 2] <= TYPICAL);
	CHECK(errors[error_count * 9 / 10] <= MOSTLY);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	RUN(mean_values_agree_with_events);
	return test_failed;
}
