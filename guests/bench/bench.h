/* SPDX-License-Identifier: Apache-2.0 */
/* guests/bench/bench.h - the groups of rows, and how a row is taken: see guests/bench/main.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Takes the samples and prints their line. They are divided by `divisor`. */
void bench_line(const char *name, uint64_t (*sample)(void), uint64_t divisor);

/* Silences a PC's timer chip and interrupt controllers: no sample meets their interrupts. */
void pc_prepare(void);
void pc_rows(void);

/* Starts CPU 1. False: it does not start. */
bool ipi_rows(bool is_core_shared);
