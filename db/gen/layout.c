/* SPDX-License-Identifier: MIT */
/*
 * layout.c - where a struct's fields lie, as a C compiler for a 64-bit machine lays them out.
 *
 *      [key .. | by falling grain .. | present | texts, the largest last]
 *
 * A field's grain is the largest power of two, up to 8, that divides its size: after it any field
 * of that grain or less stands without a gap. A uuid's is 8, so it keeps its column's place among
 * the 8-byte fields. Within each part the columns' order stays.
 */
#include "db/gen/model.h"

#include <stdlib.h>

#define GRAIN_MAX 8
#define MASK_BITS 32

struct extent {
	uint32_t size;
	uint32_t align;
};

static const struct extent extents[] = {
	[SLUICE_BOOL] = {1, 1},        [SLUICE_INT2] = {2, 2},      [SLUICE_INT4] = {4, 4},
	[SLUICE_INT8] = {8, 8},        [SLUICE_FLOAT4] = {4, 4},    [SLUICE_FLOAT8] = {8, 8},
	[SLUICE_NUMERIC64] = {8, 8},   [SLUICE_NUMERIC] = {16, 8},  [SLUICE_UUID] = {16, 1},
	[SLUICE_TIMESTAMPTZ] = {8, 8}, [SLUICE_TIMESTAMP] = {8, 8}, [SLUICE_DATE] = {4, 4},
	[SLUICE_TIME] = {8, 8},        [SLUICE_INTERVAL] = {16, 8}, [SLUICE_INET] = {18, 1},
	[SLUICE_ENUM] = {4, 4},        [SLUICE_VERSION] = {0, 1},
};

static uint32_t round_up(uint32_t offset, uint32_t align)
{
	return (offset + align - 1) / align * align;
}

static bool is_text(const struct slu_field *field)
{
	return field->embedded == SLU_NONE && field->form == SLUICE_INLINE &&
	       (field->type == SLUICE_TEXT_TYPE || field->type == SLUICE_BYTEA ||
	        field->type == SLUICE_JSON || field->type == SLUICE_JSONB);
}

static struct extent extent_of(const struct slu_struct *structs, const struct slu_field *field)
{
	if (field->embedded != SLU_NONE)
		return (struct extent){structs[field->embedded].size,
		                       structs[field->embedded].align};
	if (field->form == SLUICE_ITEMS)
		return (struct extent){24, 8};
	if (field->form == SLUICE_VIEW)
		return (struct extent){16, 8};
	if (is_text(field))
		return (struct extent){round_up(2u + field->capacity, 2), 2};
	return extents[field->type];
}

static uint32_t grain_of(struct extent extent)
{
	uint32_t grain = GRAIN_MAX;

	while (grain > 1 && extent.size % grain != 0)
		grain /= 2;
	return grain;
}

/* Puts a field behind what is laid out. */
static void place(struct slu_struct *object, size_t position, size_t index, struct extent extent)
{
	struct slu_field *field = &object->fields[index];

	object->order[position] = index;
	field->offset = 0;
	field->size = extent.size;
	if (extent.size == 0) /* a version: no field */
		return;
	field->offset = round_up(object->size, extent.align);
	object->size = field->offset + extent.size;
	if (extent.align > object->align)
		object->align = extent.align;
}

/* Places the fields from `first` to `end`, texts only if `texts`, by falling grain. Returns the
 * position after the last. */
static size_t place_all(struct slu_struct *object, const struct slu_struct *structs, size_t first,
                        size_t end, bool texts, size_t position)
{
	uint32_t grain;
	size_t i;

	for (grain = GRAIN_MAX; grain > 0; grain /= 2) {
		for (i = first; i < end; i++) {
			struct extent extent = extent_of(structs, &object->fields[i]);

			if (grain_of(extent) == grain && (texts || !is_text(&object->fields[i])))
				place(object, position++, i, extent);
		}
	}
	return position;
}

/* The largest text behind the keys, the last of equals; `field_count` when there is none. */
static size_t largest_text(const struct slu_struct *object, size_t key_count)
{
	size_t largest = object->field_count;
	size_t i;

	for (i = key_count; i < object->field_count; i++) {
		if (is_text(&object->fields[i]) &&
		    (largest == object->field_count ||
		     object->fields[i].capacity >= object->fields[largest].capacity))
			largest = i;
	}
	return largest;
}

static void place_texts(struct slu_struct *object, size_t key_count, size_t position)
{
	size_t largest = largest_text(object, key_count);
	size_t i;

	for (i = key_count; i < object->field_count; i++) {
		if (is_text(&object->fields[i]) && i != largest)
			place(object, position++, i, extent_of(NULL, &object->fields[i]));
	}
	if (largest < object->field_count)
		place(object, position, largest, extent_of(NULL, &object->fields[largest]));
}

static void place_mask(struct slu_struct *object)
{
	size_t i;

	object->nullable_count = 0;
	for (i = 0; i < object->field_count; i++) {
		object->fields[i].bit = object->nullable_count;
		if (object->fields[i].nullable)
			object->nullable_count++;
	}
	object->present_offset = 0;
	if (object->nullable_count == 0)
		return;
	object->present_offset = round_up(object->size, sizeof(uint32_t));
	object->size = object->present_offset +
	               (uint32_t)sizeof(uint32_t) *
	                       ((object->nullable_count + MASK_BITS - 1) / MASK_BITS);
	if (object->align < sizeof(uint32_t))
		object->align = sizeof(uint32_t);
}

bool slu_struct_lay_out(struct slu_struct *object, size_t key_count,
                        const struct slu_struct *structs)
{
	size_t *order = reallocarray(object->order, object->field_count + 1, sizeof(*order));
	size_t position;

	if (order == NULL)
		return false;
	object->order = order;
	object->size = 0;
	object->align = 1;
	/* In a key a text is one field among others, so that no byte between them is unused. */
	position = place_all(object, structs, 0, key_count, true, 0);
	position = place_all(object, structs, key_count, object->field_count, false, position);
	place_mask(object);
	place_texts(object, key_count, position);
	object->size = round_up(object->size, object->align);
	return true;
}
