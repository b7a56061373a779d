/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tools/sim/quantile.h - exact quantiles of many samples, by nearest rank, without sorting all.
 *
 * Model    The p-quantile of n samples is the one of rank ceil(p * n), counted from 1, in their order.
 * Source   Hoare, "Algorithm 65: Find".
 * Sharing  Pure. The order of the samples changes.
 */
#pragma once
#include "core/lib/base.h"

/* What is at `index`, from 0, if samples[low .. high - 1] are sorted; and then nothing before it is more. */
uint64_t quantile_select(uint64_t *samples, size_t low, size_t high, size_t index);
/* The index of the quantile `ppm` millionths; count is 1 or more. */
size_t quantile_index(size_t count, uint32_t ppm);
