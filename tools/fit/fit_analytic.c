/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/fit/fit_analytic.c - the five lambdas of paper 000, by least squares: fit_analytic DATA-SET OUT
 *
 * Model    Terms of eq. (1) to (5) from io/latency.h, the lambdas from GSL ("Nonlinear Least-Squares
 *	    Fitting", Levenberg-Marquardt). What is squared is log2 (estimate / measured): tails
 *	    reach from under 1 ms to several s, and squares of ms would be about the few largest
 *	    only. For comparison the fit of plain ms is made, too, and what it is worth.
 * Bounds   The solver knows none: it moves x, with lambda_phi = e^x, lambda_ts = x^2, lambda_si = sin^2 x.
 * Tie	    Guests have no scheduler of their own: TS of host and guest are one number, and only the
 *	    sum of their lambdas can be known. A weight too small to matter else pulls the guest's
 *	    to 0, where Table III has it.
 * Margin   The factor that leaves MARGIN_ABOVE of the conditions' tasks above it, from fits that did
 *	    not have them: five folds by condition. One for slice_idle 0, one for the others.
 */
#include <gsl/gsl_blas.h>
#include <gsl/gsl_multifit_nlinear.h>
#include <gsl/gsl_version.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tools/fit/data_rows.h"
#include "tools/sim/disk_sim.h"

#define FOLD_COUNT 5u
#define NO_FOLD    FOLD_COUNT
/* Somewhat less than the 1 % that is promised of others; where a smaller part costs little, that. */
#define MARGIN_ABOVE         0.009
#define MARGIN_ABOVE_NO_IDLE 0.002
#define TIE_WEIGHT           1e-2 /* of a residual: log2 of 1, or 1 s */
#define STEP_MAX             200u
#define FLAT                 0.05
#define START_STEP           23u /* in no step with folds */
/* SW: what a request costs on its way, as the simulator has it; a task's queue is one more. */
#define SWITCH_NS ((double)(DISK_SIM_SEND_NS + DISK_SIM_RETURN_NS))

enum { PHI, TS_GUEST, SI_GUEST, TS_HOST, SI_HOST, LAMBDA_COUNT };
static const char *const lambda_names[LAMBDA_COUNT] = { "phi", "ts_guest", "si_guest", "ts_host",
							"si_host" };

struct fit_row {
	struct latency_terms terms;
	double tail_ns;
	uint32_t fold;
};

enum metric { METRIC_LOG, METRIC_MS };

struct fit_data {
	struct fit_row *rows;
	size_t count, room;
	struct latency_domain domain;
	/* Of the fit at hand. */
	enum metric metric;
	uint32_t without; /* this fold; NO_FOLD: with all */
	uint32_t step;    /* a row in so many */
};

struct lambdas {
	double of[LAMBDA_COUNT], error[LAMBDA_COUNT]; /* standard errors */
	double x[LAMBDA_COUNT];                       /* the solver's */
	double cost;
};

static void add_row(void *context, const struct data_row *row, const struct disk_load *load,
		    const struct latency_sums *sums)
{
	struct fit_data *data = context;
	struct fit_row *r;

	if (row->set != CONDITION_FIT)
		return;
	if (data->count == data->room) {
		data->room = data->room ? 2 * data->room : 4096;
		data->rows = realloc(data->rows, data->room * sizeof(*data->rows));
		if (!data->rows) {
			perror("fit_analytic");
			exit(1);
		}
	}
	data_domain_extend(&data->domain, load);
	r = &data->rows[data->count++];
	latency_make_terms(load, sums, row->guest, row->task, &r->terms);
	r->tail_ns = (double)row->tail_ns;
	r->fold = row->condition % FOLD_COUNT;
}

/* --- the model ---------------------------------------------------------------------------- */

static double throughput_left(double slice_idle_ns, double lambda)
{
	return fmax(1 - lambda * slice_idle_ns / (double)LATENCY_SLICE_IDLE_DEFAULT_NS,
		    LATENCY_EFFECT_MIN);
}

/* io/latency.h, struct latency_terms, in floating point. */
static double estimate_ns(const struct latency_terms *t, const double lambda[LAMBDA_COUNT])
{
	double host = (double)t->host_own / lambda[PHI] + (double)t->host_others;
	double guest = ((double)t->guest_own / lambda[PHI] + (double)t->guest_others) / lambda[PHI];

	return t->task_count * SWITCH_NS +
	       host / throughput_left((double)t->slice_idle, lambda[SI_HOST]) +
	       guest / throughput_left((double)t->slice_idle, lambda[SI_GUEST]) +
	       (lambda[TS_HOST] + lambda[TS_GUEST]) * (double)t->timeout;
}

static void lambdas_of(const gsl_vector *x, double lambda[LAMBDA_COUNT])
{
	lambda[PHI] = exp(gsl_vector_get(x, PHI));
	lambda[TS_GUEST] = pow(gsl_vector_get(x, TS_GUEST), 2);
	lambda[SI_GUEST] = pow(sin(gsl_vector_get(x, SI_GUEST)), 2);
	lambda[TS_HOST] = pow(gsl_vector_get(x, TS_HOST), 2);
	lambda[SI_HOST] = pow(sin(gsl_vector_get(x, SI_HOST)), 2);
}

/* d lambda / d x */
static double slope_of(const gsl_vector *x, uint32_t i)
{
	double v = gsl_vector_get(x, i);

	if (i == PHI)
		return exp(v);
	return i == TS_GUEST || i == TS_HOST ? 2 * v : sin(2 * v);
}

static double residual(enum metric metric, double estimate, double tail)
{
	return metric == METRIC_LOG ? log2(estimate / tail) : (estimate - tail) / 1e6;
}

static bool is_used(const struct fit_data *data, size_t i)
{
	return data->rows[i].fold != data->without && i % data->step == 0;
}

static int residuals(const gsl_vector *x, void *params, gsl_vector *f)
{
	const struct fit_data *data = params;
	double lambda[LAMBDA_COUNT];
	size_t n = 0;

	lambdas_of(x, lambda);
	for (size_t i = 0; i < data->count; i++) {
		const struct fit_row *r = &data->rows[i];

		if (is_used(data, i))
			gsl_vector_set(
				f, n++,
				residual(data->metric, estimate_ns(&r->terms, lambda), r->tail_ns));
	}
	gsl_vector_set(f, n,
		       (data->metric == METRIC_LOG ? 1 : 1000) * TIE_WEIGHT * sqrt((double)n) *
			       lambda[TS_GUEST]);
	return GSL_SUCCESS;
}

/* --- the fit ------------------------------------------------------------------------------ */

static size_t rows_within(const struct fit_data *data)
{
	size_t n = 0;

	for (size_t i = 0; i < data->count; i++)
		n += is_used(data, i);
	return n;
}

static void take_result(gsl_multifit_nlinear_workspace *w, size_t n, struct lambdas *out)
{
	gsl_matrix *covariance = gsl_matrix_alloc(LAMBDA_COUNT, LAMBDA_COUNT);
	gsl_vector *f = gsl_multifit_nlinear_residual(w);
	gsl_vector *x = gsl_multifit_nlinear_position(w);
	double sum;

	gsl_blas_ddot(f, f, &sum);
	gsl_multifit_nlinear_covar(gsl_multifit_nlinear_jac(w), 0, covariance);
	lambdas_of(x, out->of);
	for (uint32_t i = 0; i < LAMBDA_COUNT; i++)
		out->x[i] = gsl_vector_get(x, i);
	out->cost = sum / (double)n;
	for (uint32_t i = 0; i < LAMBDA_COUNT; i++)
		out->error[i] = fabs(slope_of(x, i)) *
				sqrt(out->cost * fmax(gsl_matrix_get(covariance, i, i), 0));
	gsl_matrix_free(covariance);
}

static void fit_from(struct fit_data *data, const double start[LAMBDA_COUNT], struct lambdas *out)
{
	gsl_multifit_nlinear_parameters how = gsl_multifit_nlinear_default_parameters();
	size_t n = rows_within(data);
	gsl_multifit_nlinear_fdf fdf = {
		.f = residuals, .n = n + 1, .p = LAMBDA_COUNT, .params = data
	};
	gsl_multifit_nlinear_workspace *w;
	gsl_vector_const_view x = gsl_vector_const_view_array(start, LAMBDA_COUNT);
	int info;

	how.solver = gsl_multifit_nlinear_solver_svd; /* a lambda may have come to matter no more */
	w = gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &how, n + 1, LAMBDA_COUNT);
	if (!w || gsl_multifit_nlinear_init(&x.vector, &fdf, w)) {
		fprintf(stderr, "fit_analytic: no memory, or no data\n");
		exit(1);
	}
	/* An end without progress is a minimum, too: what counts is the cost. */
	gsl_multifit_nlinear_driver(STEP_MAX, 1e-8, 1e-10, 1e-12, NULL, NULL, &info, w);
	take_result(w, n, out);
	gsl_multifit_nlinear_free(w);
}

