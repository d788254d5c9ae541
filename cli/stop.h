/* SPDX-License-Identifier: MIT */
/*
 * stop.h - Ctrl-C and SIGTERM ask for an orderly end: the flow stops, what was accepted drains, and
 * is verified.
 */
#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <stdbool.h>
#include <stdint.h>

/* From here on SIGINT and SIGTERM are requests, and SIGPIPE an error of the write. Returns false
 * when the system has no descriptor left. */
bool slu_stop_watch(void);
/* Waits until `until_ns` (monotonic), or until an end was asked for. Returns whether it was. */
bool slu_stop_wait(uint64_t until_ns);
/* Whether an end was asked for so far. */
bool slu_stop_requested(void);

#endif
