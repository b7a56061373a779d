/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/lib/fmt.h - bounded formatting without a C library.
 *
 * newlib's printf family saves vector registers and may allocate; the hypervisor does
 * neither, so it has this. Understands %s %c %d %i %u %x %lx %lu %ld %llx %llu %zu %p %%,
 * with width, '-', '0' and a precision for %s. Always terminates; returns what it would
 * have written, like snprintf.
 */
#pragma once
#include <stdarg.h>
#include "core/lib/base.h"

int fmt_text(char *out, size_t bytes, const char *format, ...) PRINTF(3, 4);
int fmt_text_v(char *out, size_t bytes, const char *format, va_list args) PRINTF(3, 0);
