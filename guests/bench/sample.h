/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/bench/sample.h - timed instruction sequences, each one block of assembly so that the
 * compiler adds nothing between the two readings of the clock.
 *
 * Units    TSC ticks; differences below 2^32.
 */
#pragma once
#include <stdint.h>

#define SAMPLE_BURST 100u /* operations in a _series sample */

uint64_t sample_empty(void);
uint64_t sample_rdtsc_series(void);
uint64_t sample_cpuid(void);
uint64_t sample_cpuid_series(void);
uint64_t sample_vmcall(void);
uint64_t sample_vmcall_series(void);
uint64_t sample_vmmcall(void);
uint64_t sample_vmmcall_series(void);
uint64_t sample_pio(void); /* counter 0 of the 8254 */
uint64_t sample_pio_series(void);
uint64_t sample_pio_pic(void); /* mask of the first 8259 */
uint64_t sample_mmio(void);    /* sample_mmio_at */
uint64_t sample_mmio_series(void);

extern const volatile uint32_t *sample_mmio_at;
