/* SPDX-License-Identifier: MIT */
/*
 * outside.h - forced into every file under test (-include): what it would ask of the C library, and
 * the compiler's calls would not show, it asks of the explorer.
 */
#ifndef TESTS_EXPLORE_OUTSIDE_H
#define TESTS_EXPLORE_OUTSIDE_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

void *explore_memcpy(void *to, const void *from, size_t size);
void *explore_memmove(void *to, const void *from, size_t size);
void *explore_memset(void *to, int byte, size_t size);
int explore_memcmp(const void *left, const void *right, size_t size);
void *explore_malloc(size_t size);
void *explore_calloc(size_t count, size_t size);
void *explore_aligned_alloc(size_t alignment, size_t size);
void explore_free(void *memory);
int explore_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                           void *(*body)(void *), void *argument);
int explore_pthread_join(pthread_t thread, void **result);
int explore_pthread_setname_np(pthread_t thread, const char *name);
int explore_pthread_setspecific(pthread_key_t key, const void *value);
void *explore_pthread_getspecific(pthread_key_t key);
int explore_pthread_mutex_lock(pthread_mutex_t *mutex);
int explore_pthread_mutex_unlock(pthread_mutex_t *mutex);

#define memcpy explore_memcpy
#define memmove explore_memmove
#define memset explore_memset
#define memcmp explore_memcmp
#define malloc explore_malloc
#define calloc explore_calloc
#define aligned_alloc explore_aligned_alloc
#define free explore_free
#define pthread_create explore_pthread_create
#define pthread_join explore_pthread_join
#define pthread_setname_np explore_pthread_setname_np
#define pthread_setspecific explore_pthread_setspecific
#define pthread_getspecific explore_pthread_getspecific
#define pthread_mutex_lock explore_pthread_mutex_lock
#define pthread_mutex_unlock explore_pthread_mutex_unlock

#endif
