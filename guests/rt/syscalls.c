/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/syscalls.c - what newlib wants from below: a console, a heap, an end, a clock.
 *
 * Source   newlib's documentation, "System Calls". Signatures are newlib's.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>
#include "guests/rt/call.h"
#include "guests/rt/console.h"
#include "guests/rt/cpu.h"
#include "guests/rt/start.h"
#include "guests/rt/ticks.h"

#define HEAP_ALIGN   16u
#define ONLY_PROCESS 1

extern char image_end[]; /* guest.ld */

int kill(pid_t pid, int signal_number);

static int fail(int error)
{
	errno = error;
	return -1;
}

void *sbrk(ptrdiff_t bytes)
{
	static uint64_t end;
	uint64_t old;

	if (!end)
		end = ((uint64_t)image_end + HEAP_ALIGN - 1) & ~(uint64_t)(HEAP_ALIGN - 1);
	old = end;
	if (bytes > (ptrdiff_t)(rt_ram_end() - old) ||
	    bytes < -(ptrdiff_t)(old - (uint64_t)image_end)) {
		errno = ENOMEM;
		return (void *)-1;
	}
	end += (uint64_t)bytes;
	return (void *)old;
}

_READ_WRITE_RETURN_TYPE write(int file, const void *data, size_t bytes)
{
	if (file != STDOUT_FILENO && file != STDERR_FILENO)
		return fail(EBADF);
	console_write(data, bytes);
	return (_READ_WRITE_RETURN_TYPE)bytes;
}

_READ_WRITE_RETURN_TYPE read(int file, void *data, size_t bytes)
{
	return file == STDIN_FILENO ? 0 : fail(EBADF); /* always at its end */
}

int close(int file)
{
	return fail(EBADF);
}

off_t lseek(int file, off_t offset, int whence)
{
	return fail(ESPIPE);
}

/* A character device, so that newlib buffers by the line. */
int fstat(int file, struct stat *st)
{
	*st = (struct stat){ .st_mode = S_IFCHR };
	return 0;
}

int isatty(int file)
{
	return 1;
}

pid_t getpid(void)
{
	return ONLY_PROCESS;
}

/* abort() and raise() end here. */
int kill(pid_t pid, int signal_number)
{
	guest_exit(128u + (uint32_t)signal_number);
}

void _exit(int status)
{
	guest_exit((uint32_t)status);
}

/* Time since the guest's TSC was zero: there is no calendar here. */
int gettimeofday(struct timeval *tv, void *zone)
{
	uint64_t us = ticks_to_tenth_us(cpu_rdtsc(), guest_info()->tsc_hz) / 10;

	tv->tv_sec = (time_t)(us / TICKS_US_PER_S);
	tv->tv_usec = (suseconds_t)(us % TICKS_US_PER_S);
	return 0;
}

clock_t times(struct tms *t)
{
	uint64_t us = ticks_to_tenth_us(cpu_rdtsc(), guest_info()->tsc_hz) / 10;
	clock_t now = (clock_t)(us * CLOCKS_PER_SEC / TICKS_US_PER_S);

	*t = (struct tms){ .tms_utime = now };
	return now;
}
