/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sim/rtvirtio.h"
#include <math.h>
#include "configs/ssd.h"
#include "tools/sim/sim_random.h"

#define DEFAULT_SLICE_IDLE_NS MS(8)
#define DEFAULT_TIMEOUT_NS    MS(125)
#define DEFAULT_WEIGHT        100u
#define ALONE_NS              SEC(1000)
#define ALONE_STREAM          UINT64_C(0x616c6f6e65)

static const struct service_time_config ssd = SSD_TIMES();
static const uint32_t iops[RTVIRTIO_KINDS] = { 100, 500, 1500 };

static const struct {
	const char *name;
	uint32_t count, kinds[RTVIRTIO_KINDS];
} sets[RTVIRTIO_SETS] = {
	{ "L", 1, { 0 } },      { "M", 1, { 1 } },      { "H", 1, { 2 } },
	{ "L+M", 2, { 0, 1 } }, { "M+H", 2, { 1, 2 } }, { "L+M+H", 3, { 0, 1, 2 } },
};

static const char *const scheme_names[RTVIRTIO_SCHEME_COUNT] = {
	[RTVIRTIO_BFQ] = "bfq",
	[RTVIRTIO_IONICE] = "ionice",
	[RTVIRTIO_NONE] = "none",
	[RTVIRTIO_BFQ_NOT_STRICT] = "bfq-not-strict",
	[RTVIRTIO_IONICE_NO_IDLE] = "ionice-no-idle",
	[RTVIRTIO_BUDGETS] = "rtxen",
	[RTVIRTIO_BUDGETS_ALL] = "rtxen-all",
	[RTVIRTIO_ANALYTIC] = "analytical",
	[RTVIRTIO_MLP] = "mlp",
	[RTVIRTIO_ANALYTIC_PAPER] = "analytical-paper",
	[RTVIRTIO_MLP_PAPER] = "mlp-paper",
};

const char *rtvirtio_scheme_name(enum rtvirtio_scheme scheme)
{
	return scheme_names[scheme];
}

const char *rtvirtio_set_name(uint32_t set)
{
	return sets[set].name;
}

bool rtvirtio_has_targets(enum rtvirtio_scheme scheme)
{
	return scheme >= RTVIRTIO_BUDGETS;
}

/* --- cases and targets ------------------------------------------------------------------------------ */

static void describe(struct disk_load *load)
{
	*load = (struct disk_load){ .request_bytes = SSD_REQUEST_BYTES,
				    .slice_idle_ns = DEFAULT_SLICE_IDLE_NS,
				    .timeout_ns = DEFAULT_TIMEOUT_NS,
				    .max_budget_bytes = SSD_MAX_BUDGET_BYTES,
				    .bytes_per_s = SSD_BYTES_PER_S };
}

void rtvirtio_load(struct disk_load *load, uint32_t number, const struct rtvirtio_tails *tails,
		   uint32_t scale_percent)
{
	const uint32_t n = number / RTVIRTIO_SETS + 1, set = number % RTVIRTIO_SETS;

	describe(load);
	load->guest_count = n;
	for (uint32_t g = 0; g < n; g++) {
		struct disk_load_guest *guest = &load->guests[g];

		guest->weight = DEFAULT_WEIGHT;
		guest->task_count = sets[set].count;
		for (uint32_t t = 0; t < guest->task_count; t++) {
			const uint32_t kind = sets[set].kinds[t];

			guest->tasks[t] = (struct disk_load_task){
				.iops = iops[kind],
				.weight = DEFAULT_WEIGHT,
				.target_ns =
					tails->ns[kind] * (3 + g) * (3 + n) * scale_percent / 800,
			};
		}
	}
}

static uint64_t alone_ns(uint32_t task_iops, uint64_t seed)
{
	const struct disk_sim_config config = { .time = &ssd,
						.seed = seed,
						.send_ns = DISK_SIM_SEND_NS,
						.return_ns = DISK_SIM_RETURN_NS };
	struct disk_sim *const sim = disk_sim_new(&config);
	struct rtvirtio_settings s = { 0 };
	struct condition_result result = { 0 };
	struct disk_load load;

	describe(&load);
	load.guest_count = 1;
	load.guests[0] = (struct disk_load_guest){ .weight = DEFAULT_WEIGHT,
						   .task_count = 1,
						   .tasks = { { .iops = task_iops,
								.weight = DEFAULT_WEIGHT } } };
	if (!sim || rtvirtio_settle(&s, RTVIRTIO_NONE, &load) != OK ||
	    disk_sim_phase(sim, &load, &s.sched, ALONE_NS, &result) != OK)
		return 0;
	disk_sim_free(sim);
	return result.tasks[0][0].p9999_ns;
}

struct rtvirtio_tails rtvirtio_uncontended_ns(uint64_t seed)
{
	struct sim_random random = sim_random_stream(seed, ALONE_STREAM);
	struct rtvirtio_tails tails;

	for (uint32_t i = 0; i < RTVIRTIO_KINDS; i++)
		tails.ns[i] = alone_ns(iops[i], sim_random_u64(&random));
	return tails;
}

/* --- schemes ---------------------------------------------------------------------------------------- */

/* Of a 4 KiB request of the mixture, a hundredth of a ns. */
static uint64_t mean_service(void)
{
	const struct service_quantile *q = ssd_quantiles;
	uint64_t jitter = 0; /* x 2 million */

	for (uint32_t i = 1; i < ARRAY_SIZE(ssd_quantiles); i++)
		jitter += (q[i].ppm - q[i - 1].ppm) * (q[i].ns + q[i - 1].ns);
	return (ssd.read.fixed_ns + ssd.write.fixed_ns) * 50 +
	       ssd.read.ns_per_kib * (SSD_REQUEST_BYTES / 1024) * 100 + jitter / 20000;
}

