/* SPDX-License-Identifier: Apache-2.0 */
/* core/summary.h - what happened, for people and for tools, after all cores have stopped. */
#pragma once
#include "core/run.h"

void summary_print(uint32_t core_count);
/* "@{"server":..}" lines, then each core's trace, for tools/trace_check. */
void summary_trace(uint32_t core_count);
/* False: a ledger does not add up. */
bool summary_is_sound(uint32_t core_count);
/* Periods of all servers that ended before their budget was served: admission promised none. */
uint64_t summary_late_count(uint32_t core_count);
