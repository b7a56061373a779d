/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include "core/lib/fmt.h"
#include "core/plan_check.h"
#include "core/plan_disk.h"
#include "core/plan_grant.h"
#include "core/plan_rate.h"
#include "core/plan_tasks.h"

#define ARGS_PIECE 255u

/* More of a budget than this lost to one switch is worth a word. */
#define OVERHEAD_WARN_PPM UINT64_C(50000)

struct printer {
	struct check view; /* config, board and plan; every name is good by now */
	void (*put)(const char *line);
};

static const struct partition_config *config_of(const struct printer *p, part_id_t part)
{
	return check_config_of(&p->view, part);
}

static uint64_t overhead_ns(const struct printer *p)
{
	return ticks_to_ns(p->view.board->switch_overhead_tsc, p->view.board->tsc_hz);
}

/* part / whole in ppm, rounded up. */
static uint64_t ppm(uint64_t part, uint64_t whole)
{
	return (uint64_t)(((unsigned __int128)part * 1000000 + whole - 1) / whole);
}

static const char *end_name(enum end_action action)
{
	switch (action) {
	case END_HALT:
		return "halt";
	case END_RESET:
		return "reset";
	default:
		return "power off";
	}
}

static void print_system(const struct printer *p)
{
	const struct config *c = p->view.config;
	const struct board *b = p->view.board;

	text_line(p->put, "system %s: %u partition%s on a board of %u core%s", c->name,
		  p->view.plan->partition_count, p->view.plan->partition_count == 1 ? "" : "s",
		  b->core_count, b->core_count == 1 ? "" : "s");
	if (b->switch_overhead_tsc != 0)
		text_line(p->put, "  a server switch costs at most %s, the timer resolves %s",
			  text_time(overhead_ns(p)).s,
			  text_time(ticks_to_ns(b->timer_resolution_tsc, b->tsc_hz)).s);
	if (c->board.console_bytes_per_second != 0)
		text_line(p->put, "  guests' lines: %llu bytes a second in all",
			  (unsigned long long)c->board.console_bytes_per_second);
	text_line(p->put, "  ends %s%s, then: %s; trace: %u records a core%s",
		  c->run_limit_ns ? "when all partitions have ended or after "
				  : "when all partitions have ended",
		  c->run_limit_ns ? text_time(c->run_limit_ns).s : "", end_name(c->at_end),
		  c->trace_records, c->trace_details ? ", with details" : "");
}

static void print_claim(const struct printer *p, uint32_t vcpu)
{
	const struct plan_vcpu *v = &p->view.plan->vcpus[vcpu];
	const struct cpu_claim *c = check_claim_of(&p->view, vcpu);
	const struct short_text name = check_vcpu_name(&p->view, vcpu);

	if (v->kind == CPU_RESERVED)
		text_line(p->put, "  %-15s Q = %s in every P = %s: share %s, with overhead %s",
			  name.s, text_time(c->budget_ns).s, text_time(c->period_ns).s,
			  text_percent(ppm(v->budget_tsc, v->period_tsc)).s,
			  text_percent(ppm(v->budget_tsc + p->view.board->switch_overhead_tsc,
					   v->period_tsc))
				  .s);
	else if (v->kind == CPU_BEST_EFFORT)
		text_line(p->put, "  %-15s best effort, priority %u: what is left over", name.s,
			  c->priority);
	else
		text_line(p->put, "  %-15s owns it: no timer, no scheduler", name.s);
}

static void print_inequality(const struct printer *p, core_id_t core, uint64_t utilization_ppm)
{
	char text[PLAN_INEQUALITY_BYTES];
	uint32_t next = 0;

	for (const char *plus = "";; plus = "+ ") {
		struct text sum = text_begin(text, sizeof(text));

		next = plan_add_inequality(&sum, &p->view, core, next);
		if (next == p->view.vcpu_count) {
			text_line(p->put, "  %s%s = %s <= 1: admitted", plus, sum.out,
				  text_ratio(utilization_ppm).s);
			return;
		}
		text_line(p->put, "  %s%s", plus, sum.out);
	}
}

static void print_core(const struct printer *p, core_id_t core)
{
	const struct plan_core *c = &p->view.plan->cores[core];
	if (!c->is_used) {
		text_line(p->put, "core %u: not used", core);
		return;
	}
	if (c->is_owned)
		text_line(p->put, "core %u: owned", core);
	else
		text_line(p->put, "core %u: shared, %u server%s", core, c->server_count,
			  c->server_count == 1 ? "" : "s");
	for (uint32_t i = 0; i < p->view.vcpu_count; i++) {
		if (p->view.plan->vcpus[i].core != core)
			continue;
		print_claim(p, i);
		if (plan_print_budget)
			plan_print_budget(p->view.config, p->view.plan, i, p->put);
	}
	if (c->utilization_ppm != 0)
		print_inequality(p, core, c->utilization_ppm);
}

static const char *boot_name(enum boot_protocol boot)
{
	switch (boot) {
	case BOOT_LINUX:
		return ", a Linux kernel";
	case BOOT_MULTIBOOT:
		return ", a multiboot kernel";
	default:
		return "";
	}
}

static const char *digest_note(const char *sha256)
{
	return sha256 ? ", SHA-256 checked" : "";
}

