/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong systems, boards and names: each with the sentence that its user needs. */
#include "tests/unit/refusal_rig.h"

static struct partition_config parts[MAX_PARTITIONS + 1];
static char names[MAX_PARTITIONS + 1][4];

/* One owner of a core, and two that share another; plain ones behind them, for counts. */
void good_system(void)
{
	for (uint32_t i = 0; i <= MAX_PARTITIONS; i++) {
		names[i][0] = 'p';
		names[i][1] = (char)('0' + i / 10);
		names[i][2] = (char)('0' + i % 10);
		parts[i] = (struct partition_config){ .name = names[i],
						      .cpu = BEST_EFFORT(2, i + 1),
						      .memory_bytes = MIB(2),
						      .image = "x.elf" };
	}
	parts[0].cpu = (struct cpu_claim)RESERVATION(0, MS(28), MS(50));
	parts[1].cpu = (struct cpu_claim)OWN_CORE(1);
	sys = (struct config){ .name = "good",
			       .board = TEST_BOARD(3, US(30)),
			       .partitions = parts,
			       .partition_count = 3,
			       .run_limit_ns = SEC(20),
			       .trace_records = 1024 };
}

static const struct row system_rows[] = {
	{ "a system without a name",
	  { SET(sys.name, NULL) },
	  "system: name = '': a system has a name of 1 to 31 characters of [a-z0-9_-]; give one",
	  { SET(sys.name, "demo") } },
	{ "a system's name with a blank",
	  { SET(sys.name, "Not Good") },
	  "system: name = 'Not Good': a system has a name of 1 to 31 characters of [a-z0-9_-]; give "
	  "one",
	  { SET(sys.name, "not-good") } },
	{ "a system's name of 32 characters",
	  { SET(sys.name, "abcdefghijklmnopqrstuvwxyz012345") },
	  "system: name = 'abcdefghijklmnopqrstuvwx...': a system has a name of 1 to 31 characters of "
	  "[a-z0-9_-]; give one",
	  { SET(sys.name, "abcdefghijklmnopqrstuvwxyz01234") } },
	{ "no partitions",
	  { SET(sys.partitions, NULL) },
	  "system: partitions: there are none; a system has at least one: give partitions and "
	  "partition_count",
	  { SET(sys.partitions, parts) } },
	{ "no count of partitions",
	  { SET(sys.partition_count, 0) },
	  "system: partitions: there are none; a system has at least one: give partitions and "
	  "partition_count",
	  { SET(sys.partition_count, 1) } },
	{ "a partition too many",
	  { SET(sys.partition_count, 33) },
	  "system: partition_count = 33: at most 32 partitions are supported; remove 1",
	  { SET(sys.partition_count, 32) } },
	{ "a run that never ends",
	  { SET(sys.run_limit_ns, UINT64_MAX) },
	  "system: run_limit = 18446744073.709551615 s: more than 2^62 ticks of this board's clock; give "
	  "less, or 0 for no limit",
	  { SET(sys.run_limit_ns, 0) } },
	{ "an end that is none",
	  { SET(sys.at_end, (enum end_action)3) },
	  "system: at_end = 3: not an action; give END_POWER_OFF, END_HALT or END_RESET",
	  { SET(sys.at_end, END_RESET) } },
	{ "a trace of 1000",
	  { SET(sys.trace_records, 1000) },
	  "system: trace_records = 1000: not a power of two; give 512, or 0 for no trace",
	  { SET(sys.trace_records, 512) } },
	{ "details of no trace",
	  { SET(sys.trace_records, 0), SET(sys.trace_details, true) },
	  "system: trace_details: there is no trace to have them in; give trace_records, or leave them out",
	  { SET(sys.trace_records, 1024) } },
	{ "a trace too long",
	  { SET(sys.trace_records, 131072) },
	  "system: trace_records = 131072: a core has room for 65536; give at most that",
	  { SET(sys.trace_records, 65536) } },
};

