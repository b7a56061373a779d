/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same loads, decided twice in this process: by the code as tests build it (-O1, sanitizers), and by
 * the very objects that are in the image, whose names are hidden but for image_disk_optimize().
 */
#include <string.h>
#include "tests/property/optimizer_loads.h"
#include "tests/test.h"

enum err image_disk_optimize(const struct disk_load *load, enum latency_model model,
			     const struct disk_optimizer_range *range,
			     struct disk_optimum *optimum);

static struct disk_load load;
static struct disk_optimum host, image;

static void image_and_host_decide_the_same(void)
{
	uint64_t all[LATENCY_MODEL_COUNT] = { 0 };
	uint32_t met = 0, kept_some = 0;

	for (uint32_t n = 0; n < OPTIMIZER_LOADS * LATENCY_MODEL_COUNT; n++) {
		enum latency_model model = n % LATENCY_MODEL_COUNT;

		optimizer_load(n / LATENCY_MODEL_COUNT, &load);
		memset(&image, 0x5a, sizeof(image));
		CHECK(disk_optimize(&load, model, &disk_optimizer_range, &host) == OK);
		CHECK(image_disk_optimize(&load, model, &disk_optimizer_range, &image) == OK);
		CHECK(optimizer_decision(&host) == optimizer_decision(&image));
		all[model] = optimizer_hash(all[model], optimizer_decision(&image));
		met += host.is_met;
		kept_some += !host.is_met && host.kept != 0;
	}
	printf("%u loads, decisions %016llx (equations), %016llx (networks); met %u, compromises %u\n",
	       OPTIMIZER_LOADS, (unsigned long long)all[LATENCY_ANALYTIC],
	       (unsigned long long)all[LATENCY_MLP], met, kept_some);
	CHECK(met >= 10 && kept_some >= 10);
}

int main(void)
{
	RUN(image_and_host_decide_the_same);
	return test_failed;
}
