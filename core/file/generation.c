/* SPDX-License-Identifier: MIT */
/* generation.c - making the memory of a run's lanes: real blocks, touched pages, then a name. */
#include "core/file/generation.h"

#include "core/file/format.h"
#include "core/file/schema.h"
#include "core/file/system.h"

#include <sluice/sink.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static enum sluice_status fail(const struct slu_directory *directory, uint64_t size, int cause,
                               const char *what, struct sluice_error *error)
{
	const char *remedy = "";

	if (cause == ENOSPC || cause == ENOMEM)
		remedy = "; make room there, or lower lanes or lane_slots";
	return sluice_error_set(error, SLUICE_FAILED, "%s: %s a file of %llu bytes: %s%s",
	                        directory->path, what, (unsigned long long)size, strerror(cause),
	                        remedy);
}

static void print_name(char name[SLU_FILE_NAME_SIZE], const struct sluice_uuid *id)
{
	const uint8_t *b = id->bytes;

	snprintf(name, SLU_FILE_NAME_SIZE,
	         "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x.lanes", b[0],
	         b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
	         b[14], b[15]);
}

/* Where everything lies, in whatever memory. */
static void point(struct slu_generation *generation, const struct slu_file_header *header,
                  unsigned char *memory)
{
	generation->memory = memory;
	generation->memory_size = header->file_size;
	generation->known_to_sink = (_Atomic uint64_t *)(void *)(memory + header->known_offset);
	generation->hints = (struct slu_lane_hint *)(void *)(memory + header->hints_offset);
	generation->lanes = memory + header->lanes_offset;
	generation->lane_size = header->lane_size;
}

static void write_header(const struct slu_file_header *header, const void *schema,
                         unsigned char *memory)
{
	struct slu_file_header page = *header;

	memcpy(memory + header->schema_offset, schema, header->schema_size);
	page.sum = 0;
	memcpy(memory, &page, sizeof(page));
	page.sum = slu_file_sum(memory, SLU_FILE_PAGE);
	memcpy(memory, &page, sizeof(page));
}

/* Pages that are there, ours alone, and in no core dump: prices and names don't belong there. */
static enum sluice_status prepare(const struct slu_directory *directory, void *memory, size_t size,
                                  bool lock_memory, struct sluice_error *error)
{
	const struct slu_file_system *files = directory->env->files;

	(void)files->advise(memory, size, MADV_HUGEPAGE); /* only faster */
	(void)files->advise(memory, size, MADV_DONTDUMP);
	if (files->advise(memory, size, MADV_DONTFORK) != 0)
		return fail(directory, size, errno, "keeping from forked children", error);
	if (files->advise(memory, size, MADV_POPULATE_WRITE) != 0) {
		if (errno != EINVAL) /* a kernel before 5.14 does not know it */
			return fail(directory, size, errno, "touching", error);
		memset(memory, 0, size);
	}
	if (lock_memory && files->lock_memory(memory, size) != 0)
		return sluice_error_set(error, SLUICE_FAILED,
		                        "lock_memory=yes: the system refuses to lock %zu bytes "
		                        "(%s); raise RLIMIT_MEMLOCK above that",
		                        size, strerror(errno));
	return SLUICE_OK;
}

static enum sluice_status map_file(struct slu_generation *generation,
                                   struct slu_directory *directory, int fd,
                                   const struct slu_file_header *header, bool lock_memory,
                                   struct sluice_error *error)
{
	const struct slu_file_system *files = directory->env->files;
	int cause = files->allocate(fd, 0, (off_t)header->file_size);
	enum sluice_status status;
	void *memory;

	if (cause != 0)
		return fail(directory, header->file_size, cause, "allocating", error);
	memory = files->map(header->file_size, fd);
	if (memory == MAP_FAILED)
		return fail(directory, header->file_size, errno, "mapping", error);
	status = prepare(directory, memory, header->file_size, lock_memory, error);
	if (status != SLUICE_OK) {
		files->unmap(memory, header->file_size);
		return status;
	}
	point(generation, header, memory);
	return SLUICE_OK;
}

static enum sluice_status make_file(struct slu_generation *generation,
                                    struct slu_directory *directory,
                                    const struct slu_file_header *header, const void *schema,
                                    bool lock_memory, struct sluice_error *error)
{
	const struct slu_file_system *files = directory->env->files;
	char temporary[SLU_FILE_NAME_SIZE + 4];
	enum sluice_status status;
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.new", generation->name);
	fd = files->open_at(directory->fd, temporary,
	                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(directory, header->file_size, errno, "making", error);
	status = map_file(generation, directory, fd, header, lock_memory, error);
	files->close(fd);
	if (status == SLUICE_OK) {
		write_header(header, schema, generation->memory);
		if (files->rename_at(directory->fd, temporary, directory->fd, generation->name,
		                     RENAME_NOREPLACE) == 0 &&
		    files->sync(directory->fd) == 0)
			return SLUICE_OK;
		status = fail(directory, header->file_size, errno, "naming", error);
		(void)files->unlink_at(directory->fd, generation->name);
		files->unmap(generation->memory, generation->memory_size);
	}
	(void)files->unlink_at(directory->fd, temporary);
	memset(generation, 0, sizeof(*generation));
	return status;
}

enum sluice_status slu_generation_create(struct slu_generation *generation, struct slu_env *env,
                                         struct slu_directory *directory,
                                         const struct slu_generation_plan *plan,
                                         struct sluice_error *error)
{
	struct slu_file_header header = {
		.magic = {'S', 'L', 'U', 'I', 'L', 'A', 'N', 'E'},
		.format = SLU_GENERATION_FORMAT,
		.order = SLU_FILE_ORDER,
		.page_size = directory != NULL ? directory->page_size : SLU_FILE_PAGE,
		.generation = plan->generation,
		.boot = slu_file_boot(),
		.created_us = env->realtime_us(env),
		.pid = (uint64_t)getpid(),
		.first_version = plan->first_version,
		.lane_count = plan->lane_count,
		.slot_count = plan->slot_count,
		.slot_size = plan->slot_size,
	};
	enum sluice_status status = SLUICE_OK;
	unsigned char *memory, *schema = slu_schema_write(plan->streams, &header.schema_size);

	memset(generation, 0, sizeof(*generation));
	if (schema == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "no memory for the streams' schema");
	header.schema_sum = slu_file_sum(schema, header.schema_size);
	if (!slu_file_lay_out(&header)) {
		free(schema);
		return sluice_error_set(error, SLUICE_INVALID,
		                        "lanes of such a size are not possible");
	}
	if (directory != NULL) {
		print_name(generation->name, &plan->generation);
		status = make_file(generation, directory, &header, schema, plan->lock_memory,
		                   error);
	} else {
		memory = env->map(env, header.file_size);
		if (memory == NULL) {
			status = sluice_error_set(error, SLUICE_FAILED,
			                          "no memory for %llu lanes of %llu slots; lower "
			                          "lanes or lane_slots",
			                          (unsigned long long)plan->lane_count,
			                          (unsigned long long)plan->slot_count);
		} else {
			write_header(&header, schema, memory);
			point(generation, &header, memory);
		}
	}
	free(schema);
	return status;
}

void slu_generation_close(struct slu_generation *generation, struct slu_env *env)
{
	if (generation->memory == NULL)
		return;
	if (generation->name[0] != '\0')
		env->files->unmap(generation->memory, generation->memory_size);
	else
		env->unmap(env, generation->memory, generation->memory_size);
	generation->memory = NULL;
}
