/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device_name.h"
#include <string.h>
#include "core/lib/fmt.h"
#include "core/lib/hex.h"

/* Exactly `digits` of them. Returns what follows, or NULL. */
static const char *take_hex(const char *text, uint32_t digits, uint32_t *value)
{
	*value = 0;
	for (uint32_t i = 0; text && i < digits; i++, text++) {
		const int digit = hex_digit(*text);

		if (digit < 0)
			return NULL;
		*value = *value << 4 | (uint32_t)digit;
	}
	return text;
}

static const char *take_char(const char *text, char c)
{
	return text && *text == c ? text + 1 : NULL;
}

bool device_parse_pci(const char *text, pci_addr_t *address)
{
	uint32_t segment, bus, device, function;
	const char *const behind = take_char(take_hex(text, 4, &segment), ':');

	if (behind)
		text = behind;
	else
		segment = 0; /* what was read is the bus */
	text = take_char(take_hex(text, 2, &bus), ':');
	text = take_char(take_hex(text, 2, &device), '.');
	text = take_hex(text, 1, &function);
	if (!text || *text != '\0' || device > 31 || function > 7)
		return false;
	*address = PCI_ADDR(segment, bus, device, function);
	return true;
}

void device_write_pci(pci_addr_t address, char text[DEVICE_PCI_TEXT_BYTES])
{
	fmt_text(text, DEVICE_PCI_TEXT_BYTES, "%04x:%02x:%02x.%x", PCI_SEGMENT(address),
		 PCI_BUS(address), PCI_DEVICE(address), PCI_FUNCTION(address));
}

bool device_parse_mac(const char *text, uint8_t mac[6])
{
	uint8_t bytes[6];

	for (uint32_t i = 0; i < sizeof(bytes); i++) {
		uint32_t value;

		text = take_hex(i == 0 ? text : take_char(text, ':'), 2, &value);
		if (!text)
			return false;
		bytes[i] = (uint8_t)value;
	}
	if (*text != '\0')
		return false;
	memcpy(mac, bytes, sizeof(bytes));
	return true;
}
