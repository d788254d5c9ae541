/* SPDX-License-Identifier: MIT */
/* uuid.c - time-ordered names (RFC 9562, version 7). */
#include <sluice/sluice.h>

#include <errno.h>
#include <sys/random.h>
#include <time.h>

static void write_number(uint8_t *bytes, unsigned count, uint64_t number)
{
	while (count-- > 0) {
		bytes[count] = (uint8_t)number;
		number >>= 8;
	}
}

/* 48 bits of milliseconds, 12 bits of the millisecond's fraction (RFC 9562 6.2, method 3), 62
 * random bits; between them the version and the variant. */
void sluice_uuid7_at(struct sluice_uuid *uuid, uint64_t unix_us, uint64_t random)
{
	uint64_t fraction = unix_us % 1000 * 4096 / 1000;

	write_number(&uuid->bytes[0], 6, unix_us / 1000);
	write_number(&uuid->bytes[6], 2, 0x7000 | fraction);
	write_number(&uuid->bytes[8], 8, (uint64_t)2 << 62 | random >> 2);
}

void sluice_uuid7(struct sluice_uuid *uuid)
{
	static _Thread_local uint64_t
		last_us; /* never the same twice in a thread, so its ids grow */
	struct timespec now;
	uint64_t now_us, random = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	now_us = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
	last_us = now_us > last_us ? now_us : last_us + 1;
	while (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random) && errno == EINTR)
		;
	sluice_uuid7_at(uuid, last_us, random);
}
