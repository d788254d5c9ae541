/* SPDX-License-Identifier: MIT */
/* gen_source.c - files are read whole, and places in them are shown as a compiler does. */
#include "db/gen/read/source.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/sluice-source-XXXXXX";

static enum sluice_status read_bytes(struct slu_source *source, const char *bytes, size_t size,
                                     struct sluice_error *error)
{
	int fd = mkstemp(path);
	enum sluice_status status;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
	status = slu_source_read(source, path, error);
	unlink(path);
	return status;
}

/* What a finding at a place in `text` shows below its first line. */
static const char *shown(const char *text, size_t offset, size_t size)
{
	static char told[512];
	struct slu_source source = {.path = (char[]){"q.sql"}, .text = strdup(text)};
	struct slu_findings findings = {fmemopen(told, sizeof(told), "w"), 0};
	struct slu_place place = {&source, offset, size};

	source.size = strlen(text);
	slu_finding(&findings, place, NULL, "no %s", "good");
	fclose(findings.out);
	free(source.text);
	cr_assert_eq(findings.error_count, 1);
	return told;
}

Test(gen_source, a_file_is_read_whole)
{
	size_t size = 100000, i;
	char *bytes = malloc(size);
	struct slu_source source;

	for (i = 0; i < size; i++)
		bytes[i] = (char)('a' + i % 26);
	cr_assert_eq(read_bytes(&source, bytes, size, NULL), SLUICE_OK);
	cr_assert_eq(source.size, size);
	cr_assert_eq(memcmp(source.text, bytes, size), 0);
	cr_assert_eq(source.text[size], '\0');
	slu_source_free(&source);
	free(bytes);
}

Test(gen_source, an_empty_file_is_an_empty_text)
{
	struct slu_source source;

	cr_assert_eq(read_bytes(&source, "", 0, NULL), SLUICE_OK);
	cr_assert_str_eq(source.text, "");
	slu_source_free(&source);
}

Test(gen_source, a_byte_order_mark_is_dropped)
{
	struct slu_source source;

	cr_assert_eq(read_bytes(&source,
	                        "\xef\xbb\xbf"
	                        "ab",
	                        5, NULL),
	             SLUICE_OK);
	cr_assert_str_eq(source.text, "ab");
	cr_assert_eq(source.size, 2);
	slu_source_free(&source);
}

Test(gen_source, a_nul_byte_is_refused)
{
	struct slu_source source;
	struct sluice_error error;

	cr_assert_eq(read_bytes(&source, "S\0E\0", 4, &error), SLUICE_INVALID);
	cr_assert_not_null(strstr(error.message,
	                          "holds a NUL byte, which SQL cannot: is it UTF-16? "
	                          "Save it as UTF-8"));
	slu_source_free(&source);
}

Test(gen_source, bytes_that_are_not_utf8_are_refused_with_their_line)
{
	static const char *const texts[] = {
		"a\n\xff",
		"a\n\x80",
		"a\n\xc3",
		"a\n\xc3(",
		"a\n\xc0\x80",
		"a\n\xe0\x80\x80",
		"a\n\xed\xa0\x80",
		"a\n\xf4\x90\x80\x80",
		"a\n\xf8\x88\x80\x80\x80",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct slu_source source;
		struct sluice_error error;
		char template[] = "/tmp/sluice-source-XXXXXX";

		memcpy(path, template, sizeof(path));
		cr_assert_eq(read_bytes(&source, texts[i], strlen(texts[i]), &error),
		             SLUICE_INVALID, "text %zu", i);
		cr_assert_not_null(strstr(error.message,
		                          ":2: this line is not UTF-8: save the file as UTF-8"));
		slu_source_free(&source);
	}
}

Test(gen_source, a_file_that_is_missing_or_a_directory_is_told)
{
	struct slu_source source;
	struct sluice_error error;

	cr_assert_eq(slu_source_read(&source, "/nowhere/q.sql", &error), SLUICE_FAILED);
	cr_assert_str_eq(error.message, "can't open /nowhere/q.sql: No such file or directory");
	slu_source_free(&source);
	cr_assert_eq(slu_source_read(&source, "/tmp", &error), SLUICE_INVALID);
	cr_assert_str_eq(error.message, "/tmp is a directory");
	slu_source_free(&source);
}

Test(gen_source, a_place_is_shown_with_its_line_and_a_caret)
{
	cr_assert_str_eq(shown("SELECT\n  pric, b\nFROM t", 9, 4), "q.sql:2:3: error: no good\n"
	                                                           "    pric, b\n"
	                                                           "    ^~~~\n");
}

Test(gen_source, a_place_without_a_size_has_a_caret_alone)
{
	cr_assert_str_eq(shown("abc", 3, 0), "q.sql:1:4: error: no good\n  abc\n     ^\n");
	cr_assert_str_eq(shown("", 0, 0), "q.sql:1:1: error: no good\n  \n  ^\n");
}

Test(gen_source, a_place_of_several_lines_is_underlined_to_the_end_of_the_first)
{
	cr_assert_str_eq(shown("ab\ncd", 1, 4), "q.sql:1:2: error: no good\n  ab\n   ^\n");
	cr_assert_str_eq(shown("abc\r\ncd", 1, 9), "q.sql:1:2: error: no good\n  abc\n   ^~\n");
}

Test(gen_source, tabs_stay_tabs_below)
{
	cr_assert_str_eq(shown("\ta\tb\tc", 5, 1),
	                 "q.sql:1:6: error: no good\n  \ta\tb\tc\n  \t \t \t^\n");
}

Test(gen_source, characters_are_counted_as_characters_and_set_by_their_width)
{
	/* e acute, two bytes and one cell; a character of Japanese, three bytes and two cells; a
	 * combining accent, two bytes and no cell */
	cr_assert_str_eq(shown("\xc3\xa9 = x", 5, 1),
	                 "q.sql:1:5: error: no good\n  \xc3\xa9 = x\n      ^\n");
	cr_assert_str_eq(shown("'\xe6\x97\xa5' x", 6, 1),
	                 "q.sql:1:5: error: no good\n  '\xe6\x97\xa5' x\n       ^\n");
	cr_assert_str_eq(shown("e\xcc\x81 x", 4, 1),
	                 "q.sql:1:4: error: no good\n  e\xcc\x81 x\n    ^\n");
	cr_assert_str_eq(shown("\xe6\x97\xa5\xe6\x9c\xac", 0, 6),
	                 "q.sql:1:1: error: no good\n  \xe6\x97\xa5\xe6\x9c\xac\n  ^~~~\n");
}

Test(gen_source, without_a_text_only_the_path_is_told_and_without_a_source_nothing)
{
	char *told = NULL;
	size_t size;
	struct slu_findings findings = {open_memstream(&told, &size), 0};
	struct slu_source source = {.path = (char[]){"q.sql"}};
	struct slu_place place = {&source, 0, 0};
	struct slu_place nowhere = {NULL, 0, 0};

	slu_finding(&findings, place, NULL, "missing");
	slu_finding(&findings, nowhere, "Look elsewhere.", "%d of them", 2);
	fclose(findings.out);
	cr_assert_str_eq(told, "q.sql: error: missing\nerror: 2 of them\nhint: Look elsewhere.\n");
	cr_assert_eq(findings.error_count, 2);
	free(told);
}
