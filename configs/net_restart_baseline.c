/* SPDX-License-Identifier: Apache-2.0 */
#include "configs/net_restart.h"

NET_RESTART_SYSTEM("net_restart_baseline", "6000", " reset=0", SEC(30));
