/* SPDX-License-Identifier: MIT */
/* uuid.c - time-ordered names (RFC 9562, version 7). */
#include <sluice/sluice.h>

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* 48 bits of milliseconds, 12 bits of the millisecond's fraction (so that ids of one thread grow
 * within it), 62 random bits. */
void sluice_uuid7(struct sluice_uuid *uuid)
{
	static _Thread_local uint64_t last; /* in 1/4096 ms: never the same twice in a thread */
	struct timespec now;
	uint64_t tick, random = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	tick = ((uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u) << 12 |
	       ((uint64_t)(now.tv_nsec % 1000000) << 12) / 1000000u;
	last = tick > last ? tick : last + 1;
	tick = last;
	while (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random) && errno == EINTR)
		;
	for (unsigned i = 0; i < 6; i++)
		uuid->bytes[i] = (uint8_t)(tick >> 12 >> (40 - 8 * i));
	uuid->bytes[6] = (uint8_t)(0x70 | ((tick >> 8) & 0x0f));
	uuid->bytes[7] = (uint8_t)tick;
	memcpy(&uuid->bytes[8], &random, sizeof(random));
	uuid->bytes[8] = (uint8_t)(0x80 | (uuid->bytes[8] & 0x3f));
}
