/* SPDX-License-Identifier: Apache-2.0 */
/* One execution of tests/fuzz/fuzz_vblk.c: by libFuzzer, or by test_vblk.c. It aborts if it finds. */
#pragma once
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Requests that were taken, chains that were answered at once, devices that were broken: so far. */
extern uint64_t fuzz_vblk_taken, fuzz_vblk_answered, fuzz_vblk_broken;