static const struct row board_rows[] = {
	{ "a board without cores",
	  { SET(sys.board.core_count, 0), SET(board.core_count, 3) },
	  "system: board.core_count = 0: a board has at least one core; give the number of cores that the "
	  "system needs",
	  { SET(sys.board.core_count, 3) } },
	{ "a board with 17 cores",
	  { SET(sys.board.core_count, 17) },
	  "system: board.core_count = 17: at most 16 cores are supported; give at most that",
	  { SET(sys.board.core_count, 16) } },
	{ "a board without memory",
	  { SET(sys.board.memory_bytes, 0) },
	  "system: board.memory = 0: no memory is left for partitions; give a board.memory_bytes of more "
	  "than 16 MiB",
	  { SET(sys.board.memory_bytes, MIB(32)) } },
	{ "all memory is the hypervisor's",
	  { SET(sys.board.memory_bytes, MIB(16)) },
	  "system: board.memory = 0: no memory is left for partitions; give a board.memory_bytes of more "
	  "than 16 MiB",
	  { SET(sys.board.memory_bytes, MIB(24)) } },
	{ "memory that overlaps",
	  { SET(board.memory_count, 2), SET(board.memory[1], MIB(255), MIB(64)) },
	  "system: board.memory[1] = 0xff00000 + 0x4000000: ranges of free memory are sorted and do not "
	  "overlap; correct the memory map",
	  { SET(board.memory[1].base, MIB(256)) } },
	{ "memory that wraps",
	  { SET(board.memory[0].bytes, UINT64_MAX) },
	  "system: board.memory[0] = 0x1000000 + 0xffffffffffffffff: ranges of free memory are sorted and "
	  "do not overlap; correct the memory map",
	  { SET(board.memory[0].bytes, MIB(64)) } },
	{ "a clock that is not known",
	  { SET(board.tsc_hz, 0), CLAIM(parts[0].cpu, OWN_CORE(0)) },
	  "system: board.tsc_hz = 0: the clock's frequency is not known; times cannot be converted: "
	  "calibrate it first",
	  { SET(board.tsc_hz, 1000000000) } },
	{ "what a switch costs is not known",
	  { SET(sys.board.switch_overhead_ns, 0) },
	  "system: board.switch_overhead = 0 ns: reservations need the bound of a server switch; give "
	  "board.switch_overhead_ns as published for the board",
	  { SET(sys.board.switch_overhead_ns, US(30)) } },
	{ "what the timer resolves is not known",
	  { SET(sys.board.timer_resolution_ns, 0) },
	  "system: board.timer_resolution = 0 ns: reservations need a timer of known resolution; give "
	  "board.timer_resolution_ns",
	  { SET(sys.board.timer_resolution_ns, US(1)) } },
	{ "a timer of centuries",
	  { SET(sys.board.timer_resolution_ns, UINT64_MAX) },
	  "system: board.timer_resolution = 18446744073.709551615 s: reservations need a timer of known "
	  "resolution; give board.timer_resolution_ns",
	  { SET(sys.board.timer_resolution_ns, US(1)) } },
	{ "a console of 300 baud",
	  { SET(sys.board.console_bytes_per_second, 30) },
	  "system: board.console_bytes_per_second = 30: a serial line carries 960 (9600 baud) to 16777216; "
	  "give what yours does, or 0 for 115200 baud's",
	  { SET(sys.board.console_bytes_per_second, 960) } },
	{ "a console as fast as memory",
	  { SET(sys.board.console_bytes_per_second, MIB(16) + 1) },
	  "system: board.console_bytes_per_second = 16777217: a serial line carries 960 (9600 baud) to "
	  "16777216; give what yours does, or 0 for 115200 baud's",
	  { SET(sys.board.console_bytes_per_second, 0) } },
};

static const struct row name_rows[] = {
	{ "a partition without a name",
	  { SET(parts[1].name, NULL) },
	  "partitions[1]: name = '': a partition has a name of 1 to 15 characters of [a-z0-9_-]; give one",
	  { SET(parts[1].name, "calc0") } },
	{ "a partition's name in capitals",
	  { SET(parts[1].name, "Calc") },
	  "partitions[1]: name = 'Calc': a partition has a name of 1 to 15 characters of [a-z0-9_-]; give "
	  "one",
	  { SET(parts[1].name, "calc") } },
	{ "a partition's name of 16 characters",
	  { SET(parts[1].name, "sixteen-letters-") },
	  "partitions[1]: name = 'sixteen-letters-': a partition has a name of 1 to 15 characters of "
	  "[a-z0-9_-]; give one",
	  { SET(parts[1].name, "fifteen-letters") } },
	{ "a name that rings the bell",
	  { SET(parts[2].name, "bell\a") },
	  "partitions[2]: name = 'bell?': a partition has a name of 1 to 15 characters of [a-z0-9_-]; give "
	  "one",
	  { SET(parts[2].name, "bell") } },
	{ "two partitions of one name",
	  { SET(parts[2].name, "p00") },
	  "partitions[2]: name = 'p00': partitions[0] has it already; names are unique: give another",
	  { SET(parts[2].name, "p02") } },
};

static void wrong_systems_are_told_what_is_wrong(void)
{
	CHECK_ROWS(system_rows);
}

static void wrong_boards_are_told_what_is_wrong(void)
{
	CHECK_ROWS(board_rows);
}

static void wrong_names_are_told_what_is_wrong(void)
{
	CHECK_ROWS(name_rows);
}

int main(void)
{
	RUN(wrong_systems_are_told_what_is_wrong);
	RUN(wrong_boards_are_told_what_is_wrong);
	RUN(wrong_names_are_told_what_is_wrong);
	return test_failed;
}
