/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/lqn/solve.c - mean value analysis of a layered queueing network: tools/lqn/model.h.
 *
 * Every source is a class; so is every entry of a task whose threads are held while others work (a layer): such a task
 * is a station of its callers and a customer of its processors, and its service time is what it waits for there
 * (Rolia and Sevcik's method of layers, all layers in one fixed point). Tasks that hold nothing are the queue of their
 * processor. What an arrival sees comes from one customer less: by the recursion (Reiser and Lavenberg) where there are
 * few populations and no layers, otherwise by Schweitzer's estimate of it.
 * Approximations: requests in service have their residual time left (Reiser's for services that vary less than
 * exponential ones); m servers are one, m times as fast, and a delay (Seidmann); weights share as processor sharing
 * does, in proportion, among those that are there; a reservation is a processor that is slowed down until it is busy
 * for budget/period at most.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tools/lqn/model.h"

#define E           LQN_ENTRIES_MAX
#define C           20u /* classes */
#define K           LQN_PROCESSORS_MAX
#define POPULATIONS 2000u
#define ROUNDS_MAX  20000u
#define SLOW_ROUNDS 400u
#define SETTLED     1e-9
#define FULL        (1 - 1e-6)

/* A step of a class's way. */
struct step {
	uint32_t entry;
	double count;
};

struct class
{
	uint32_t entry, threads; /* threads: customers, or of its layer; 0: open */
	bool is_layer;
	double think;
	double visits[K], demand[K], wake[K], sleep[K], residual[K], weight[K]; /* of a cycle */
	double gates[E]; /* calls of layers' entries */
	struct step steps[E];
	uint32_t step_count;
};

/* What a class does at stations; `queue` and `used` without the delays of several servers. */
struct load {
	double queue[C][K], used[C][K];
};

struct solver {
	const struct lqn *m;
	struct class classes[C];
	uint32_t count;
	double slow[K];
	double full[K], burst[K]; /* of groups: others that use up their budgets, and these */
	double idle[C][K]; /* how often a request finds nobody there, when budgets do not end */
	bool has_ends[K];  /* they do: of groups */
	struct load now;
	double rate[C], response[C], lost[C];
	double gate_queue[C], service[C]; /* of layers */
	uint32_t class_of[E];
	uint32_t rounds;
};

/* --- classes ------------------------------------------------------------------------------------- */

static void walk(struct solver *s, struct class *c, uint32_t entry, double count)
{
	const struct lqn_entry *e = &s->m->entries[entry];
	const uint32_t k = s->m->tasks[e->task].processor;

	c->visits[k] += count;
	c->demand[k] += count * e->demand;
	c->wake[k] += count * e->wake;
	c->sleep[k] += count * e->sleep;
	c->residual[k] += count * e->demand * e->demand * (1 + e->cv2) / 2;
	c->weight[k] = s->m->tasks[e->task].weight;
	if (c->step_count < E)
		c->steps[c->step_count++] = (struct step){ entry, count };
	for (uint32_t i = 0; i < e->call_count; i++) {
		const uint32_t to = e->calls[i].to;

		if (lqn_is_layer(s->m, s->m->entries[to].task))
			c->gates[to] += count * e->calls[i].count;
		else
			walk(s, c, to, count * e->calls[i].count);
	}
}

static bool make_classes(struct solver *s)
{
	for (uint32_t i = 0; i < s->m->entry_count; i++) {
		const struct lqn_entry *e = &s->m->entries[i];
		const struct lqn_task *t = &s->m->tasks[e->task];
		struct class *c = &s->classes[s->count];

		s->class_of[i] = LQN_NONE;
		if (!lqn_is_source(s->m, i) && !lqn_is_layer(s->m, e->task))
			continue;
		if (s->count == C)
			return false;
		c->entry = i;
		c->is_layer = lqn_is_layer(s->m, e->task);
		c->threads = t->is_reference || c->is_layer ? t->threads : 0;
		c->think = e->think;
		walk(s, c, i, 1);
		s->class_of[i] = s->count++;
	}
	for (uint32_t k = 0; k < s->m->processor_count; k++)
		s->slow[k] = 1;
	return true;
}

static bool has_layers(const struct solver *s)
{
	for (uint32_t i = 0; i < s->count; i++)
		if (s->classes[i].is_layer)
			return true;
	return false;
}

static double servers(const struct solver *s, uint32_t k)
{
	return s->m->processors[k].servers;
}

/* --- a station, as an arrival of class `c` finds it ------------------------------------------------ */

/* What of `seen` an arrival finds of class j: of its own, it is not there itself. */
static double part_seen(const struct solver *s, uint32_t c, uint32_t j, bool is_one_less)
{
	const struct class *own = &s->classes[c], *other = &s->classes[j];
	const bool is_same =
		c == j || (own->is_layer && other->is_layer &&
			   s->m->entries[own->entry].task == s->m->entries[other->entry].task);

	if (is_one_less || !is_same || !own->threads)
		return 1;
	return ((double)own->threads - 1) / own->threads;
}

struct view {
	double open, used, work;     /* of open classes; of all; work that is ahead */
	double own, shares, is_idle; /* by weights: own requests; the others' weights, of ours */
};

static struct view look(const struct solver *s, uint32_t c, uint32_t k, const struct load *seen,
			bool is_one_less)
{
	struct view v = { 0 };

	for (uint32_t j = 0; j < s->count; j++) {
		const struct class *o = &s->classes[j];
		const double part = part_seen(s, c, j, is_one_less);
		const double used = part * seen->used[j][k], queue = part * seen->queue[j][k];
		double mean, residual;

		if (o->demand[k] <= 0)
			continue;
		mean = o->demand[k] / o->visits[k] * s->slow[k] / servers(s, k);
		residual = o->residual[k] / o->demand[k] * s->slow[k] / servers(s, k);
		if (!o->threads) {
			/* Kingman's: how much arrivals vary matters as much as how much services do. */
			residual += mean * (s->m->entries[o->entry].arrivals_cv2 - 1) / 2;
			v.open += used;
			v.work += used * residual;
		} else {
			v.work += fmax(0, queue - used) * mean +
				  used * (residual + (mean - residual) * fmin(1, used));
		}
		v.used += used;
		if (j == c)
			v.own = queue;
		else
			v.shares += fmin(1, queue) * o->weight[k] / s->classes[c].weight[k];
	}
	v.open = fmin(v.open, FULL);
	v.is_idle = fmax(0, 1 - v.used);
	return v;
}

/* Time of a cycle that is service, slowed down, with what it takes to wake. */
static double service_of(const struct solver *s, uint32_t c, uint32_t k, double is_idle)
{
	return (s->classes[c].demand[k] + s->classes[c].wake[k] * is_idle) * s->slow[k];
}

/* How long a cycle of `c` is at k; `*queued`: without the delay of several servers. */
static double reside(const struct solver *s, uint32_t c, uint32_t k, const struct load *seen,
		     bool is_one_less, double *queued, double *service, double *idle)
{
	const struct view v = look(s, c, k, seen, is_one_less);
	const double m = servers(s, k);
	double queue;

	/* Who waits for its budget is not idle; but while it has some, all is as it would be without an end. */
	*idle = s->has_ends[k] && s->classes[c].threads ? s->idle[c][k] : v.is_idle;
	*service = service_of(s, c, k, *idle);
	switch (s->m->processors[k].scheduling) {
	case LQN_DELAY:
		return *queued = *service;
	case LQN_BY_WEIGHT:
		*queued = *service / m * (1 + v.own) * (1 + v.shares);
		break;
	default:
		if (s->classes[c].threads)
			*queued = (s->classes[c].visits[k] * v.work + *service / m) / (1 - v.open);
		else
			*queued = s->classes[c].visits[k] * v.work / (1 - v.open) + *service / m;
	}
	queue = *queued + *service * (m - 1) / m;
	/* Nobody waits for it to be over. */
	*service += s->classes[c].sleep[k] * *idle * s->slow[k];
	return queue;
}

/* Waiting for a thread of the layer behind gate l, and then for its answer. */
static double pass_gate(const struct solver *s, uint32_t c, uint32_t l)
{
	const uint32_t layer = s->class_of[l];
	const double m = s->classes[layer].threads;
	double ahead = 0;

	for (uint32_t j = 0; j < s->count; j++)
		if (s->classes[j].is_layer &&
		    s->m->entries[s->classes[j].entry].task == s->m->entries[l].task)
			ahead += s->gate_queue[j] * s->service[j] / m;
	/* Its own part of the queue, as in part_seen(). */
	if (s->classes[c].threads && s->gate_queue[layer] > 0) {
		const double own = s->rate[c] * s->classes[c].gates[l] /
				   fmax(s->rate[layer], 1e-300) * s->gate_queue[layer];

		ahead -= own / s->classes[c].threads * s->service[layer] / m;
	}
	return fmax(0, ahead) + s->service[layer];
}

/* --- open classes ---------------------------------------------------------------------------------- */

/* What arrives at, and what gets through, each step of each open class, as often as others let it. */
static double flow_through(struct solver *s, uint32_t c, double came[C][K],
			   const double before[C][K])
{
	const struct class *o = &s->classes[c];
	double rate = s->m->entries[o->entry].arrivals;

	for (uint32_t i = 0; i < o->step_count; i++) {
		const struct lqn_entry *e = &s->m->entries[o->steps[i].entry];
		const uint32_t k = s->m->tasks[e->task].processor;
		const double time = o->steps[i].count * s->slow[k];
		double load = 0, own;

		if (e->limit > 0)
			rate = fmin(rate, e->limit);
		for (uint32_t j = 0; j < s->count; j++)
			load += j == c ? 0 : before[j][k];
		/* rho = rate (s + w (1 - rho)): who finds it idle wakes it. */
		own = rate * time * e->demand / servers(s, k);
		if (own < 1)
			own = (own + rate * time * (e->wake + e->sleep) / servers(s, k)) /
			      (1 + rate * time * (e->wake + e->sleep) / servers(s, k));
		if (s->m->processors[k].scheduling == LQN_DELAY)
			own = 0;
		came[c][k] += own;
		rate *= 1 - lqn_part_refused((load + came[c][k]) * (own > 0),
					     s->m->tasks[e->task].room);
	}
	return rate;
}

/* Rates and use of the open classes: their loads at stations depend on each other. */
static void solve_open(struct solver *s)
{
	double before[C][K] = { { 0 } };

	for (uint32_t round = 0; round < 100; round++) {
		double came[C][K] = { { 0 } };

		for (uint32_t c = 0; c < s->count; c++)
			if (!s->classes[c].threads) {
				const double arrivals = s->m->entries[s->classes[c].entry].arrivals;

				s->rate[c] = flow_through(s, c, came, before);
				s->lost[c] = arrivals - s->rate[c];
			}
		memcpy(before, came, sizeof(before));
	}
	for (uint32_t c = 0; c < s->count; c++)
		for (uint32_t k = 0; k < s->m->processor_count && !s->classes[c].threads; k++)
			s->now.used[c][k] = before[c][k];
	/* No station is busier than always: what is above is what was refused. */
	for (uint32_t k = 0; k < s->m->processor_count; k++) {
		double sum = 0;

		for (uint32_t c = 0; c < s->count; c++)
			sum += s->classes[c].threads ? 0 : s->now.used[c][k];
		for (uint32_t c = 0; c < s->count && sum > 1; c++)
			s->now.used[c][k] /= s->classes[c].threads ? 1 : sum;
	}
}

static void settle_open(struct solver *s)
{
	for (uint32_t c = 0; c < s->count; c++) {
		if (s->classes[c].threads)
			continue;
		s->response[c] = 0;
		for (uint32_t k = 0; k < s->m->processor_count; k++) {
			double queued, service, idle;

			if (s->classes[c].visits[k] > 0)
				s->response[c] +=
					reside(s, c, k, &s->now, false, &queued, &service, &idle);
		}
	}
}

/*
 * Who finds its group idle may come while others use up their budgets, one after the other: it waits for half of these,
 * as often as it comes then; but within a period only once, however short its cycle is.
 */
static double waits_for_turns(const struct solver *s, uint32_t c, double cycle)
{
	double sum = 0;

	for (uint32_t k = 0; k < s->m->processor_count; k++)
		if (s->classes[c].visits[k] > 0 && s->full[k] > 0 && !s->has_ends[k])
			sum += s->idle[c][k] * s->full[k] *
			       fmin(s->burst[k] / 2, cycle / fmax(1 - s->full[k], 0.01));
	return sum;
}

static void note_idle(struct solver *s, uint32_t c, uint32_t k, double idle)
{
	if (!s->has_ends[k])
		s->idle[c][k] = idle;
}

/* --- closed classes: the recursion ------------------------------------------------------------------ */

static uint64_t population_count(const struct solver *s)
{
	uint64_t count = 1;

	for (uint32_t c = 0; c < s->count; c++) {
		count *= (uint64_t)s->classes[c].threads + 1;
		if (count > POPULATIONS)
			return 0;
	}
	return count;
}

static void step_population(struct solver *s, struct load *states, const uint64_t *stride,
			    uint64_t index)
{
	struct load *own = &states[index];

	*own = s->now; /* the open classes' part; the closed ones' is written below, or 0 */
	for (uint32_t c = 0; c < s->count; c++) {
		const struct class *o = &s->classes[c];
		const uint64_t n = o->threads ? index / stride[c] % (o->threads + 1u) : 0;
		double queued[K], service[K], idle, cycle = o->think;

		if (!o->threads)
			continue;
		memset(own->queue[c], 0, sizeof(own->queue[c]));
		memset(own->used[c], 0, sizeof(own->used[c]));
		s->rate[c] = 0;
		if (!n)
			continue;
		for (uint32_t k = 0; k < s->m->processor_count; k++) {
			if (o->visits[k] <= 0)
				continue;
			cycle += reside(s, c, k, &states[index - stride[c]], true, &queued[k],
					&service[k], &idle);
			note_idle(s, c, k, idle);
		}
		cycle += waits_for_turns(s, c, cycle);
		s->rate[c] = (double)n / cycle;
		s->response[c] = cycle - o->think;
		for (uint32_t k = 0; k < s->m->processor_count; k++)
			if (o->visits[k] > 0) {
				own->queue[c][k] = s->rate[c] * queued[k];
				own->used[c][k] = s->rate[c] * service[k] / servers(s, k);
			}
	}
}

static bool solve_recursively(struct solver *s, uint64_t count)
{
	struct load *states = calloc(count, sizeof(*states));
	uint64_t stride[C], next = 1;

	if (!states)
		return false;
	for (uint32_t c = 0; c < s->count; c++) {
		stride[c] = next;
		next *= s->classes[c].threads + 1u;
	}
	for (uint64_t i = 0; i < count; i++)
		step_population(s, states, stride, i);
	s->now = states[count - 1];
	s->rounds += (uint32_t)count;
	free(states);
	return true;
}

/* --- closed classes and layers: a fixed point -------------------------------------------------------- */

static double estimate(struct solver *s, uint32_t c, struct load *next)
{
	const struct class *o = &s->classes[c];
	double cycle = 0, rate;
	double queued[K], service[K], idle;

	for (uint32_t k = 0; k < s->m->processor_count; k++) {
		if (o->visits[k] <= 0)
			continue;
		cycle += reside(s, c, k, &s->now, false, &queued[k], &service[k], &idle);
		note_idle(s, c, k, idle);
	}
	cycle += waits_for_turns(s, c, cycle);
	for (uint32_t l = 0; l < s->m->entry_count; l++)
		if (o->gates[l] > 0)
			cycle += o->gates[l] * pass_gate(s, c, l);
	rate = o->is_layer ? s->rate[c] : o->threads / fmax(cycle + o->think, 1e-12);
	for (uint32_t k = 0; k < s->m->processor_count; k++) {
		const double x = o->visits[k] > 0 ? rate : 0;

		next->queue[c][k] = x > 0 ? x * queued[k] : 0;
		next->used[c][k] = x > 0 ? x * service[k] / servers(s, k) : 0;
	}
	s->response[c] = cycle;
	return rate;
}

/* Rates of layers follow from those who call them. */
static void drive_layers(struct solver *s)
{
	double queue[C] = { 0 }, rate[C] = { 0 };

	for (uint32_t c = 0; c < s->count; c++)
		for (uint32_t l = 0; l < s->m->entry_count; l++) {
			const double calls = s->classes[c].gates[l] * s->rate[c];
			const uint32_t layer = calls > 0 ? s->class_of[l] : 0;
			const double m = s->classes[layer].threads;

			if (!(calls > 0))
				continue;
			rate[layer] += calls;
			queue[layer] +=
				calls * (pass_gate(s, c, l) - s->service[layer] * (m - 1) / m);
		}
	for (uint32_t c = 0; c < s->count; c++)
		if (s->classes[c].is_layer) {
			s->rate[c] = rate[c];
			s->gate_queue[c] = fmax(0, queue[c]);
			s->service[c] = s->response[c];
		}
}

static bool solve_by_estimate(struct solver *s)
{
	for (uint32_t round = 0; round < ROUNDS_MAX; round++) {
		struct load next = s->now;
		double change = 0;

		for (uint32_t c = 0; c < s->count; c++) {
			double rate;

			if (!s->classes[c].threads)
				continue;
			rate = estimate(s, c, &next);
			change = fmax(change, fabs(rate - s->rate[c]) / fmax(rate, 1e-300));
			s->rate[c] = s->classes[c].is_layer ? rate : (s->rate[c] + rate) / 2;
		}
		for (uint32_t c = 0; c < s->count; c++)
			for (uint32_t k = 0; k < s->m->processor_count; k++) {
				const double queue = (s->now.queue[c][k] + next.queue[c][k]) / 2;

				change = fmax(change,
					      fabs(queue - s->now.queue[c][k]) / (1 + queue));
				s->now.queue[c][k] = queue;
				s->now.used[c][k] = (s->now.used[c][k] + next.used[c][k]) / 2;
			}
		drive_layers(s);
		s->rounds++;
		if (round > 10 && change < SETTLED)
			return true;
	}
	return false;
}

/* --- all of it ------------------------------------------------------------------------------------- */

static double utilization(const struct solver *s, uint32_t k)
{
	double sum = 0;

	for (uint32_t c = 0; c < s->count; c++)
		sum += s->now.used[c][k];
	return sum * servers(s, k) / s->slow[k];
}

/* What others of its host leave to group k: those that use up their budgets do so in one go. */
static double share_host(struct solver *s, uint32_t k)
{
	const struct lqn_processor *p = &s->m->processors[k];
	double others = 0;

	s->full[k] = s->burst[k] = 0;
	for (uint32_t j = 0; j < s->m->processor_count; j++) {
		if (j == k || s->m->processors[j].host != p->host)
			continue;
		others += s->has_ends[j] ? 0 : utilization(s, j);
		s->full[k] += s->has_ends[j] ? utilization(s, j) : 0;
		s->burst[k] += s->has_ends[j] ? s->m->processors[j].budget : 0;
	}
	return 1 / fmax(lqn_capacity(p), 1 - others);
}

/*
 * How much slower processors are: groups so that none is busier than its part (if budgets have ends), and all of them so
 * that none is busier than it can be, which residual times alone do not see to. The largest change.
 */
static double slow_down(struct solver *s, bool with_ends)
{
	double change = 0;

	for (uint32_t k = 0; k < s->m->processor_count; k++) {
		const struct lqn_processor *p = &s->m->processors[k];
		const bool is_group = p->host != LQN_NONE;
		const double capacity = is_group && !with_ends ? 1 : lqn_capacity(p);
		const double used = utilization(s, k);
		double slow;

		if (p->scheduling == LQN_DELAY)
			continue;
		s->has_ends[k] =
			with_ends && is_group && (s->has_ends[k] || used > capacity * FULL);
		slow = fmax(is_group ? share_host(s, k) : 1, s->slow[k] * used / capacity);
		slow = (s->slow[k] + slow) / 2;
		change = fmax(change, fabs(slow / s->slow[k] - 1));
		s->slow[k] = slow;
	}
	return change;
}

static void tell(const struct solver *s, struct lqn_result *out)
{
	for (uint32_t c = 0; c < s->count; c++) {
		const uint32_t entry = s->classes[c].entry;

		if (!lqn_is_source(s->m, entry))
			continue;
		/* Where much is lost, what is not waits as long as there is room: not known here. */
		out->flows[entry] =
			(struct lqn_flow){ s->rate[c], s->lost[c],
					   s->lost[c] > s->rate[c] / 100 ? NAN : s->response[c] };
		lqn_find_bottleneck(s->m, entry, out);
	}
	for (uint32_t k = 0; k < s->m->processor_count; k++)
		out->utilization[k] = utilization(s, k);
	for (uint32_t k = 0; k < s->m->processor_count; k++)
		if (s->m->processors[k].host != LQN_NONE)
			out->utilization[s->m->processors[k].host] += out->utilization[k];
	out->rounds = s->rounds;
}

bool lqn_solve(const struct lqn *model, struct lqn_result *out)
{
	struct solver *s = calloc(1, sizeof(*s));
	bool with_ends = false, is_settled = false, is_solved = s != NULL;
	uint64_t populations;

	memset(out, 0, sizeof(*out));
	if (!s)
		return false;
	s->m = model;
	is_solved = make_classes(s);
	populations = has_layers(s) ? 0 : population_count(s);
	for (uint32_t round = 0; round < SLOW_ROUNDS && is_solved && !is_settled; round++) {
		double change;

		solve_open(s);
		is_solved = populations ? solve_recursively(s, populations) : solve_by_estimate(s);
		settle_open(s);
		change = slow_down(s, with_ends);
		is_settled = with_ends && change < 1e-7;
		with_ends = with_ends || change < 1e-4 || round > SLOW_ROUNDS / 4;
	}
	tell(s, out);
	out->is_exact_recursion = populations != 0;
	free(s);
	return is_solved && is_settled;
}
