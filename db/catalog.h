/* SPDX-License-Identifier: MIT */
/*
 * catalog.h - what a table's column is, in one line, so that a program and a database can be
 * compared.
 *
 *      numeric(32,16) NOT NULL
 *      text
 *      order_side ('Buy', 'Sell') NOT NULL
 *      bigint NOT NULL GENERATED ALWAYS AS IDENTITY
 *      price_domain = numeric(32,16)
 *
 * The generator writes these lines into descriptors, the sink asks for them at each connect.
 */
#ifndef DB_CATALOG_H
#define DB_CATALOG_H

/* Takes one text parameter: table names as SQL writes them, as a text[] ($1). Gives a row a column,
 * in the tables' order in the array and the columns' order in the table:
 *      table index from 0 (int4), column name (text), definition (text),
 *      has a default or may be NULL (bool)
 * A table that does not exist gives no row. */
extern const char slu_catalog_columns_sql[];

#endif
