/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/x86/nested.h"

static struct nested_space model;                  /* what every partition's space is like */
static struct nested_space spaces[MAX_PARTITIONS]; /* root 0: none */

void nested_configure(enum nested_format format, enum nested_page largest,
		      uint32_t physical_address_bits)
{
	model = (struct nested_space){ .format = format,
				       .largest = largest,
				       .level_count = NESTED_LEVELS_MAX,
				       .physical_address_bits = physical_address_bits };
}

hpa_t nested_root(part_id_t part)
{
	return part < MAX_PARTITIONS ? spaces[part].root : (hpa_t){ 0 };
}

bool nested_next(part_id_t part, uint64_t from_gpa, struct nested_extent *out)
{
	*out = (struct nested_extent){ 0 };
	return nested_root(part).v != 0 && nested_space_next(&spaces[part], from_gpa, out);
}

enum err arch_space_create(part_id_t part)
{
	struct nested_space s = model;
	enum err e;

	if (model.format == NESTED_NONE)
		return ERR_UNSUPPORTED;
	if (part >= MAX_PARTITIONS || nested_root(part).v != 0)
		return ERR_INVAL;
	e = nested_space_create(&s);
	if (e == OK)
		spaces[part] = s;
	return e;
}

enum err arch_space_map(part_id_t part, gpa_t gpa, hpa_t hpa, uint64_t bytes, uint32_t rights)
{
	if (nested_root(part).v == 0)
		return ERR_INVAL;
	return nested_space_map(&spaces[part], gpa.v, hpa.v, bytes, rights);
}
