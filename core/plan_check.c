/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "core/lib/fmt.h"
#include "core/plan_check.h"
#include "guests/abi.h"

_Static_assert(PARTITION_NAME_MAX < GUEST_NAME_BYTES, "a guest is told its whole name");

#define NS_PER_SECOND UINT64_C(1000000000)

bool ticks_down(uint64_t ns, uint64_t tsc_hz, uint64_t *ticks)
{
	unsigned __int128 t = (unsigned __int128)ns * tsc_hz / NS_PER_SECOND;

	*ticks = (uint64_t)t;
	return t <= PLAN_TICKS_MAX;
}

bool ticks_up(uint64_t ns, uint64_t tsc_hz, uint64_t *ticks)
{
	unsigned __int128 t = ((unsigned __int128)ns * tsc_hz + NS_PER_SECOND - 1) / NS_PER_SECOND;

	*ticks = (uint64_t)t;
	return t <= PLAN_TICKS_MAX;
}

uint64_t ticks_to_ns(uint64_t ticks, uint64_t tsc_hz)
{
	unsigned __int128 ns;

	if (tsc_hz == 0)
		return UINT64_MAX;
	ns = ((unsigned __int128)ticks * NS_PER_SECOND + tsc_hz - 1) / tsc_hz;
	return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

struct short_text check_label(const struct check *k, part_id_t part)
{
	struct short_text t;

	if (part == PLAN_SERVICE_PART)
		fmt_text(t.s, sizeof(t.s), "system");
	else if (k->has_label[part])
		fmt_text(t.s, sizeof(t.s), "partition '%s'", k->config->partitions[part].name);
	else
		fmt_text(t.s, sizeof(t.s), "partitions[%u]", part);
	return t;
}

struct short_text check_short_name(const struct check *k, part_id_t part)
{
	struct short_text t;

	if (!k->has_label[part])
		return check_label(k, part);
	fmt_text(t.s, sizeof(t.s), "%s", k->config->partitions[part].name);
	return t;
}

static void refuse_v(struct check *k, const char *who, const char *colon, const char *format,
		     va_list args)
{
	char text[PLAN_REFUSAL_BYTES];
	struct text t = text_begin(text, sizeof(text));
	char what[PLAN_REFUSAL_BYTES];

	fmt_text_v(what, sizeof(what), format, args);
	text_add(&t, "%s%s%s", who, colon, what);
	if (k->refusals->count < PLAN_REFUSAL_MAX)
		memcpy(k->refusals->text[k->refusals->count], text, sizeof(text));
	k->refusals->count++;
}

void refuse(struct check *k, const char *who, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	refuse_v(k, who, ": ", format, args);
	va_end(args);
}

void refuse_system(struct check *k, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	refuse_v(k, "system", ": ", format, args);
	va_end(args);
}

void refuse_partition(struct check *k, part_id_t part, const char *format, ...)
{
	struct short_text label = check_label(k, part);
	va_list args;

	va_start(args, format);
	refuse_v(k, label.s, ": ", format, args);
	va_end(args);
}

void refuse_vcpu(struct check *k, uint32_t vcpu, const char *format, ...)
{
	struct short_text field = check_claim_field(k, vcpu);
	char who[2 * sizeof(struct short_text)];
	va_list args;

	fmt_text(who, sizeof(who), "%s: %s", check_label(k, k->plan->vcpus[vcpu].part).s, field.s);
	va_start(args, format);
	refuse_v(k, who, "", format, args);
	va_end(args);
}

bool check_is_name(const char *name, uint32_t max)
{
	uint32_t i = 0;

	for (; name && name[i] != '\0'; i++) {
		bool is_allowed = (name[i] >= 'a' && name[i] <= 'z') ||
				  (name[i] >= '0' && name[i] <= '9') || name[i] == '_' ||
				  name[i] == '-';

		if (i == max || !is_allowed)
			return false;
	}
	return i > 0;
}

static void check_board(struct check *k)
{
	const struct board *b = k->board;
	/* What the system asks for. A real board may have more cores: those stay unused. */
	uint32_t cores = k->config->board.core_count;
	uint64_t end = 0;

	if (cores == 0 || b->core_count == 0)
		refuse_system(k, "board.core_count = 0: a board has at least one core; "
				 "give the number of cores that the system needs");
	if (cores > MAX_CORES)
		refuse_system(k,
			      "board.core_count = %u: at most %u cores are supported; "
			      "give at most that",
			      cores, MAX_CORES);
	if (b->tsc_hz == 0)
		refuse_system(k, "board.tsc_hz = 0: the clock's frequency is not known; "
				 "times cannot be converted: calibrate it first");
	k->has_memory_map = b->memory_count > 0;
	for (uint32_t i = 0; i < b->memory_count; i++) {
		const struct board_range *r = &b->memory[i];

		if (r->base < end || r->bytes > UINT64_MAX - r->base) {
			refuse_system(
				k,
				"board.memory[%u] = 0x%llx + 0x%llx: ranges of free memory are "
				"sorted and do not overlap; correct the memory map",
				i, (unsigned long long)r->base, (unsigned long long)r->bytes);
			k->has_memory_map = false;
			return;
		}
		end = r->base + r->bytes;
	}
	if (b->memory_count == 0)
		refuse_system(k,
			      "board.memory = 0: no memory is left for partitions; "
			      "give a board.memory_bytes of more than %s",
			      text_size(PLAN_BOARD_TAKEN_BYTES).s);
}

static void check_run(struct check *k)
{
	const struct config *c = k->config;
	uint64_t ticks;

	if (!ticks_up(c->run_limit_ns, k->board->tsc_hz, &ticks))
		refuse_system(k,
			      "run_limit = %s: more than 2^62 ticks of this board's clock; "
			      "give less, or 0 for no limit",
			      text_time(c->run_limit_ns).s);
	if ((unsigned)c->at_end > END_RESET)
		refuse_system(k,
			      "at_end = %u: not an action; give END_POWER_OFF, END_HALT or "
			      "END_RESET",
			      (unsigned)c->at_end);
	if ((c->trace_records & (c->trace_records - 1)) != 0)
		refuse_system(k,
			      "trace_records = %u: not a power of two; give %u, or 0 for no trace",
			      c->trace_records,
			      (uint32_t)min_u64(BIT32(31 - __builtin_clz(c->trace_records)),
						CONFIG_TRACE_RECORDS_MAX));
	else if (c->trace_details && c->trace_records == 0)
		refuse_system(k, "trace_details: there is no trace to have them in; give "
				 "trace_records, or leave them out");
	else if (c->trace_records > CONFIG_TRACE_RECORDS_MAX)
		refuse_system(k, "trace_records = %u: a core has room for %u; give at most that",
			      c->trace_records, CONFIG_TRACE_RECORDS_MAX);
}

/* From 9600 baud to far more than any UART carries; between, the emulated ones take any rate. */
#define CONSOLE_RATE_MIN UINT64_C(960)
#define CONSOLE_RATE_MAX MIB(16)

static void check_console(struct check *k)
{
	uint64_t rate = k->config->board.console_bytes_per_second;

	if (rate != 0 && (rate < CONSOLE_RATE_MIN || rate > CONSOLE_RATE_MAX))
		refuse_system(k,
			      "board.console_bytes_per_second = %llu: a serial line carries %llu "
			      "(9600 baud) to %llu; give what yours does, or 0 for 115200 baud's",
			      (unsigned long long)rate, (unsigned long long)CONSOLE_RATE_MIN,
			      (unsigned long long)CONSOLE_RATE_MAX);
}

void check_system(struct check *k)
{
	const struct config *c = k->config;

	if (!check_is_name(c->name, CONFIG_NAME_MAX))
		refuse_system(k,
			      "name = %s: a system has a name of 1 to %u characters of "
			      "[a-z0-9_-]; give one",
			      text_quoted(c->name).s, CONFIG_NAME_MAX);
	check_board(k);
	check_run(k);
	check_console(k);
	if (c->partition_count == 0 || !c->partitions)
		refuse_system(k, "partitions: there are none; a system has at least one: "
				 "give partitions and partition_count");
	if (c->partition_count > MAX_PARTITIONS)
		refuse_system(k,
			      "partition_count = %u: at most %u partitions are supported; "
			      "remove %u",
			      c->partition_count, MAX_PARTITIONS,
			      c->partition_count - MAX_PARTITIONS);
	if (c->disks)
		k->disk_count = (uint32_t)min_u64(c->disk_count, CONFIG_DISK_MAX);
	if (c->partitions)
		k->partition_count = (uint32_t)min_u64(c->partition_count, MAX_PARTITIONS);
}

/* The partition before `part` that has its name, or `part`. Names are well-formed. */
static part_id_t find_namesake(const struct check *k, part_id_t part)
{
	const struct partition_config *p = k->config->partitions;

	for (part_id_t j = 0; j < part; j++) {
		if (k->has_label[j] && strcmp(p[j].name, p[part].name) == 0)
			return j;
	}
	return part;
}

void check_names(struct check *k)
{
	for (part_id_t i = 0; i < k->partition_count; i++) {
		const char *name = k->config->partitions[i].name;
		part_id_t other;

		if (!check_is_name(name, PARTITION_NAME_MAX)) {
			refuse_partition(k, i,
					 "name = %s: a partition has a name of 1 to %u characters "
					 "of [a-z0-9_-]; give one",
					 text_quoted(name).s, PARTITION_NAME_MAX);
			continue;
		}
		other = find_namesake(k, i);
		if (other != i)
			refuse_partition(k, i,
					 "name = '%s': partitions[%u] has it already; names are "
					 "unique: give another",
					 name, other);
		k->has_label[i] = other == i;
	}
}
