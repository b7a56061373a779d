/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One system of clients and queues, whose trail tests/model/test_disk_audit has written to a file by
 * tests/model/disk_sim.h: weights 1, 2 (queues 1:3), 3, 4; the last comes and goes.
 */
#include "tests/model/disk_sim.h"
#include "tests/property/random.h"
#include "tests/test.h"

static struct disk_sim s;
static const struct iosched_client_config clients[4] = {
	{ .weight = 1, .queue_count = 1, .queue_weights = { 1 } },
	{ .weight = 2, .queue_count = 2, .queue_weights = { 1, 3 } },
	{ .weight = 3, .queue_count = 1, .queue_weights = { 1 } },
	{ .weight = 4, .queue_count = 1, .queue_weights = { 1 } },
};

static void clients_that_come_and_go_pass_the_checker(void)
{
	struct iosched_config c = { .kind = IOSCHED_BFQ,
				    .client_count = 4,
				    .clients = clients,
				    .depth = 4,
				    .slice_idle_tsc = US(50),
				    .timeout_tsc = MS(5),
				    .max_budget_bytes = KIB(256),
				    .tsc_hz = 1000000000 };
	struct sim_device device = { .lanes = 2, .fixed_ns = 10000, .sector_ns = 200 };

	sim_init(&s, &c, &device);
	for (uint32_t i = 0; i < 4; i++)
		s.clients[i] = (struct sim_client){ .pattern = SIM_FLOOD,
						    .outstanding = i == 2 ? 1 : 12,
						    .sectors_min = 1,
						    .sectors_max = 128,
						    .flush_percent = 3 };
	for (uint64_t step = 1; step <= 6; step++) {
		sim_run(&s, step * MS(20));
		s.clients[3].pattern = step % 2 ? SIM_OFF : SIM_FLOOD;
		if (step == 3)
			sim_reset_client(&s, 1);
	}
	CHECK(!s.wrong);
	CHECK(s.audit.choices > 100);
}

int main(int argc, char **argv)
{
	random_seed(argc, argv);
	sim_seed(random_u64());
	RUN(clients_that_come_and_go_pass_the_checker);
	/* Closes the file. */
	sim_init(&s, &(struct iosched_config){ .client_count = 1, .clients = clients, .depth = 1 },
		 &(struct sim_device){ .lanes = 1 });
	return test_failed;
}
