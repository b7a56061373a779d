/* SPDX-License-Identifier: Apache-2.0 */
/* Blows against the registers: in a wrong order, of wrong widths, with values that cannot be. */
#include "guests/blk/hostile.h"

#define SUMMIT          STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK
#define FEATURES_BEYOND 0x20u

static void write(struct hostile *h, enum common reg, uint32_t width, uint64_t value)
{
	device_write(h->d, reg, width, value);
}

static uint32_t ok_before_features(struct hostile *h)
{
	write(h, COMMON_STATUS, 1, 0);
	write(h, COMMON_STATUS, 1, STATUS_DRIVER_OK);
	hostile_good_chain(h, 0);
	hostile_offer(h, 0);
	return 1;
}

static uint32_t features_not_offered(struct hostile *h)
{
	write(h, COMMON_STATUS, 1, 0);
	for (uint32_t i = 0; i < 4; i++) {
		write(h, COMMON_DRIVER_FEATURE_SELECT, 4, i);
		write(h, COMMON_DRIVER_FEATURE, 4, UINT32_MAX);
	}
	write(h, COMMON_DRIVER_FEATURE_SELECT, 4, FEATURES_BEYOND + hostile_random(h));
	write(h, COMMON_DRIVER_FEATURE, 4, UINT32_MAX);
	write(h, COMMON_STATUS, 1, SUMMIT);
	return 1;
}

static uint32_t queue_at_wrong_addresses(struct hostile *h)
{
	write(h, COMMON_STATUS, 1, 0);
	write(h, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	write(h, COMMON_DRIVER_FEATURE_SELECT, 4, 1);
	write(h, COMMON_DRIVER_FEATURE, 4, 1);
	write(h, COMMON_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	write(h, COMMON_QUEUE_SELECT, 2, 0);
	write(h, COMMON_QUEUE_DESC, 8, h->ram_end | hostile_random(h));
	write(h, COMMON_QUEUE_DRIVER, 8, UINT64_MAX - hostile_random(h) % 64);
	write(h, COMMON_QUEUE_DEVICE, 8, h->ram_end | hostile_random(h) << 20);
	write(h, COMMON_QUEUE_ENABLE, 2, 1);
	write(h, COMMON_STATUS, 1, SUMMIT);
	hostile_tell(h);
	return 1;
}

static uint32_t queue_of_wrong_size(struct hostile *h)
{
	static const uint16_t sizes[] = { 0, 3, 100, 257, 0x8000, 0xffff };

	write(h, COMMON_QUEUE_SELECT, 2, 0);
	write(h, COMMON_QUEUE_SIZE, 2, sizes[hostile_random(h) % 6]);
	write(h, COMMON_QUEUE_ENABLE, 2, 1);
	hostile_good_chain(h, 0);
	hostile_offer(h, 0);
	return 1;
}

static uint32_t queue_moved_while_on(struct hostile *h)
{
	hostile_good_chain(h, 0);
	hostile_offer(h, 0);
	write(h, COMMON_QUEUE_SELECT, 2, 0);
	write(h, COMMON_QUEUE_DESC, 8, UINT64_MAX);
	write(h, COMMON_QUEUE_DEVICE, 8, h->ram_end);
	write(h, COMMON_QUEUE_ENABLE, 2, 0);
	hostile_tell(h);
	return 1;
}

static uint32_t queues_that_are_not(struct hostile *h)
{
	const uint16_t q = (uint16_t)hostile_random(h) | 8;

	write(h, COMMON_QUEUE_SELECT, 2, q);
	write(h, COMMON_QUEUE_SIZE, 2, 16);
	write(h, COMMON_QUEUE_VECTOR, 2, hostile_random(h));
	write(h, COMMON_QUEUE_DESC, 8, (uintptr_t)h->scratch);
	write(h, COMMON_QUEUE_ENABLE, 2, 1);
	*h->d->queues[0].notify = q;
	return 1;
}

static uint32_t any_status(struct hostile *h)
{
	for (uint32_t i = 0; i < 8; i++)
		write(h, COMMON_STATUS, 1, hostile_random(h));
	hostile_tell(h);
	return 1;
}

/*
 * Every width at every place. But a queue's address, if that is what is hit, is none in this
 * guest's RAM: its own memory is not what it is after.
 */
static uint32_t any_access(struct hostile *h)
{
	for (uint32_t i = 0; i < 8; i++) {
		const uint32_t reg = (uint32_t)(hostile_random(h) % 0x40);
		const uint64_t value =
			hostile_random(h) | (reg >= COMMON_QUEUE_DESC - 7u ? 0x80000000u : 0);
		const uint64_t at = h->d->common + reg;

		switch (hostile_random(h) % (reg >= COMMON_QUEUE_DESC ? 4 : 6)) {
		case 0:
			*(volatile uint32_t *)(at & ~UINT64_C(3)) = (uint32_t)value;
			break;
		case 1:
			*(volatile uint64_t *)(at & ~UINT64_C(3)) = value << 32 | (uint32_t)value;
			break;
		case 2:
			(void)*(volatile uint64_t *)at;
			break;
		case 3:
			(void)*(volatile uint32_t *)at;
			break;
		case 4:
			*(volatile uint8_t *)at = (uint8_t)value;
			break;
		default:
			*(volatile uint16_t *)at = (uint16_t)value;
		}
	}
	hostile_tell(h);
	return 1;
}

static uint32_t wrong_vectors(struct hostile *h)
{
	write(h, COMMON_CONFIG_VECTOR, 2, hostile_random(h));
	write(h, COMMON_QUEUE_SELECT, 2, 0);
	write(h, COMMON_QUEUE_VECTOR, 2, hostile_random(h));
	hostile_good_chain(h, 0);
	hostile_offer(h, 0);
	return 1;
}

const struct blow register_blows[] = {
	{ "ok-before-features", ok_before_features },
	{ "features-not-offered", features_not_offered },
	{ "queue-at-wrong-addresses", queue_at_wrong_addresses },
	{ "queue-of-wrong-size", queue_of_wrong_size },
	{ "queue-moved-while-on", queue_moved_while_on },
	{ "queues-that-are-not", queues_that_are_not },
	{ "any-status", any_status },
	{ "any-access", any_access },
	{ "wrong-vectors", wrong_vectors },
};
const uint32_t register_blow_count = sizeof(register_blows) / sizeof(register_blows[0]);
