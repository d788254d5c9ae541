/* SPDX-License-Identifier: MIT */
/* migrate_options.c - one table holds the options. Not getopt: it would take the -1 of `force -1`
 * for one. */
#include "cli/migrate_options.h"

#include <sluice/sink.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum meaning { DSN, PATH, SOURCE, LOCK_TIMEOUT, FLAG, HELP, EXTENSION, IGNORED };

static const struct option {
	const char *name;
	enum meaning meaning;
	bool takes_value;
	enum slu_migrate_flag flag;
} options[] = {
	{"dsn", DSN, true, 0},
	{"database", DSN, true, 0},
	{"d", DSN, true, 0},
	{"path", PATH, true, 0},
	{"p", PATH, true, 0},
	{"dir", PATH, true, 0},
	{"source", SOURCE, true, 0},
	{"lock-timeout", LOCK_TIMEOUT, true, 0},
	{"all", FLAG, false, SLU_MIGRATE_FLAG_ALL},
	{"yes", FLAG, false, SLU_MIGRATE_FLAG_YES},
	{"f", FLAG, false, SLU_MIGRATE_FLAG_YES},
	{"allow-out-of-order", FLAG, false, SLU_MIGRATE_FLAG_OUT_OF_ORDER},
	{"exit-code", FLAG, false, SLU_MIGRATE_FLAG_EXIT_CODE},
	{"help", HELP, false, 0},
	{"h", HELP, false, 0},
	/* golang-migrate's, which change nothing here */
	{"ext", EXTENSION, true, 0},
	{"verbose", IGNORED, false, 0},
	{"prefetch", IGNORED, true, 0},
	{"seq", IGNORED, false, 0},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

const char *slu_migrate_flag_name(enum slu_migrate_flag flag)
{
	size_t i = 0;

	while (options[i].meaning != FLAG || options[i].flag != flag)
		i++;
	return options[i].name;
}

static const struct option *find(const char *name, size_t size)
{
	size_t i;

	for (i = 0; i < OPTION_COUNT; i++)
		if (strlen(options[i].name) == size && strncmp(options[i].name, name, size) == 0)
			return &options[i];
	return NULL;
}

static enum sluice_status apply_value(struct slu_migrate_line *line, const struct option *option,
                                      const char *value, struct sluice_error *error)
{
	char *end;
	double seconds;

	switch (option->meaning) {
	case DSN:
		slu_migrate_dsn_free(&line->dsn);
		return slu_migrate_dsn_read(&line->dsn, value, error);
	case PATH:
		line->path = value;
		break;
	case SOURCE:
		if (strncmp(value, "file://", 7) != 0)
			return sluice_error_set(error, SLUICE_INVALID,
			                        "--source reads file://DIR and nothing else; "
			                        "--path DIR is the same");
		line->path = value + 7;
		break;
	case LOCK_TIMEOUT:
		seconds = strtod(value, &end);
		if (!isdigit((unsigned char)value[0]) || *end != '\0' || seconds <= 0 ||
		    seconds > 86400)
			return sluice_error_set(error, SLUICE_INVALID,
			                        "--lock-timeout takes seconds, up to 86400");
		line->lock_timeout_ns = (uint64_t)(seconds * 1e9);
		break;
	case EXTENSION:
		if (strcmp(value, "sql") != 0 && strcmp(value, ".sql") != 0)
			return sluice_error_set(error, SLUICE_INVALID,
			                        "--ext can only be sql: that is what create makes");
		break;
	default:
		break;
	}
	return SLUICE_OK;
}

/* Takes argv[*at], an option, and its value, which may be the next argument. */
static enum sluice_status take_option(struct slu_migrate_line *line, int argc, char **argv, int *at,
                                      struct sluice_error *error)
{
	const char *name = argv[*at] + (argv[*at][1] == '-' ? 2 : 1);
	size_t size = strcspn(name, "=");
	const char *value = name[size] == '=' ? name + size + 1 : NULL;
	const struct option *option = find(name, size);

	if (option == NULL)
		return sluice_error_set(error, SLUICE_INVALID, "there is no option --%.*s",
		                        size < 40 ? (int)size : 40, name);
	if (!option->takes_value) {
		if (value != NULL)
			return sluice_error_set(error, SLUICE_INVALID, "--%s takes no value",
			                        option->name);
		if (option->meaning == FLAG)
			line->flags |= option->flag;
		line->help |= option->meaning == HELP;
		return SLUICE_OK;
	}
	if (value == NULL && *at + 1 < argc)
		value = argv[++*at];
	if (value == NULL)
		return sluice_error_set(error, SLUICE_INVALID, "--%s needs a value", option->name);
	return apply_value(line, option, value, error);
}

static bool is_option(const char *argument)
{
	return argument[0] == '-' && argument[1] != '\0' && !isdigit((unsigned char)argument[1]);
}

enum sluice_status slu_migrate_line_read(struct slu_migrate_line *line, int argc, char **argv,
                                         struct sluice_error *error)
{
	enum sluice_status status = SLUICE_OK;
	bool only_operands = false;
	int i;

	*line = (struct slu_migrate_line){.path = NULL};
	for (i = 1; i < argc && status == SLUICE_OK; i++) {
		if (!only_operands && strcmp(argv[i], "--") == 0)
			only_operands = true;
		else if (!only_operands && is_option(argv[i]))
			status = take_option(line, argc, argv, &i, error);
		else if (line->operand_count < SLU_MIGRATE_OPERANDS_MAX)
			line->operands[line->operand_count++] = argv[i];
		else
			status = sluice_error_set(error, SLUICE_INVALID,
			                          "there are too many arguments");
	}
	return status;
}

void slu_migrate_line_free(struct slu_migrate_line *line)
{
	slu_migrate_dsn_free(&line->dsn);
}
