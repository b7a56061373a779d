/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/bench/single_step.h - counts the instructions of a child process between two markers.
 *
 * Model    step_fork() makes a child that its parent traces. The child calls mark_begin(op) and
 *	    mark_end() around what is to be counted; the parent, in step_watch(), single-steps it from one
 *	    to the other and hands the number to take(): no counter in the code under test, no clock,
 *	    and the same numbers every time. The call itself and its arguments count; what an empty
 *	    pair of markers takes is the caller's to subtract.
 * Errors   The program ends and says why.
 */
#pragma once
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* One address each, that the parent can watch for. */
static __attribute__((noinline, unused)) void mark_begin(uint32_t op)
{
	__asm__ volatile("int3" ::"a"(op) : "memory");
}

static __attribute__((noinline, unused)) void mark_end(void)
{
	__asm__ volatile("nop" ::: "memory");
}

static void step_die(const char *what)
{
	perror(what);
	exit(1);
}

static struct user_regs_struct step_registers(pid_t child)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, child, NULL, &r) != 0)
		step_die("PTRACE_GETREGS");
	return r;
}

/* Instructions from the return of mark_begin() to the entry of mark_end(). */
static uint32_t step_count(pid_t child)
{
	uint32_t steps = 0;
	int status;

	while (step_registers(child).rip != (uint64_t)(uintptr_t)mark_end) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0)
			step_die("PTRACE_SINGLESTEP");
		if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
			step_die("the child ended between two markers");
		steps++;
	}
	return steps;
}

/* 0: in the child. */
static __attribute__((unused)) pid_t step_fork(void)
{
	pid_t child = fork();

	if (child < 0)
		step_die("fork");
	if (child == 0 && ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		step_die("PTRACE_TRACEME");
	return child;
}

/* Until the child has ended well. Operations are below op_count. */
static __attribute__((unused)) void step_watch(pid_t child, uint32_t op_count,
					       void (*take)(void *context, uint32_t op,
							    uint32_t steps),
					       void *context)
{
	int status;

	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		int signal = WSTOPSIG(status);
		uint64_t op = step_registers(child).rax;

		if (signal == SIGTRAP && op < op_count) {
			take(context, (uint32_t)op, step_count(child));
			signal = 0;
		}
		if (ptrace(PTRACE_CONT, child, NULL, signal) != 0)
			step_die("PTRACE_CONT");
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		step_die("the child failed");
}
