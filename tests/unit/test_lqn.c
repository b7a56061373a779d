/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/lqn: where theory has a formula, mean values and events give what it says; what is ours (reservations, what waking
 * costs, limits, weights) does what model.h says. "Events" are random: 1.5 % are some standard deviations.
 */
#include <math.h>
#include <string.h>
#include "tests/test.h"
#include "tools/lqn/model.h"

#define SECONDS 800.0
#define EVENTS  0.015
#define LAYERS  0.1 /* mean values of layers, to events */

static struct lqn model;
static struct lqn_result mean, played;

static void run(const char *text)
{
	char reason[200] = "";

	CHECK(lqn_parse(&model, text, reason, sizeof(reason)));
	if (reason[0])
		printf("%s\n", reason);
	CHECK(lqn_solve(&model, &mean));
	lqn_simulate(&model, SECONDS / 10, SECONDS, 1, &played);
}

static bool is_near(double seen, double expected, double error)
{
	if (fabs(seen - expected) <= error * fabs(expected))
		return true;
	printf("%.6g instead of %.6g\n", seen, expected);
	return false;
}

/* Both, of entry 0. */
static void check_rate(double expected, double error)
{
	CHECK(is_near(mean.flows[0].throughput, expected, error));
	CHECK(is_near(played.flows[0].throughput, expected, fmax(error, EVENTS)));
}

static void arrivals_at_one_server(void)
{
	run("p cpu f\nt in i e -1 cpu\ns e 0.01 -1\na e 50\n");
	check_rate(50, 1e-9);
	/* M/M/1: S / (1 - rho); utilization law. */
	CHECK(is_near(mean.flows[0].response, 0.02, 1e-9));
	CHECK(is_near(played.flows[0].response, 0.02, 0.03));
	CHECK(is_near(mean.utilization[0], 0.5, 1e-9));
	/* M/D/1: S (1 + rho / (2 (1 - rho))). D/D/1: nobody waits. */
	run("p cpu f\nt in i e -1 cpu\ns e 0.01 -1\nc e 0 -1\na e 50\n");
	CHECK(is_near(mean.flows[0].response, 0.015, 1e-9));
	CHECK(is_near(played.flows[0].response, 0.015, 0.03));
	run("p cpu f\nt in i e -1 cpu\ns e 0.01 -1\nc e 0 -1\na e 80 0\n");
	CHECK(is_near(mean.flows[0].response, 0.01, 1e-9));
	CHECK(is_near(played.flows[0].response, 0.01, 1e-9));
}

static void arrivals_that_find_no_room(void)
{
	const double rho = 1.2, block = (1 - rho) * pow(rho, 5) / (1 - pow(rho, 6));

	run("p cpu f\nt in i e -1 cpu q 5\ns e 0.01 -1\na e 120\n"); /* M/M/1/5 */
	check_rate(120 * (1 - block), 1e-9);
	CHECK(is_near(mean.flows[0].lost, 120 * block, 1e-9));
	CHECK(is_near(played.flows[0].lost, 120 * block, 0.03));
	run("p cpu f\nt in i e -1 cpu q 5\ns e 0.01 -1\na e 100\n");
	check_rate(100 * 5 / 6.0, 1e-9);
}

static void machines_and_a_repairman(void)
{
	/* P(0) = 1 / sum N!/(N-k)! (S/Z)^k, X = (1 - P(0)) / S. */
	double term = 1, sum = 1;

	for (int k = 1; k <= 8; k++) {
		term *= (8 - k + 1) * (0.02 / 0.1);
		sum += term;
	}
	run("p wait i\np man f\nt machines r e -1 wait m 8\nt repair i r -1 man\n"
	    "Z e 0.1 -1\ny e r 1 -1\ns r 0.02 -1\n");
	CHECK(mean.is_exact_recursion);
	check_rate((1 - 1 / sum) / 0.02, 1e-9);
}

static void equal_stations_in_a_ring(void)
{
	/* Of N customers and K stations, all alike: X = N / (N + K - 1) / S. */
	run("p wait i\np a f\np b f\np c f\nt all r e -1 wait m 5\nt ta i ea -1 a\nt tb i eb -1 b\nt tc i ec -1 c\n"
	    "y e ea 1\ny e eb 2\ny e ec 1\ns ea 0.01\ns eb 0.005\ns ec 0.01\n");
	check_rate(5 / 7.0 / 0.01, 1e-9);
	CHECK(is_near(mean.flows[0].response, 0.07, 1e-9));
	CHECK(is_near(played.flows[0].response, 0.07, EVENTS));
	CHECK(is_near(mean.most[0], 100, 1e-9) && is_near(mean.customers_to_saturate[0], 3, 1e-9));
}

