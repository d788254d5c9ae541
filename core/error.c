/* SPDX-License-Identifier: MIT */
/* error.c - statuses and states by name, and the sentence that goes with a failure. */
#include <sluice/sink.h>

#include <stdarg.h>
#include <stdio.h>

enum sluice_status sluice_error_set(struct sluice_error *error, enum sluice_status status,
                                    const char *format, ...)
{
	va_list arguments;

	if (error == NULL)
		return status;
	error->status = status;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return status;
}

const char *sluice_status_name(enum sluice_status status)
{
	static const char *const names[] = {
		[SLUICE_OK] = "ok",
		[SLUICE_MISS] = "miss",
		[SLUICE_FULL] = "full",
		[SLUICE_CONFLICT] = "conflict",
		[SLUICE_DROPPED] = "dropped",
		[SLUICE_UNREPLICATED] = "unreplicated",
		[SLUICE_TIMEOUT] = "timeout",
		[SLUICE_BUSY] = "busy",
		[SLUICE_TOO_LONG] = "too long",
		[SLUICE_UNATTACHED] = "unattached",
		[SLUICE_CLOSED] = "closed",
		[SLUICE_FORKED] = "forked",
		[SLUICE_INVALID] = "invalid",
		[SLUICE_HALTED] = "halted",
		[SLUICE_FAILED] = "failed",
	};

	return (size_t)status < sizeof(names) / sizeof(names[0]) ? names[status] : "unknown";
}

const char *sluice_state_name(enum sluice_state state)
{
	switch (state) {
	case SLUICE_STATE_CONNECTING:
		return "connecting";
	case SLUICE_STATE_RUNNING:
		return "running";
	case SLUICE_STATE_HALTED:
		return "halted";
	case SLUICE_STATE_CLOSED:
		return "closed";
	case SLUICE_STATE_FENCED:
		return "fenced";
	}
	return "unknown";
}

const char *sluice_version(void)
{
	return SLUICE_VERSION_STRING;
}
