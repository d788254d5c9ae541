/* SPDX-License-Identifier: MIT */
/*
 * sink_dial_names.h - a resolver of our own: getaddrinfo as libpq, the sink and everybody else in this
 * program find it, by being linked before the C library's.
 */
#ifndef TESTS_CONTRACT_SINK_DIAL_NAMES_H
#define TESTS_CONTRACT_SINK_DIAL_NAMES_H

/* A name that no lookup returns from, until names_release. */
#define NAME_THAT_HANGS "hangs.test"

/* From now on `name` has these addresses, separated by blanks. */
void names_set(const char *name, const char *addresses);

/* Lookups of names so far by the thread that started the test (the flusher's place), by others; and
 * those that hang now. */
unsigned names_asked_here(void);
unsigned names_asked_elsewhere(void);
unsigned names_hanging(void);

/* Lets those go that hang, and waits until they are gone. */
void names_release(void);

#endif
