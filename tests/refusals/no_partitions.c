/* SPDX-License-Identifier: Apache-2.0 */
/*
 * expect: system: partitions: there are none
 */
#include "configs/boards.h"

const struct config config = {
	.name = "no_partitions",
	.board = BOARD_RIG(1),
};