/* A command line of Linux is longer than a line of the log: cut at blanks, if there are any. */
static void print_args(const struct printer *p, const char *label, const char *args)
{
	while (args && *args != '\0') {
		char piece[ARGS_PIECE + 1];
		size_t bytes = strlen(args);

		if (bytes > ARGS_PIECE) {
			bytes = ARGS_PIECE;
			while (bytes > 0 && args[bytes] != ' ')
				bytes--;
			if (bytes == 0)
				bytes = ARGS_PIECE;
		}
		memcpy(piece, args, bytes);
		piece[bytes] = '\0';
		for (size_t i = 0; i < bytes; i++)
			if (piece[i] < ' ' || piece[i] > '~')
				piece[i] = '?';
		text_line(p->put, "  %-15s %s %s", "", label, piece);
		args += bytes;
		args += *args == ' ';
		label = "    ";
	}
}

static void print_platform(const struct printer *p, part_id_t i)
{
	const struct partition_config *c = config_of(p, i);
	const struct plan_partition *part = &p->view.plan->partitions[i];
	const char *plural = part->vcpu_count == 1 ? "" : "s";
	static const char *const apics[] = { "", ", APICs by software", ", the cores' own APICs" };
	const char *apic = apics[c->apic];

	if (part->has_pc)
		text_line(p->put, "  %-15s PC with %u CPU%s%s%s; reset %s it, power-off %s it", "",
			  part->vcpu_count, plural, apic, c->has_exit_port ? ", exit port F4H" : "",
			  c->on_reset == LIFE_RESTART ? "restarts" : "ends",
			  c->on_power_off == LIFE_RESTART ? "restarts" : "ends");
	else if (part->vcpu_count > 1 || c->apic != APIC_AUTO)
		text_line(p->put, "  %-15s %u CPU%s%s, no PC", "", part->vcpu_count, plural, apic);
}

static void print_partition(const struct printer *p, part_id_t i)
{
	const struct plan_partition *part = &p->view.plan->partitions[i];
	const struct partition_config *c = config_of(p, i);

	text_line(p->put, "  %-15s %s at 0x%llx, image %s%s%s", c->name,
		  text_size(part->memory_bytes).s, (unsigned long long)part->memory_base, c->image,
		  boot_name(c->boot), digest_note(c->image_sha256));
	if (plan_print_memory)
		plan_print_memory(p->view.config, p->view.plan, i, p->put);
	print_args(p, "args", c->args);
	for (uint32_t n = 0; n < c->module_count; n++) {
		text_line(p->put, "  %-15s module %s%s", "", c->modules[n].name,
			  digest_note(c->modules[n].sha256));
		print_args(p, "  args", c->modules[n].args);
	}
	print_platform(p, i);
}

static void print_memory(const struct printer *p)
{
	text_line(p->put, "memory");
	for (part_id_t i = 0; i < p->view.plan->partition_count; i++)
		print_partition(p, i);
	text_line(p->put, "  %-15s %s", "(free)", text_size(p->view.plan->memory_free_bytes).s);
}

static void print_warnings(const struct printer *p)
{
	for (uint32_t i = 0; i < p->view.vcpu_count; i++) {
		const struct plan_vcpu *v = &p->view.plan->vcpus[i];
		const struct short_text name = check_vcpu_name(&p->view, i);
		uint64_t lost;

		if (v->kind == CPU_BEST_EFFORT)
			text_line(
				p->put,
				"warning: %s: best effort on core %u has no promise: reservations and "
				"higher priorities can starve it",
				name.s, v->core);
		if (v->kind != CPU_RESERVED)
			continue;
		lost = ppm(p->view.board->switch_overhead_tsc, v->budget_tsc);
		if (lost > OVERHEAD_WARN_PPM)
			text_line(
				p->put,
				"warning: %s: one switch costs up to %s of its budget; a longer period "
				"of the same share wastes less",
				name.s, text_percent(lost).s);
	}
	for (core_id_t core = 0; core < MAX_CORES; core++)
		if (p->view.plan->cores[core].overrun_ppm != 0)
			text_line(
				p->put,
				"warning: core %u: guests that end their budgets in their longest "
				"exits, of %s, could make each other late; reserve %s less of it "
				"and they cannot",
				core, text_time(PLAN_BLOCKING_NS).s,
				text_percent(p->view.plan->cores[core].overrun_ppm).s);
	if (p->view.board->file_count == 0)
		text_line(p->put, "warning: nobody has looked for the image files yet");
}

void plan_print(const struct config *system, const struct board *board, const struct plan *plan,
		void (*put)(const char *line))
{
	struct printer p = { .view = { .config = system, .board = board }, .put = put };
	struct plan view = *plan;

	p.view.plan = &view;
	p.view.partition_count = plan->partition_count;
	p.view.vcpu_count = plan->vcpu_count;
	for (part_id_t i = 0; i < plan->partition_count; i++)
		p.view.has_label[i] = true;
	check_note_service(&p.view);
	print_system(&p);
	for (core_id_t core = 0; core < board->core_count && core < MAX_CORES; core++)
		print_core(&p, core);
	if (plan_print_cpu_tasks)
		plan_print_cpu_tasks(system, plan, put);
	print_memory(&p);
	if (plan_print_rates)
		plan_print_rates(system, put);
	if (plan_print_disks)
		plan_print_disks(system, plan, put);
	print_warnings(&p);
}
