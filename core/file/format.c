/* SPDX-License-Identifier: MIT */
/* format.c - sums, offsets, names. */
#include "core/file/format.h"

#include "core/file/generation.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* CRC32C, bit by bit: a page and a schema at open are all that is summed. */
uint32_t slu_file_sum(const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;
	uint32_t sum = UINT32_MAX;

	for (; size > 0; size--) {
		sum ^= *byte++;
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78u : 0);
	}
	return ~sum;
}

static uint64_t round_up(uint64_t size, uint64_t multiple)
{
	return (size + multiple - 1) / multiple * multiple;
}

bool slu_file_lay_out(struct slu_file_header *header)
{
	if (header->lane_count == 0 || header->lane_count > SLU_FILE_LANES_MAX ||
	    header->slot_count == 0 || header->slot_count > SLU_FILE_SLOTS_MAX ||
	    (header->slot_count & (header->slot_count - 1)) != 0 || header->slot_size < 32 ||
	    header->slot_size > SLU_FILE_SLOT_SIZE_MAX || header->slot_size % 8 != 0 ||
	    header->schema_size > SLU_FILE_SCHEMA_SIZE_MAX || header->page_size < SLU_FILE_PAGE ||
	    header->page_size > SLU_FILE_PAGE_SIZE_MAX)
		return false;
	header->schema_offset = SLU_FILE_PAGE;
	header->known_offset = round_up(header->schema_offset + header->schema_size, SLU_FILE_PAGE);
	header->hints_offset = header->known_offset + sizeof(struct slu_lane_hint);
	header->lanes_offset =
		round_up(header->hints_offset + header->lane_count * sizeof(struct slu_lane_hint),
	                 SLU_FILE_PAGE);
	header->lane_size = round_up(header->slot_count * header->slot_size, SLU_FILE_PAGE);
	header->file_size = round_up(header->lanes_offset + header->lane_count * header->lane_size,
	                             header->page_size);
	return true;
}

void slu_file_name(char name[SLU_FILE_NAME_SIZE], const struct sluice_uuid *generation)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(generation->bytes); i++) {
		*name++ = digits[generation->bytes[i] >> 4];
		*name++ = digits[generation->bytes[i] & 15];
		if (i == 3 || i == 5 || i == 7 || i == 9)
			*name++ = '-';
	}
	strcpy(name, SLU_FILE_SUFFIX);
}

static int digit_of(char character)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = strchr(digits, character);

	return found != NULL && character != '\0' ? (int)(found - digits) : -1;
}

struct sluice_uuid slu_file_boot(void)
{
	struct sluice_uuid boot = {{0}};
	char text[64] = {0};
	size_t half = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	for (const char *at = text; *at != '\0' && half < 32; at++) {
		int digit = digit_of(*at);

		if (digit < 0)
			continue;
		boot.bytes[half / 2] = (uint8_t)(boot.bytes[half / 2] << 4 | digit);
		half++;
	}
	return boot;
}
