/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/watch/main.c - a guest that fills its memory with a pattern and looks at it for ever: whoever
 * else writes there is seen. And whoever reads there gets something that is nobody else's.
 *
 * Model    All of the heap but a little. A word's value follows from its address and the round it
 *	    was written in; each round looks at every word and writes the next value, so that
 *	    stale data is as wrong as foreign data.
 * Arguments  rounds=N  ends after so many (0: never)
 *	      say_ms=N  a line so often (1000)
 * Output   @{"watch":"memory","bytes":n,"rounds":n,"wrong":n,"strays":n}; words that were not as they
 *	    had been left, and interrupts that nobody sent us.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "guests/rt/args.h"
#include "guests/rt/call.h"
#include "guests/rt/cpu.h"
#include "guests/rt/start.h"
#include "guests/rt/ticks.h"
#include "guests/rt/trap.h"

#define KEPT_BYTES (64u * 1024u) /* of the heap, for newlib */
#define SAY_MS     1000u
#define TELL_MAX   8u /* words of which the address is told */
#define WORDS_A_GO 4096u

struct watch {
	uint64_t *words;
	uint64_t count, rounds, wrong;
	uint64_t say_tsc, interval_tsc;
};

static uint64_t value_of(const uint64_t *word, uint64_t round)
{
	/* 2^64 divided by the golden ratio, odd: neighbours have nothing in common. */
	return ((uint64_t)word + round) * UINT64_C(0x9e3779b97f4a7c15) ^ round << 32;
}

static void say(const struct watch *w)
{
	printf("@{\"watch\":\"memory\",\"bytes\":%lu,\"rounds\":%lu,\"wrong\":%lu,\"strays\":%lu}\n",
	       w->count * sizeof(*w->words), w->rounds, w->wrong, trap_stray_count());
}

static void look(struct watch *w, volatile uint64_t *word)
{
	const uint64_t seen = *word, due = value_of((const uint64_t *)word, w->rounds);

	if (seen != due && w->wrong++ < TELL_MAX)
		printf("watch: 0x%lx is 0x%lx and was 0x%lx\n", (uint64_t)word, seen, due);
	*word = value_of((const uint64_t *)word, w->rounds + 1);
}

static void go_round(struct watch *w)
{
	for (uint64_t i = 0; i < w->count; i++) {
		look(w, &w->words[i]);
		if (i % WORDS_A_GO == 0 && cpu_rdtsc() >= w->say_tsc) {
			say(w);
			w->say_tsc = cpu_rdtsc() + w->interval_tsc;
		}
	}
	w->rounds++;
}

int main(void)
{
	const char *args = guest_info()->args;
	const uint64_t rounds = args_number(args, "rounds", 0);
	const uint64_t say_ms = args_number(args, "say_ms", SAY_MS);
	struct watch w = { .interval_tsc = ticks_from_us(say_ms * 1000, guest_info()->tsc_hz) };

	setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* newlib takes its buffer now */
	printf("watch: begins\n");
	w.words = sbrk(0);
	w.count = (rt_ram_end() - (uint64_t)w.words - KEPT_BYTES) / sizeof(*w.words);
	if (sbrk((ptrdiff_t)(w.count * sizeof(*w.words))) == (void *)-1)
		return EXIT_FAILURE;
	for (uint64_t i = 0; i < w.count; i++)
		w.words[i] = value_of(&w.words[i], 0);
	w.say_tsc = cpu_rdtsc() + w.interval_tsc;
	while (!rounds || w.rounds < rounds)
		go_round(&w);
	say(&w);
	return w.wrong != 0;
}
