/* SPDX-License-Identifier: MIT */
/* names.c - names of SQL as names of C. */
#include "db/gen/ask/names.h"

#include <stdlib.h>
#include <string.h>

/* What a field can't be called: keywords of C11 and C++20, the macros of headers that ours include,
 * and `present`, the mask. */
static const char *const reserved[] = {
	"alignas",
	"alignof",
	"and",
	"and_eq",
	"asm",
	"auto",
	"bitand",
	"bitor",
	"bool",
	"break",
	"case",
	"catch",
	"char",
	"char16_t",
	"char32_t",
	"char8_t",
	"class",
	"co_await",
	"co_return",
	"co_yield",
	"compl",
	"concept",
	"const",
	"const_cast",
	"consteval",
	"constexpr",
	"constinit",
	"continue",
	"decltype",
	"default",
	"delete",
	"do",
	"double",
	"dynamic_cast",
	"else",
	"enum",
	"explicit",
	"export",
	"extern",
	"false",
	"float",
	"for",
	"friend",
	"goto",
	"if",
	"inline",
	"int",
	"linux",
	"long",
	"mutable",
	"namespace",
	"new",
	"noexcept",
	"not",
	"not_eq",
	"nullptr",
	"operator",
	"or",
	"or_eq",
	"present",
	"private",
	"protected",
	"public",
	"register",
	"reinterpret_cast",
	"requires",
	"restrict",
	"return",
	"short",
	"signed",
	"sizeof",
	"static",
	"static_assert",
	"static_cast",
	"struct",
	"switch",
	"template",
	"this",
	"thread_local",
	"throw",
	"true",
	"try",
	"typedef",
	"typeid",
	"typename",
	"typeof",
	"union",
	"unix",
	"unsigned",
	"using",
	"virtual",
	"void",
	"volatile",
	"wchar_t",
	"while",
	"xor",
	"xor_eq",
};

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_reserved(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (strcmp(name, reserved[i]) == 0)
			return true;
	}
	return false;
}

char *slu_name_snake(struct slu_study *study, const char *name)
{
	char *snake = slu_snake_case(name);

	if (snake == NULL)
		slu_study_starved(study);
	return snake;
}

static bool ends_with(const char *name, size_t size, const char *end)
{
	size_t end_size = strlen(end);

	return size > end_size && memcmp(name + size - end_size, end, end_size) == 0;
}

char *slu_name_singular(struct slu_study *study, const char *name)
{
	static const char *const kept[] = {"ss", "us", "is"};
	static const char *const long_ones[] = {"sses", "xes", "ches", "shes"};
	size_t size = strlen(name);
	size_t i;

	if (ends_with(name, size, "ies"))
		return slu_study_print(study, "%.*sy", (int)(size - 3), name);
	for (i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (ends_with(name, size, kept[i]))
			return slu_study_copy(study, name);
	}
	for (i = 0; i < sizeof(long_ones) / sizeof(long_ones[0]); i++) {
		if (ends_with(name, size, long_ones[i]))
			return slu_study_print(study, "%.*s", (int)(size - 2), name);
	}
	return slu_study_print(study, "%.*s", (int)(size - (ends_with(name, size, "s") ? 1 : 0)),
	                       name);
}

char *slu_name_field(struct slu_study *study, const char *column)
{
	size_t size = strlen(column);
	char *name = malloc(size + 3); /* a _ before it, one behind it */
	char *at = name;
	size_t i;

	if (name == NULL) {
		slu_study_starved(study);
		return NULL;
	}
	if (size == 0 || is_digit(column[0]))
		*at++ = '_';
	for (i = 0; i < size; i++)
		*at++ = is_lower(column[i]) || is_upper(column[i]) || is_digit(column[i])
		                ? column[i]
		                : '_';
	*at = '\0';
	if (is_reserved(name))
		memcpy(at, "_", sizeof("_"));
	return name;
}

static bool is_taken(const struct slu_field *fields, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(fields[i].name, name) == 0)
			return true;
	}
	return false;
}

void slu_name_make_unique(struct slu_study *study, struct slu_field *fields, size_t count)
{
	struct slu_field *last = &fields[count - 1];
	char *name = NULL;
	unsigned number;

	if (!is_taken(fields, count - 1, last->name))
		return;
	for (number = 2; name == NULL || is_taken(fields, count - 1, name); number++) {
		free(name);
		name = slu_study_print(study, "%s_%u", last->name, number);
		if (name == NULL)
			return;
	}
	free(last->name);
	last->name = name;
}
