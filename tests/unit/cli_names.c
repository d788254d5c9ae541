/* SPDX-License-Identifier: MIT */
/* cli_names.c - names of rows: what they look like, that they stay the same, that they differ. */
#include "cli/names.h"

#include "cli/order_index.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char text[SLU_NAME_SIZE_MAX + 1];

static const char *client_order_id(uint64_t order, uint64_t repeat)
{
	text[slu_client_order_id(text, order, repeat)] = '\0';
	return text;
}

static const char *execution_id(const char *stem, uint32_t number, uint64_t repeat)
{
	text[slu_execution_id(text, stem, number, repeat)] = '\0';
	return text;
}

static const char *uuid_text(const char *alias, const char *name)
{
	static char hex[33];
	struct sluice_uuid uuid = slu_order_uuid(slu_order_namespace(alias), name, strlen(name));
	size_t place;

	for (place = 0; place < 16; place++)
		snprintf(hex + 2 * place, 3, "%02x", uuid.bytes[place]);
	return hex;
}

Test(names, only_repetitions_after_the_first_have_a_number)
{
	cr_expect_str_eq(client_order_id(16113575, 0), "16113575");
	cr_expect_str_eq(client_order_id(16113575, 1), "16113575/1");
	cr_expect_str_eq(execution_id("AMZN_message", 17, 0), "AMZN_message:17");
	cr_expect_str_eq(execution_id("AMZN_message", 17, 20), "AMZN_message:17/20");
}

Test(names, the_longest_fit_their_columns)
{
	cr_expect_str_eq(client_order_id(UINT64_MAX, SLU_REPEAT_MAX),
	                 "18446744073709551615/999999999999");
	cr_expect_str_eq(execution_id("abcdefghijklmnopqrst", UINT32_MAX, SLU_REPEAT_MAX),
	                 "abcdefghijklmnopqrst:4294967295/999999999999");
}

/* The values are those of a second implementation: a replay next year must find the same keys. */
Test(names, an_orders_uuid_never_changes)
{
	cr_expect_str_eq(uuid_text("demo", "1"), "9e1a1939513c84bfaf0654f052fae929");
	cr_expect_str_eq(uuid_text("lobster:AMZN_message", "148367239/1"),
	                 "c716fd2562c181e0b4cc88262e333671");
}

Test(names, alias_and_order_do_not_run_into_each_other)
{
	char first[33];

	strcpy(first, uuid_text("demo1", "23"));
	cr_expect_str_neq(first, uuid_text("demo12", "3"));
}

Test(names, a_million_neighbouring_orders_have_different_uuids)
{
	struct slu_order_namespace provider = slu_order_namespace("lobster:AMZN_message");
	struct slu_order_index seen = {0};
	uint64_t order, repeat;

	for (repeat = 0; repeat < 10; repeat++)
		for (order = 16113575; order < 16113575 + 100000; order++) {
			size_t size = slu_client_order_id(text, order, repeat);
			struct sluice_uuid uuid = slu_order_uuid(provider, text, size);
			struct slu_order_key key = {0};
			bool is_new;

			memcpy(&key.order, uuid.bytes, 8);
			memcpy(&key.repeat, uuid.bytes + 8, 8);
			cr_assert_not_null(slu_order_index_insert(&seen, key, 0, &is_new));
			cr_assert(is_new);
		}
	cr_expect_eq(seen.count, 1000000);
	slu_order_index_free(&seen);
}

Test(order_index, keeps_the_first_value_of_each_key_while_it_grows)
{
	struct slu_order_index index = {0};
	uint32_t value, *kept;
	bool is_new;

	cr_assert_null(slu_order_index_find(&index, (struct slu_order_key){.order = 1}));
	for (value = 0; value < 10000; value++) {
		struct slu_order_key key = {value / 4, value / 2 % 2, value % 2};

		kept = slu_order_index_insert(&index, key, value, &is_new);
		cr_assert(kept != NULL && is_new && *kept == value);
		kept = slu_order_index_insert(&index, key, value + 1, &is_new);
		cr_assert(kept != NULL && !is_new && *kept == value);
	}
	cr_assert_eq(index.count, 10000);
	for (value = 0; value < 10000; value++) {
		struct slu_order_key key = {value / 4, value / 2 % 2, value % 2};

		cr_assert_eq(*slu_order_index_find(&index, key), value);
	}
	slu_order_index_free(&index);
}
