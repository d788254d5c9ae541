/* SPDX-License-Identifier: MIT */
/* letters_format.h - what the records of dead letters look like: sluice.letter_format, read once a
 * format. */
#ifndef CLI_LETTERS_FORMAT_H
#define CLI_LETTERS_FORMAT_H

#include <sluice/sluice.h>

#include <libpq-fe.h>

struct slu_letters_format {
	char id[65]; /* SHA-256, in hexadecimal */
	struct sluice_streams *streams;
};

struct slu_letters_formats {
	struct slu_letters_format *kept;
	size_t count;
};

/* The stream of that name in the format `id`. SLUICE_OK with `*stream` NULL when there is none, or
 * the description is none that Sluice wrote. */
enum sluice_status slu_letters_stream(struct slu_letters_formats *formats, PGconn *connection,
                                      const char *id, const char *name,
                                      const struct sluice_stream **stream,
                                      struct sluice_error *error);
void slu_letters_formats_free(struct slu_letters_formats *formats);

#endif