/* What the disk does in `ns`, in the long run. */
static uint64_t supply_bytes(uint64_t ns)
{
	const uint64_t working = mul_div(ns, ssd.stall_every_ns - ssd.stall_ns, ssd.stall_every_ns);

	return mul_div(working, 100 * SSD_REQUEST_BYTES, mean_service());
}

static uint64_t smallest_target_ns(const struct disk_load_guest *guest)
{
	uint64_t least = UINT64_MAX;

	for (uint32_t t = 0; t < guest->task_count; t++) {
		if (guest->tasks[t].target_ns > 0)
			least = min_u64(least, guest->tasks[t].target_ns);
	}
	return least;
}

/* A second's demand of all guests, or of one, in bytes. */
static uint64_t demand_of(const struct disk_load_guest *guest)
{
	uint64_t requests = 0;

	for (uint32_t t = 0; t < guest->task_count; t++)
		requests += guest->tasks[t].iops;
	return requests * SSD_REQUEST_BYTES;
}

static uint64_t demand(const struct disk_load *load)
{
	uint64_t bytes = 0;

	for (uint32_t g = 0; g < load->guest_count; g++)
		bytes += demand_of(&load->guests[g]);
	return bytes;
}

/* Priorities by criticality are those by period, too: targets grow with the guest's number. */
static enum err give_budgets(struct rtvirtio_settings *s, bool is_whole_disk)
{
	const double supply = (double)supply_bytes(SEC(1)), asked = (double)demand(&s->load);
	const double cut = asked > supply ? supply / asked : 1;
	double inverse_sum = 0;

	for (uint32_t g = 0; g < s->load.guest_count; g++) {
		const uint64_t target_ns = smallest_target_ns(&s->load.guests[g]);

		if (target_ns == UINT64_MAX)
			return ERR_INVAL;
		inverse_sum += 1.0 / (double)target_ns;
	}
	for (uint32_t g = 0; g < s->load.guest_count; g++) {
		const uint64_t period_ns = smallest_target_ns(&s->load.guests[g]);
		const double share = 1.0 / (double)period_ns / inverse_sum;
		const double bytes_per_s = is_whole_disk
						   ? share * supply
						   : cut * (double)demand_of(&s->load.guests[g]);

		s->clients[g].period_tsc = period_ns;
		s->clients[g].budget_bytes =
			(uint64_t)ceil(bytes_per_s * (double)period_ns / (double)SEC(1));
	}
	return OK;
}

static enum err optimize(struct rtvirtio_settings *s, enum rtvirtio_scheme scheme)
{
	const bool is_mlp = scheme == RTVIRTIO_MLP || scheme == RTVIRTIO_MLP_PAPER;
	const bool is_paper = scheme == RTVIRTIO_ANALYTIC_PAPER || scheme == RTVIRTIO_MLP_PAPER;
	static struct disk_optimum optimum;
	const enum err e = disk_optimize(
		&s->load, is_mlp ? LATENCY_MLP : LATENCY_ANALYTIC,
		is_paper ? &disk_optimizer_paper_range : &disk_optimizer_range, &optimum);

	if (e != OK)
		return e;
	s->load = optimum.load;
	s->is_predicted = true;
	s->is_met = optimum.is_met;
	for (uint32_t g = 0; g < s->load.guest_count; g++) {
		for (uint32_t t = 0; t < s->load.guests[g].task_count; t++)
			s->predicted_ns[g][t] = optimum.predicted_ns[g][t];
	}
	return OK;
}

static void give_priorities(struct rtvirtio_settings *s)
{
	for (uint32_t g = 0; g < s->load.guest_count; g++)
		s->clients[g].priority = s->load.guest_count - g;
}

enum err rtvirtio_settle(struct rtvirtio_settings *s, enum rtvirtio_scheme scheme,
			 const struct disk_load *load)
{
	enum err e = OK;

	*s = (struct rtvirtio_settings){ .load = *load };
	if (scheme >= RTVIRTIO_ANALYTIC)
		e = optimize(s, scheme);
	s->sched = disk_sim_bfq(&s->load, SSD_DEPTH, s->clients);
	give_priorities(s);
	switch (scheme) {
	case RTVIRTIO_NONE:
		s->sched.kind = IOSCHED_NONE;
		break;
	case RTVIRTIO_BFQ_NOT_STRICT:
		s->sched.is_strict = false;
		break;
	case RTVIRTIO_IONICE_NO_IDLE:
		s->sched.slice_idle_tsc = 0;
		s->sched.kind = IOSCHED_PRIORITY;
		break;
	case RTVIRTIO_IONICE:
		s->sched.kind = IOSCHED_PRIORITY;
		break;
	case RTVIRTIO_BUDGETS:
	case RTVIRTIO_BUDGETS_ALL:
		s->sched.kind = IOSCHED_BUDGET;
		e = give_budgets(s, scheme == RTVIRTIO_BUDGETS_ALL);
		break;
	default:
		break;
	}
	return e;
}

void rtvirtio_extend(struct rtvirtio_settings *s, const struct disk_load *other)
{
	for (uint32_t g = 0; g < other->guest_count; g++) {
		struct iosched_client_config *const c = &s->clients[g];

		if (g >= s->sched.client_count)
			c->weight = DEFAULT_WEIGHT;
		for (; c->queue_count < other->guests[g].task_count; c->queue_count++)
			c->queue_weights[c->queue_count] = DEFAULT_WEIGHT;
	}
	if (s->sched.client_count < other->guest_count)
		s->sched.client_count = other->guest_count;
}
