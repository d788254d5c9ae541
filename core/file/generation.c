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
#include <sys/resource.h>
#include <unistd.h>

#define PIECE_SIZE ((uint64_t)1 << 20)
#define INTERRUPTIONS_MAX 10000

static enum sluice_status fail(const struct slu_directory *directory, uint64_t size, int cause,
                               const char *what, struct sluice_error *error)
{
	const char *remedy = "";

	if (cause == ENOSPC || cause == ENOMEM || cause == EDQUOT)
		remedy = "; make room there, or lower lanes or lane_slots";
	else if (cause == EFBIG)
		remedy = "; raise the limit on a file's size (ulimit -f)";
	return sluice_error_set(error, SLUICE_FAILED, "%s: %s a file of %llu bytes: %s%s",
	                        directory->path, what, (unsigned long long)size, strerror(cause),
	                        remedy);
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

/* ---- the memory ---- */

/* In pieces, for a signal interrupts the call, and tmpfs then gives back what this call had got: a
 * host with a timer would never come to the end of a large file. */
static int allocate(const struct slu_file_system *files, int fd, uint64_t size)
{
	size_t interruptions = 0;
	struct rlimit limit;

	/* Beyond the limit the kernel sends a signal that kills the process. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && size > limit.rlim_cur)
		return EFBIG;
	for (uint64_t done = 0; done < size;) {
		uint64_t piece = size - done < PIECE_SIZE ? size - done : PIECE_SIZE;
		int cause = files->allocate(fd, (off_t)done, (off_t)piece);

		if (cause == EINTR && ++interruptions < INTERRUPTIONS_MAX)
			continue;
		if (cause != 0)
			return cause;
		done += piece;
	}
	return 0;
}

static enum sluice_status lock(struct slu_env *env, void *memory, size_t size,
                               struct sluice_error *error)
{
	if (env->files->lock_memory(memory, size) == 0)
		return SLUICE_OK;
	return sluice_error_set(error, SLUICE_FAILED,
	                        "lock_memory=yes: the system refuses to lock %zu bytes (%s); raise "
	                        "RLIMIT_MEMLOCK above that",
	                        size, strerror(errno));
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
	return lock_memory ? lock(directory->env, memory, size, error) : SLUICE_OK;
}

static enum sluice_status map_file(struct slu_generation *generation,
                                   struct slu_directory *directory, int fd,
                                   const struct slu_file_header *header, bool lock_memory,
                                   struct sluice_error *error)
{
	const struct slu_file_system *files = directory->env->files;
	int cause = allocate(files, fd, header->file_size);
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

static enum sluice_status map_anonymous(struct slu_generation *generation, struct slu_env *env,
                                        const struct slu_file_header *header, bool lock_memory,
                                        struct sluice_error *error)
{
	void *memory = env->map(env, header->file_size);

	if (memory == NULL)
		return sluice_error_set(error, SLUICE_FAILED,
		                        "no memory for the %llu bytes of the lanes; lower lanes or "
		                        "lane_slots",
		                        (unsigned long long)header->file_size);
	if (lock_memory && lock(env, memory, header->file_size, error) != SLUICE_OK) {
		env->unmap(env, memory, header->file_size);
		return SLUICE_FAILED;
	}
	point(generation, header, memory);
	return SLUICE_OK;
}

/* ---- the file ---- */

/* The name comes last, when everything else is there. The file is not synced: it is to survive the
 * process, and for that the system's memory is enough. The directory is, so that a disk that fails
 * is heard of now. */
static enum sluice_status name_file(struct slu_generation *generation,
                                    struct slu_directory *directory, const char *temporary,
                                    struct sluice_error *error)
{
	const struct slu_file_system *files = directory->env->files;
	enum sluice_status status;

	if (!slu_directory_rename(directory, temporary, directory->fd, generation->name))
		return fail(directory, generation->memory_size, errno, "naming", error);
	if (files->sync(directory->fd) == 0)
		return SLUICE_OK;
	status = fail(directory, generation->memory_size, errno, "naming", error);
	(void)files->unlink_at(directory->fd, generation->name);
	return status;
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
		status = name_file(generation, directory, temporary, error);
		if (status != SLUICE_OK)
			files->unmap(generation->memory, generation->memory_size);
	}
	if (status != SLUICE_OK) {
		(void)files->unlink_at(directory->fd, temporary);
		memset(generation, 0, sizeof(*generation));
	}
	return status;
}

/* ---- create, close ---- */

/* The streams as bytes, which the reader must be able to make sense of: better to hear of it now
 * than when the records have to be carried. */
static enum sluice_status write_schema(const struct sluice_streams *streams,
                                       struct slu_file_header *header, unsigned char **schema,
                                       struct sluice_error *error)
{
	struct sluice_streams *read;
	bool sound;

	*schema = slu_schema_write(streams, &header->schema_size);
	if (*schema == NULL)
		return sluice_error_set(error, SLUICE_FAILED, "no memory for the streams' schema");
	header->schema_sum = slu_file_sum(*schema, header->schema_size);
	read = slu_schema_read(*schema, header->schema_size);
	sound = read != NULL;
	free(read);
	if (sound)
		return SLUICE_OK;
	return sluice_error_set(error, SLUICE_INVALID,
	                        "the descriptors of the streams %.63s contradict themselves: "
	                        "generate them anew",
	                        streams->name != NULL ? streams->name : "");
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
	unsigned char *schema;
	enum sluice_status status = write_schema(plan->streams, &header, &schema, error);

	memset(generation, 0, sizeof(*generation));
	if (status != SLUICE_OK) {
		free(schema);
		return status;
	}
	if (!slu_file_lay_out(&header)) {
		status = sluice_error_set(error, SLUICE_INVALID,
		                          "lanes of such a size are not possible");
	} else if (directory != NULL) {
		slu_file_name(generation->name, &plan->generation);
		status = make_file(generation, directory, &header, schema, plan->lock_memory,
		                   error);
	} else {
		status = map_anonymous(generation, env, &header, plan->lock_memory, error);
		if (status == SLUICE_OK)
			write_header(&header, schema, generation->memory);
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
