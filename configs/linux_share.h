/* SPDX-License-Identifier: Apache-2.0 */
/*
 * configs/linux_share.h - how much work Linux does with a given share of a core.
 *
 * Linux alone on a core, under (share x 50 ms, 50 ms): work done in windows of 2 s, which are
 * 40 whole periods. One file for each share from 10 % to 90 %; Linux itself needs the longer
 * to boot the smaller its share is.
 */
#pragma once
#include "configs/linux.h"

#define SHARE_SYSTEM(percent) \
	LINUX_ALONE("linux_share_" #percent, "cloud", "cpu,2000,5", 1, \
		    .cpu = RESERVATION(0, MS(percent) / 2, MS(50)))
