/* SPDX-License-Identifier: Apache-2.0 */
#include "core/lib/fmt.h"
#include "core/log.h"
#include "core/trace.h"

#define RECORD_TEXT_MAX 52u

void trace_dump(const struct trace *t, core_id_t core)
{
	uint64_t first = t->written > t->mask + 1 ? t->written - t->mask - 1 : 0;
	char text[LOG_LINE_MAX - 64];
	size_t length = 0;

	if (!t->ring)
		return;
	for (uint64_t i = first; i < t->written; i++) {
		struct trace_record r = t->ring[i & t->mask];

		length += (size_t)fmt_text(text + length, sizeof(text) - length,
					   "%s[%llu,%u,%u,%lld]", length ? "," : "",
					   (unsigned long long)r.tsc, (unsigned)trace_kind(r),
					   trace_server(r), (long long)trace_arg(r));
		if (length > sizeof(text) - RECORD_TEXT_MAX || i + 1 == t->written) {
			log_machine("{\"trace\":%u,\"records\":[%s]}", core, text);
			log_flush();
			length = 0;
		}
	}
}
