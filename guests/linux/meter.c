/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/linux/meter.c - what a Linux guest measures with, and what keeps it busy.
 *
 *	meter tsc		   prints the time-stamp counter
 *	meter drain		   waits until the console has sent what was written
 *	meter cpu WINDOW_MS COUNT  units of work done in each of COUNT windows of CLOCK_MONOTONIC,
 *				   and the ticks (10 ms) that /proc/stat calls stolen in it;
 *				   last, those stolen since it booted
 *	meter smp MS		   a process pinned on each CPU works for MS; units of each
 *	meter stress		   computes, walks memory, makes processes and system calls, for ever
 *
 * A program of its own because shell loops measure the shell. Lines for machines: "@{..}".
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S     UINT64_C(1000000000)
#define NS_PER_MS    UINT64_C(1000000)
#define UNIT_STEPS   2000u /* of a unit of work: short beside any window, long beside the clock */
#define STRESS_BYTES (UINT64_C(8) << 20)
#define LINE_BYTES   64u
#define FORK_BURST   20u

static volatile uint64_t sink; /* keeps the work from being optimized away */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Marsaglia's xorshift: no memory, no division, the same instructions each time. */
static void work_unit(void)
{
	uint64_t x = 88172645463325252u;

	for (uint32_t i = 0; i < UNIT_STEPS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	sink = x;
}

static uint64_t work_until(uint64_t end_ns)
{
	uint64_t units = 0;

	for (; now_ns() < end_ns; units++)
		work_unit();
	return units;
}

/* The eighth number of the first line of /proc/stat. */
static uint64_t stolen_ticks(void)
{
	unsigned long long steal = 0;
	FILE *f = fopen("/proc/stat", "r");

	if (f && fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &steal) != 1)
		steal = 0;
	if (f)
		fclose(f);
	return steal;
}

static int measure_cpu(uint64_t window_ns, uint64_t count)
{
	uint64_t steal = stolen_ticks();
	uint64_t start = now_ns();

	for (uint64_t i = 0; i < count; i++) {
		uint64_t units = work_until(start + window_ns);
		uint64_t end = now_ns();
		uint64_t steal_end = stolen_ticks();

		printf("@{\"cpu_window\":%llu,\"units\":%llu,\"ns\":%llu,\"stolen_ticks\":%llu}\n",
		       (unsigned long long)i, (unsigned long long)units,
		       (unsigned long long)(end - start), (unsigned long long)(steal_end - steal));
		fflush(stdout);
		steal = steal_end;
		start = now_ns();
	}
	printf("@{\"stolen_ticks_in_all\":%llu}\n", (unsigned long long)steal);
	return EXIT_SUCCESS;
}

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		exit(EXIT_FAILURE);
}

static void work_on(unsigned cpu, uint64_t ns)
{
	uint64_t units;

	pin(cpu);
	units = work_until(now_ns() + ns);
	printf("@{\"cpu\":%u,\"ran_on\":%d,\"units\":%llu}\n", cpu, sched_getcpu(),
	       (unsigned long long)units);
	fflush(stdout);
	_exit(sched_getcpu() == (int)cpu ? EXIT_SUCCESS : EXIT_FAILURE);
}

static int measure_smp(uint64_t ns)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	int status = 0, failures = 0;

	for (unsigned cpu = 0; cpu < (unsigned)count; cpu++) {
		if (fork() == 0)
			work_on(cpu, ns);
	}
	while (wait(&status) > 0)
		failures += status != 0;
	printf("@{\"smp\":%ld,\"failures\":%d}\n", count, failures);
	return failures;
}

static void stress_memory(void)
{
	uint8_t *p = mmap(NULL, STRESS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (p == MAP_FAILED)
		exit(EXIT_FAILURE);
	for (uint64_t i = 0; i < STRESS_BYTES; i += LINE_BYTES)
		p[i]++;
	munmap(p, STRESS_BYTES);
}

static void stress_processes(void)
{
	for (unsigned i = 0; i < FORK_BURST; i++) {
		pid_t child = fork();

		if (child == 0)
			_exit(EXIT_SUCCESS);
		if (child > 0)
			waitpid(child, NULL, 0);
	}
}

static void stress_calls(void)
{
	char byte = 0;
	int ends[2];

	if (pipe(ends) != 0)
		exit(EXIT_FAILURE);
	for (unsigned i = 0; i < UNIT_STEPS; i++) {
		if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
			exit(EXIT_FAILURE);
		sched_yield();
	}
	close(ends[0]);
	close(ends[1]);
}

static int stress(void)
{
	static void (*const kinds[])(void) = { work_unit, stress_memory, stress_processes,
					       stress_calls };

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (fork() != 0)
			continue;
		for (;;)
			kinds[i]();
	}
	while (wait(NULL) > 0)
		;
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	uint64_t ms = argc > 2 ? strtoull(argv[2], NULL, 0) : 1000;

	if (strcmp(what, "tsc") == 0)
		return printf("%llu\n", (unsigned long long)__builtin_ia32_rdtsc()) < 0;
	if (strcmp(what, "drain") == 0)
		return tcdrain(STDOUT_FILENO) != 0;
	if (strcmp(what, "cpu") == 0)
		return measure_cpu(ms * NS_PER_MS, argc > 3 ? strtoull(argv[3], NULL, 0) : 1);
	if (strcmp(what, "smp") == 0)
		return measure_smp(ms * NS_PER_MS);
	if (strcmp(what, "stress") == 0)
		return stress();
	fprintf(stderr, "usage: meter tsc | drain | cpu MS COUNT | smp MS | stress\n");
	return EXIT_FAILURE;
}