/* The cost has more than one valley: the best of several places, by a part of the rows, is where. */
static void find_start(struct fit_data *data, double start[LAMBDA_COUNT])
{
	static const double phi[] = { 0.36, 1, 3 }, si[] = { 0.2, 0.8 }, ts[] = { 0.3, 1 };
	struct lambdas best = { .cost = HUGE_VAL };

	data->step = START_STEP;
	for (uint32_t i = 0; i < ARRAY_SIZE(phi) * ARRAY_SIZE(si) * ARRAY_SIZE(ts); i++) {
		const double from[LAMBDA_COUNT] = {
			[PHI] = log(phi[i / 4]),     [TS_GUEST] = 0.1,
			[SI_GUEST] = si[i & 1],      [TS_HOST] = ts[i >> 1 & 1],
			[SI_HOST] = si[1 - (i & 1)],
		};
		struct lambdas found;

		fit_from(data, from, &found);
		if (found.cost < best.cost)
			best = found;
	}
	memcpy(start, best.x, sizeof(best.x));
	data->step = 1;
}

static struct lambdas refit(struct fit_data *data, const double start[LAMBDA_COUNT],
			    uint32_t without)
{
	double from[LAMBDA_COUNT];
	struct lambdas found;

	/* Where x^2 and sin^2 are flat, nothing would show the way out. */
	from[PHI] = start[PHI];
	for (uint32_t i = PHI + 1; i < LAMBDA_COUNT; i++)
		from[i] = fmax(fabs(start[i]), FLAT);
	data->without = without;
	fit_from(data, from, &found);
	return found;
}

