/* SPDX-License-Identifier: Apache-2.0 */
#include "io/vmsi.h"

/* "Message Address Register Format" */
#define ADDRESS_RANGE(a)       ((a) >> 20)
#define INTERRUPT_RANGE        0xfeeu
#define ADDRESS_DESTINATION(a) ((uint32_t)((a) >> 12) & 0xffu)
#define ADDRESS_REDIRECTION    BIT32(3)
#define ADDRESS_LOGICAL        BIT32(2)
#define DESTINATION_ALL        0xffu

/* "Message Data Register Format" */
#define DATA_DELIVERY(d) ((uint8_t)((d) >> 8 & 7u))
#define DATA_ASSERT      BIT32(14)
#define DATA_LEVEL       BIT32(15)

#define RESERVED_3       3u
#define RESERVED_6       6u

bool vmsi_decode(uint64_t address, uint32_t data, struct vmsi_message *message)
{
	const uint32_t destination = ADDRESS_DESTINATION(address);
	struct vmsi_message m = {
		.vector = (uint8_t)data,
		.delivery = DATA_DELIVERY(data),
		.is_logical = address & ADDRESS_LOGICAL,
		.is_level = data & DATA_LEVEL,
		.destination = destination == DESTINATION_ALL ? VMSI_BROADCAST : destination,
	};

	if (ADDRESS_RANGE(address) != INTERRUPT_RANGE)
		return false;
	if (m.delivery == RESERVED_3 || m.delivery == RESERVED_6)
		return false;
	if (m.is_level && !(data & DATA_ASSERT))
		return false;
	if (m.is_logical && m.delivery == VMSI_FIXED && (address & ADDRESS_REDIRECTION))
		m.delivery = VMSI_LOWEST;
	*message = m;
	return true;
}
