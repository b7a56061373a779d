/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two views of memory. "Extended Capability Register", C: without it hardware's accesses to
 * root, context, paging and interrupt entries are not snooped, so it sees what was flushed.
 * "Write Buffer Flushing": with RWBF, what was written waits in a buffer outside of the caches.
 * The invalidation queue, status writes and posted-interrupt descriptors are coherent always.
 */
#include <stdlib.h>
#include <string.h>
#include "tests/model/vtd_state.h"

#define LINE 64u

static bool sees_memory_as_it_is(const struct vtdm *m)
{
	return m->caps.coherent && !m->caps.write_buffer;
}

void *vtdm_memory(struct vtdm *m, uint64_t address, uint64_t bytes)
{
	if (address + bytes < address || (address + bytes - 1) >> m->caps.host_bits)
		return NULL;
	return m->platform.memory(m->platform.context, address, bytes);
}

static struct vtdm_range *range_of(struct vtdm *m, uint64_t address, uint64_t bytes)
{
	for (uint32_t i = 0; i < m->range_count; i++) {
		struct vtdm_range *const r = &m->range[i];

		if (address >= r->start && bytes <= r->bytes &&
		    address - r->start <= r->bytes - bytes)
			return r;
	}
	return NULL;
}

bool vtdm_table_read(struct vtdm *m, uint64_t address, void *into, uint64_t bytes)
{
	const void *const at = vtdm_memory(m, address, bytes);
	const struct vtdm_range *const r = range_of(m, address, bytes);

	if (!at)
		return false;
	memcpy(into, r ? r->seen + (address - r->start) : at, bytes);
	return true;
}

void vtdm_track(struct vtdm *m, uint64_t address, uint64_t bytes)
{
	struct vtdm_range *const r = &m->range[m->range_count];

	if (sees_memory_as_it_is(m))
		return;
	ASSERT(m->range_count < VTDM_RANGES && bytes > 0);
	*r = (struct vtdm_range){ address, bytes, vtdm_memory(m, address, bytes), malloc(bytes),
				  malloc(bytes) };
	ASSERT(r->cpu && r->flushed && r->seen);
	memset(r->flushed, 0xff, bytes);
	memset(r->seen, 0xff, bytes);
	m->range_count++;
}

static void flush_line(struct vtdm *m, uintptr_t line)
{
	for (uint32_t i = 0; i < m->range_count; i++) {
		struct vtdm_range *const r = &m->range[i];
		const uintptr_t start = (uintptr_t)r->cpu;

		/* A range may begin or end within a line. */
		for (uintptr_t at = line; at < line + LINE; at++) {
			if (at < start || at - start >= r->bytes)
				continue;
			r->flushed[at - start] = *(const uint8_t *)at;
			if (!m->caps.write_buffer)
				r->seen[at - start] = *(const uint8_t *)at;
		}
	}
}

void vtdm_flushed(struct vtdm *m, const void *at, uint64_t bytes)
{
	const uintptr_t first = (uintptr_t)at & ~(uintptr_t)(LINE - 1);

	if (m->caps.coherent || !bytes)
		return;
	for (uintptr_t line = first; line < (uintptr_t)at + bytes; line += LINE)
		flush_line(m, line);
}

void vtdm_drain_write_buffer(struct vtdm *m)
{
	if (!m->caps.write_buffer)
		return;
	for (uint32_t i = 0; i < m->range_count; i++) {
		struct vtdm_range *const r = &m->range[i];

		memcpy(r->seen, m->caps.coherent ? r->cpu : r->flushed, r->bytes);
	}
}

void vtdm_memory_free(struct vtdm *m)
{
	for (uint32_t i = 0; i < m->range_count; i++) {
		free(m->range[i].flushed);
		free(m->range[i].seen);
	}
}
