/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guests/rt/args.h - reads a guest's arguments, "key=value key=value ...". Pure.
 *
 * Model    Words are separated by spaces; the first word with the key counts.
 * Errors   A missing key, or a value that does not fit or parse: the caller's fallback.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies the value, terminated. False, and an empty string: missing or too long. */
bool args_find(const char *args, const char *key, char *value, size_t value_bytes);

/* A decimal number, all of the value. */
uint64_t args_number(const char *args, const char *key, uint64_t fallback);

/* True if the key's value is exactly `value`. */
bool args_is(const char *args, const char *key, const char *value);

/*
 * Reads digits at *text and moves it behind them. False, and *text unmoved: there are none,
 * or the number exceeds `max`.
 */
bool args_digits(const char **text, uint64_t max, uint64_t *number);
