/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/net_restart.h"

NET_RESTART_SYSTEM("net_restart_baseline", "1500", " reset=0", SEC(6));