static struct lambdas fit(struct fit_data *data, enum metric metric)
{
	double start[LAMBDA_COUNT];

	data->metric = metric;
	data->without = NO_FOLD;
	find_start(data, start);
	return refit(data, start, NO_FOLD);
}

/* --- the margin --------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of tail / estimate in log2: at most a part `above` of the tasks, idled for or not, is above it. */
static double margin_of(const struct fit_data *data, const struct lambdas folds[FOLD_COUNT],
			bool has_idling, double above)
{
	double *ratios = malloc(data->count * sizeof(*ratios)), margin = 0;
	size_t n = 0;

	if (!ratios) {
		perror("fit_analytic");
		exit(1);
	}
	for (size_t i = 0; i < data->count; i++) {
		const struct fit_row *r = &data->rows[i];

		if ((r->terms.slice_idle > 0) == has_idling)
			ratios[n++] = log2(r->tail_ns / estimate_ns(&r->terms, folds[r->fold].of));
	}
	if (n > 0) {
		qsort(ratios, n, sizeof(*ratios), compare);
		margin = ratios[(size_t)((double)(n - 1) * (1 - above))];
	}
	free(ratios);
	return fmax(margin, 0);
}

/* --- what is told ------------------------------------------------------------------------- */

static void print_lambdas(FILE *f, const char *name, const struct lambdas *l)
{
	fprintf(f, " \"%s\": {", name);
	for (uint32_t i = 0; i < LAMBDA_COUNT; i++)
		fprintf(f, "\"%s\": %.9g, ", lambda_names[i], l->of[i]);
	fprintf(f, "\"standard_errors\": [");
	for (uint32_t i = 0; i < LAMBDA_COUNT; i++)
		fprintf(f, "%s%.3g", i ? ", " : "", l->error[i]);
	fprintf(f, "], \"mean_square\": %.6g},\n", l->cost);
}

