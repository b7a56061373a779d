/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_share_50.c - 50 % of a core: configs/linux_share.h. */
#include "configs/linux_share.h"

SHARE_SYSTEM(50);