static void two_classes_share_a_server(void)
{
	/* Service of both is alike, so as one class with think times 0.01 and 0.03: solved by its balance equations. */
	run("p wait i\np cpu f\nt x r ex -1 wait m 1\nt y r ey -1 wait m 1\nt s i es -1 cpu\n"
	    "Z ex 0.01\nZ ey 0.03\ny ex es 1\ny ey es 1\ns es 0.01\n");
	/*
	 * States: none waits, x, y, both (x before y, y before x). With p0 = 1: p(x) = 1, p(y) = 1/3,
	 * p(both) = 2/3 in all (product form: 2! (1/1) (1/3)). Sum 3. X_x = P(x thinks) / 0.01.
	 */
	check_rate((1 + 1 / 3.0) / 3 / 0.01, 1e-9);
	CHECK(is_near(mean.flows[1].throughput, (1 + 1.0) / 3 / 0.03, 1e-9));
	CHECK(is_near(played.flows[1].throughput, (1 + 1.0) / 3 / 0.03, EVENTS));
}

static void several_servers(void)
{
	run("p wait i\np disk f m 4\nt all r e -1 wait m 1\nt d i ed -1 disk\ny e ed 1\ns ed 0.02\n");
	check_rate(50, 1e-9);
	run("p wait i\np disk f m 4\nt all r e -1 wait m 40\nt d i ed -1 disk\ny e ed 1\ns ed 0.02\n");
	check_rate(200, 1e-3);
}

static void a_reservation_is_had_and_not_more(void)
{
	static const char *const one =
		"p wait i\np core f\ng vm 0.003 0.01 core\ng other 0.006 0.01 core\n"
		"t all r e -1 wait m %s\nt busy r b -1 wait m 3\nt g i eg -1 vm\n"
		"t o i eo -1 other\ny e eg 1\ny b eo 1\nZ e %s\ns eg 0.001\nc eg 0\n"
		"s eo 0.002\n";
	char text[600];

	snprintf(text, sizeof(text), one, "4", "0");
	run(text);
	check_rate(300, 1e-3);
	CHECK(is_near(mean.utilization[2], 0.3, 1e-3) && is_near(mean.utilization[3], 0.6, 1e-3));
	CHECK(is_near(played.utilization[2], 0.3, 1e-3) &&
	      is_near(played.utilization[3], 0.6, 1e-3));
	CHECK(is_near(mean.utilization[1], 0.9, 1e-3) && is_near(played.utilization[1], 0.9, 1e-3));
	/* Who wants less gets it; that the core is another's meanwhile costs some time. */
	snprintf(text, sizeof(text), one, "1", "0.009");
	run(text);
	CHECK(mean.flows[0].throughput < 100 && mean.flows[0].throughput > 75);
	CHECK(is_near(mean.flows[0].throughput, played.flows[0].throughput, 0.1));
}

static void the_earliest_deadline_is_first(void)
{
	/* Who comes now and then, with a short period, does not wait for who has always work, and a long one. */
	run("p wait i\np core f\ng short 0.01 0.02 core\ng long 0.04 0.08 core\nt b r eb -1 wait m 2\n"
	    "t s i es -1 short\nt l i el -1 long\ny eb el 1\ns es 0.001\nc es 0\ns el 0.001\nc el 0\n"
	    "a es 5\n");
	CHECK(is_near(played.flows[1].response, 0.001, 0.05));
	check_rate(500, 2e-3);
}

static void a_guest_sleeps_within_its_budget(void)
{
	/* It waits for the disk more often than for its budget: though it is full, waking is a part of it. */
	run("p wait i\np core f\np disk i\ng vm 0.002 0.01 core\nt a r e -1 wait m 3\nt s i es -1 vm\n"
	    "t d i ed -1 disk\ny e es 1\ny e ed 1\ns es 0.0002\nc es 0\nw es 0.00017\ns ed 0.0007\n");
	CHECK(is_near(mean.utilization[3], 0.2, 1e-3) && is_near(played.utilization[3], 0.2, 1e-3));
	CHECK(played.flows[0].throughput < 900);
	CHECK(is_near(mean.flows[0].throughput, played.flows[0].throughput, 0.07));
}

