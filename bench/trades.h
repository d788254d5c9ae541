/* SPDX-License-Identifier: MIT */
/* trades.h - orders and fills as an engine would hand them over: short texts, no metadata. */
#ifndef BENCH_TRADES_H
#define BENCH_TRADES_H

#include "trading.h"

#define SLU_TRADES_PROVIDER 1
#define SLU_TRADES_PARENTS 1000 /* fills refer to orders 0 to 999 */

void slu_trades_order(struct trading_order *order, size_t index, bool changed);
void slu_trades_execution(struct trading_execution *execution, size_t index);

#endif
