/* SPDX-License-Identifier: Apache-2.0 */
/* tools/lqn/bottleneck.c - what is full first when more is asked, and what finds no room: tools/lqn/model.h. */
#include <math.h>
#include "tools/lqn/model.h"

/* Of a processor, for a request of that entry, through all layers. */
static void add_demands(const struct lqn *m, uint32_t entry, double count,
			double demands[LQN_PROCESSORS_MAX])
{
	const struct lqn_entry *e = &m->entries[entry];

	demands[m->tasks[e->task].processor] += count * e->demand;
	for (uint32_t i = 0; i < e->call_count; i++)
		add_demands(m, e->calls[i].to, count * e->calls[i].count, demands);
}

void lqn_find_bottleneck(const struct lqn *m, uint32_t entry, struct lqn_result *out)
{
	double demands[LQN_PROCESSORS_MAX] = { 0 }, sum = m->entries[entry].think;

	add_demands(m, entry, 1, demands);
	out->most[entry] = INFINITY;
	out->bottleneck[entry] = LQN_NONE;
	for (uint32_t k = 0; k < m->processor_count; k++) {
		const double capacity = lqn_capacity(&m->processors[k]);

		sum += demands[k];
		if (m->processors[k].scheduling == LQN_DELAY || demands[k] <= 0 ||
		    capacity / demands[k] >= out->most[entry])
			continue;
		out->most[entry] = capacity / demands[k];
		out->bottleneck[entry] = k;
	}
	out->customers_to_saturate[entry] = sum * out->most[entry];
}

/* M/M/1/K. */
double lqn_part_refused(double load, uint32_t room)
{
	double power;

	if (!room)
		return load > 1 ? 1 - 1 / load : 0;
	power = pow(load, room);
	if (fabs(load - 1) < 1e-9)
		return 1.0 / (room + 1);
	if (isinf(power))
		return 1 - 1 / load;
	return (1 - load) * power / (1 - power * load);
}