static void say(const char *what, const struct lambdas *l)
{
	printf("  fit     %-18s", what);
	for (uint32_t i = 0; i < LAMBDA_COUNT; i++)
		printf(" %s %.4f", lambda_names[i], l->of[i]);
	printf("  mean square %.4g\n", l->cost);
	fflush(stdout);
}

/* bfq's own timeout is 125 ms; Table II has 124 for it. */
#define TIMEOUT_DEFAULT_NS MS(125)

static void print_domain(FILE *f, const struct latency_domain *d)
{
	uint64_t timeout_ns = d->timeout_max_ns == MS(124) ? TIMEOUT_DEFAULT_NS : d->timeout_max_ns;

	fprintf(f,
		" \"domain\": {\"guest_max\": %u, \"task_max\": %u, \"weight_min\": %u, "
		"\"weight_max\": %u, \"iops_min\": %u, \"iops_max\": %u, "
		"\"slice_idle_min_us\": %" PRIu64 ", \"slice_idle_max_us\": %" PRIu64
		", \"timeout_min_us\": %" PRIu64 ", \"timeout_max_us\": %" PRIu64
		", \"request_bytes\": %u, \"max_budget_bytes\": %" PRIu64
		", \"bytes_per_s\": %" PRIu64 "},\n",
		d->guest_max, d->task_max, d->weight_min, d->weight_max, d->iops_min, d->iops_max,
		d->slice_idle_min_ns / 1000, d->slice_idle_max_ns / 1000, d->timeout_min_ns / 1000,
		timeout_ns / 1000, d->request_bytes, d->max_budget_bytes, d->bytes_per_s);
}

static int write_out(const char *path, const struct fit_data *data, uint32_t conditions,
		     const struct lambdas *log, const struct lambdas *ms, const double margins[2])
{
	FILE *f = fopen(path, "w");

	if (!f) {
		perror(path);
		return 1;
	}
	fprintf(f, "{\n");
	print_lambdas(f, "lambda", log);
	print_lambdas(f, "lambda_of_plain_ms", ms);
	print_domain(f, &data->domain);
	fprintf(f,
		" \"switch_ns\": %.0f,\n \"margin_log2\": %.9g,\n \"margin_no_idle_log2\": %.9g,\n \"rows\": %zu,\n"
		" \"conditions_of_all_sets\": %u,\n \"gsl\": \"%s\"\n}\n",
		SWITCH_NS, margins[1], margins[0], data->count, conditions, GSL_VERSION);
	return fclose(f) != 0;
}

int main(int argc, char **argv)
{
	struct fit_data data = { 0 };
	struct lambdas log, ms, folds[FOLD_COUNT];
	uint32_t conditions;
	double margins[2];

	if (argc != 3) {
		fprintf(stderr, "usage: fit_analytic DATA-SET OUT\n");
		return 2;
	}
	gsl_set_error_handler_off();
	conditions = data_rows_read(argv[1], add_row, &data);
	printf("  fit     %zu rows to fit, %u conditions of all sets\n", data.count, conditions);
	ms = fit(&data, METRIC_MS);
	say("squares of ms", &ms);
	log = fit(&data, METRIC_LOG);
	say("squares of log2", &log);
	for (uint32_t i = 0; i < FOLD_COUNT; i++) {
		folds[i] = refit(&data, log.x, i);
		say(".. without a fold", &folds[i]);
	}
	margins[0] = margin_of(&data, folds, false, MARGIN_ABOVE_NO_IDLE);
	margins[1] = margin_of(&data, folds, true, MARGIN_ABOVE);
	printf("  fit     margins: factors of %.3f, and %.3f without slice_idle\n",
	       exp2(margins[1]), exp2(margins[0]));
	free(data.rows);
	return write_out(argv[2], &data, conditions, &log, &ms, margins);
}
