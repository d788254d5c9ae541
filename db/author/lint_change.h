/* SPDX-License-Identifier: MIT */
/*
 * lint_change.h - what an up script may do to rows and to those who use them.
 */
#ifndef DB_AUTHOR_LINT_CHANGE_H
#define DB_AUTHOR_LINT_CHANGE_H

#include "db/author/lint_finding.h"
#include "db/author/lint_statement.h"

/* Reports each statement of an up script that loses data, breaks programs which run meanwhile, or
 * holds a lock on a table for as long as the table is large; not those with an allowance.
 *
 * A table that the same script makes is empty and unknown to others: what happens to it is not
 * looked at. One that an earlier script made is: that it is empty where the author sees it says
 * nothing about where the script will run. */
void slu_lint_changes(struct slu_lint *lint, const struct slu_lint_statements *statements);

#endif