static void who_finds_it_idle_wakes_it(void)
{
	/* One customer always does; of many, nobody. */
	run("p wait i\np cpu f\nt all r e -1 wait m 1\nt s i es -1 cpu\ny e es 1\ns es 0.01\nc es 0\nw es 0.005\n");
	check_rate(1 / 0.015, 1e-9);
	run("p wait i\np cpu f\nt all r e -1 wait m 50\nt s i es -1 cpu\ny e es 1\ns es 0.01\nc es 0\nw es 0.005\n");
	check_rate(100, 1e-3);
	/* M/M/1 with it: rho = rate (s + w (1 - rho)). */
	run("p cpu f\nt in i e -1 cpu\ns e 0.01\nw e 0.01\na e 50\n");
	CHECK(is_near(mean.utilization[0], 1.0 / 1.5, 1e-6));
	CHECK(is_near(played.utilization[0], 1.0 / 1.5, EVENTS));
}

static void falling_asleep_keeps_nobody_but_the_next(void)
{
	static const char *const one =
		"p wait i\np cpu f\np disk i\nt all r e -1 wait m 1\nt s i es -1 cpu\n"
		"t d i ed -1 disk\ny e es 1\ny e ed 1\ns es 0.01\nc es 0\n"
		"w es 0.002 0.005\ns ed %s\nc ed 0\n";
	char text[400];

	snprintf(text, sizeof(text), one, "0.03");
	run(text);
	check_rate(1 / 0.042, 1e-9);
	CHECK(is_near(mean.utilization[1], 0.017 / 0.042, 1e-9));
	CHECK(is_near(played.utilization[1], 0.017 / 0.042, 1e-3));
	/* Who is back before it sleeps waits until it does. */
	snprintf(text, sizeof(text), one, "0.001");
	run(text);
	CHECK(is_near(played.flows[0].throughput, 1 / 0.017, 1e-3));
	/* Of many nobody finds it asleep. */
	run("p wait i\np cpu f\nt all r e -1 wait m 50\nt s i es -1 cpu\ny e es 1\ns es 0.01\nc es 0\n"
	    "w es 0.005 0.005\n");
	check_rate(100, 1e-3);
}

static void weights_share_a_disk(void)
{
	run("p wait i\np disk w\nt a r ea -1 wait m 6\nt b r eb -1 wait m 6\nt c r ec -1 wait m 6\n"
	    "t da i da -1 disk w 1\nt db i db -1 disk w 2\nt dc i dc -1 disk w 3\n"
	    "y ea da 1\ny eb db 1\ny ec dc 1\ns da 0.01\ns db 0.01\ns dc 0.01\nc da 0\nc db 0\nc dc 0\n");
	for (uint32_t i = 0; i < 3; i++) {
		CHECK(is_near(mean.flows[i].throughput, 100.0 / 6 * (i + 1), 1e-3));
		CHECK(is_near(played.flows[i].throughput, 100.0 / 6 * (i + 1), 2e-3));
	}
}

/* Device, path and guest; requests of two. What is refused at the device costs the path nothing. */
static void a_limit_before_the_path_and_one_behind_it(void)
{
	static const char *const both =
		"p dev f\np path f\nt in i one two -1 dev\nt way i w1 w2 -1 path q 64\n"
		"t vm i g -1 dev\ny one w1 1\ny two w2 1\ny w2 g 1\na one 300\n"
		"a two 300\ns w1 0.002\ns w2 0.002\nc w1 0\nc w2 0\nl %s 100 50\n";
	char text[400];

	snprintf(text, sizeof(text), both, "w2");
	run(text);
	check_rate(300, 1e-3);
	CHECK(is_near(mean.flows[1].throughput, 100, 1e-3) &&
	      is_near(played.flows[1].throughput, 100, EVENTS));
	snprintf(text, sizeof(text), both, "g");
	run(text);
	check_rate(250, 0.01); /* half of the path is spent on what is refused behind it */
	CHECK(is_near(mean.flows[1].throughput, 100, 1e-3) &&
	      is_near(played.flows[1].throughput, 100, EVENTS));
}

