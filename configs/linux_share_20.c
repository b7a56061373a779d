/* SPDX-License-Identifier: Apache-2.0 */
/* configs/linux_share_20.c - 20 % of a core: configs/linux_share.h. */
#include "configs/linux_share.h"

SHARE_SYSTEM(20);