static void a_layer_of_threads(void)
{
	/* One thread that is held while it waits for the disk: its customers get 1 / (cpu + disk). */
	run("p wait i\np cpu f\np disk i\nt all r e -1 wait m 20\nt app n a -1 cpu m 1\nt d i ed -1 disk\n"
	    "y e a 1\ny a ed 1\ns a 0.01\ns ed 0.03\n");
	check_rate(25, 0.001);
	/* Four threads, and a disk that nobody waits for: the processor is shared by four, not by twenty. */
	run("p wait i\np cpu f\np disk i\nt all r e -1 wait m 20\nt app n a -1 cpu m 4\nt d i ed -1 disk\n"
	    "y e a 1\ny a ed 1\ns a 0.01\ns ed 0.03\n");
	check_rate(played.flows[0].throughput, LAYERS);
	CHECK(played.flows[0].throughput < 90 && played.flows[0].throughput > 70);
}

static void the_same_seed_is_the_same_run(void)
{
	struct lqn_result again;

	run("p wait i\np man f\nt machines r e -1 wait m 8\nt repair i r -1 man\nZ e 0.1\ny e r 1\ns r 0.02\n");
	lqn_simulate(&model, SECONDS / 10, SECONDS, 1, &again);
	CHECK(memcmp(&again, &played, sizeof(again)) == 0);
	lqn_simulate(&model, SECONDS / 10, SECONDS, 2, &again);
	CHECK(again.flows[0].throughput != played.flows[0].throughput);
}

static void what_is_wrong_is_told(void)
{
	static const struct {
		const char *text, *reason;
	} wrong[] = {
		{ "", "line 0: nobody asks: there is neither a reference task nor an arrival" },
		{ "p cpu x\n",
		  "line 1: 'x' is no scheduling: f (in order), w (by weights), i (a delay)" },
		{ "p cpu f\np cpu f\n", "line 2: 'cpu' is there already" },
		{ "p cpu f\ng vm 2 1 cpu\n", "line 2: a budget is at most its period" },
		{ "p cpu f m 2\ng vm 1 2 cpu\n", "line 2: 'cpu' is no processor with one server" },
		{ "p cpu f\nt a r e -1 disk\n", "line 2: there is no processor 'disk'" },
		{ "p cpu f\nt a n e -1 cpu m 1.5\n",
		  "line 2: '1.5' is no whole number up to 1000000" },
		{ "p cpu f\nt a n e -1 cpu\ns x 1\n", "line 3: s: there is no such entry" },
		{ "p cpu f\nt a n e -1 cpu\ns e -1\n", "line 3: '-1' is no number of at least 0" },
		{ "p cpu f\nt a n e f -1 cpu\ny e f 1\n",
		  "line 3: 'e' may only call entries of tasks that come later" },
		{ "p cpu f\nt a r e -1 cpu\na e 1\n",
		  "line 3: a reference task is asked by nobody" },
		{ "p cpu f\nq\n", "line 2: 'q' begins no line" },
		{ "p cpu f\ng vm 1 2 cpu\nt a r e -1 cpu\n",
		  "line 3: processor 'cpu' is reserved in parts: task 'a' needs one" },
	};
	char reason[200];

	for (uint32_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		reason[0] = 0;
		CHECK(!lqn_parse(&model, wrong[i].text, reason, sizeof(reason)));
		CHECK(strcmp(reason, wrong[i].reason) == 0);
		if (strcmp(reason, wrong[i].reason) != 0)
			printf("%s\n", reason);
	}
}

int main(void)
{
	RUN(arrivals_at_one_server);
	RUN(arrivals_that_find_no_room);
	RUN(machines_and_a_repairman);
	RUN(equal_stations_in_a_ring);
	RUN(two_classes_share_a_server);
	RUN(several_servers);
	RUN(a_reservation_is_had_and_not_more);
	RUN(the_earliest_deadline_is_first);
	RUN(a_guest_sleeps_within_its_budget);
	RUN(who_finds_it_idle_wakes_it);
	RUN(falling_asleep_keeps_nobody_but_the_next);
	RUN(weights_share_a_disk);
	RUN(a_limit_before_the_path_and_one_behind_it);
	RUN(a_layer_of_threads);
	RUN(the_same_seed_is_the_same_run);
	RUN(what_is_wrong_is_told);
	return test_failed;
}
