/* SPDX-License-Identifier: MIT */
/*
 * hooks.c - the calls that a compiler makes for ThreadSanitizer, ending in our machine; and the few
 * functions of the outside world that the code under test must not call itself (outside.h).
 */
#include "machine.h"
#include "outside.h"

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef calloc
#undef malloc
#undef aligned_alloc
#undef free
#undef pthread_create
#undef pthread_join
#undef pthread_setname_np
#undef pthread_setspecific
#undef pthread_getspecific
#undef pthread_mutex_lock
#undef pthread_mutex_unlock

/* ---- atomics ---- */

#define ACCESS(address, bits, order) \
	((struct machine_access){(uintptr_t)(address), (bits) / 8, (order)})

#define CHANGE(bits, name, change)                                                          \
	uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *address,       \
	                                            uint##bits##_t operand, int order);     \
	uint##bits##_t __tsan_atomic##bits##_##name(volatile uint##bits##_t *address,       \
	                                            uint##bits##_t operand, int order)      \
	{                                                                                   \
		return (uint##bits##_t)machine_change(ACCESS(address, bits, order), change, \
		                                      operand);                             \
	}

#define COMPARE_EXCHANGE(bits, name)                                                             \
	int __tsan_atomic##bits##_##name(volatile uint##bits##_t *address,                       \
	                                 uint##bits##_t *expected, uint##bits##_t desired,       \
	                                 int order, int order_if_not);                           \
	int __tsan_atomic##bits##_##name(volatile uint##bits##_t *address,                       \
	                                 uint##bits##_t *expected, uint##bits##_t desired,       \
	                                 int order, int order_if_not)                            \
	{                                                                                        \
		uint64_t there = *expected;                                                      \
		bool done = machine_compare_exchange(ACCESS(address, bits, order), order_if_not, \
		                                     &there, desired);                           \
                                                                                                 \
		*expected = (uint##bits##_t)there;                                               \
		return done;                                                                     \
	}

/* clang's way: returns what was there. */
#define COMPARE_EXCHANGE_VALUE(bits)                                                               \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                 \
		volatile uint##bits##_t *address, uint##bits##_t expected, uint##bits##_t desired, \
		int order, int order_if_not);                                                      \
	uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                 \
		volatile uint##bits##_t *address, uint##bits##_t expected, uint##bits##_t desired, \
		int order, int order_if_not)                                                       \
	{                                                                                          \
		uint64_t there = expected;                                                         \
                                                                                                   \
		machine_compare_exchange(ACCESS(address, bits, order), order_if_not, &there,       \
		                         desired);                                                 \
		return (uint##bits##_t)there;                                                      \
	}

#define ATOMICS(bits)                                                                            \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *address,        \
	                                          int order);                                    \
	uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *address,        \
	                                          int order)                                     \
	{                                                                                        \
		return (uint##bits##_t)machine_load(ACCESS(address, bits, order));               \
	}                                                                                        \
	void __tsan_atomic##bits##_store(volatile uint##bits##_t *address, uint##bits##_t value, \
	                                 int order);                                             \
	void __tsan_atomic##bits##_store(volatile uint##bits##_t *address, uint##bits##_t value, \
	                                 int order)                                              \
	{                                                                                        \
		machine_store(ACCESS(address, bits, order), value);                              \
	}                                                                                        \
	CHANGE(bits, exchange, CHANGE_SET)                                                       \
	CHANGE(bits, fetch_add, CHANGE_ADD)                                                      \
	CHANGE(bits, fetch_sub, CHANGE_SUB)                                                      \
	CHANGE(bits, fetch_and, CHANGE_AND)                                                      \
	CHANGE(bits, fetch_or, CHANGE_OR)                                                        \
	CHANGE(bits, fetch_xor, CHANGE_XOR)                                                      \
	COMPARE_EXCHANGE(bits, compare_exchange_strong)                                          \
	COMPARE_EXCHANGE(bits, compare_exchange_weak)                                            \
	COMPARE_EXCHANGE_VALUE(bits)

ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	machine_fence(order);
}

void __tsan_atomic_signal_fence(int order);
void __tsan_atomic_signal_fence(int order)
{
	(void)order;
	machine_signal_fence();
}

/* ---- plain accesses ---- */

#define PLAIN(name, size, writes)                                \
	void __tsan_##name(const void *address);                 \
	void __tsan_##name(const void *address)                  \
	{                                                        \
		machine_plain((uintptr_t)address, size, writes); \
	}

#define PLAIN_OF(size)                           \
	PLAIN(read##size, size, false)           \
	PLAIN(write##size, size, true)           \
	PLAIN(unaligned_read##size, size, false) \
	PLAIN(unaligned_write##size, size, true) \
	PLAIN(volatile_read##size, size, false)  \
	PLAIN(volatile_write##size, size, true)

PLAIN_OF(1)
PLAIN_OF(2)
PLAIN_OF(4)
PLAIN_OF(8)
PLAIN_OF(16)

void __tsan_read_range(const void *address, size_t size);
void __tsan_read_range(const void *address, size_t size)
{
	machine_plain((uintptr_t)address, size, false);
}

void __tsan_write_range(const void *address, size_t size);
void __tsan_write_range(const void *address, size_t size)
{
	machine_plain((uintptr_t)address, size, true);
}

/* ---- the rest of what a compiler calls, and core/cache.c ---- */

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(const void *caller);
void __tsan_func_entry(const void *caller)
{
	(void)caller;
}

void __tsan_func_exit(void);
void __tsan_func_exit(void)
{
}

void __tsan_acquire(const void *address);
void __tsan_acquire(const void *address)
{
	machine_take_over((uintptr_t)address);
}

void __tsan_release(const void *address);
void __tsan_release(const void *address)
{
	machine_hand_over((uintptr_t)address);
}

/* ---- outside.h ---- */

void *explore_memcpy(void *to, const void *from, size_t size)
{
	machine_plain((uintptr_t)from, size, false);
	machine_plain((uintptr_t)to, size, true);
	return memcpy(to, from, size);
}

void *explore_memmove(void *to, const void *from, size_t size)
{
	machine_plain((uintptr_t)from, size, false);
	machine_plain((uintptr_t)to, size, true);
	return memmove(to, from, size);
}

void *explore_memset(void *to, int byte, size_t size)
{
	machine_plain((uintptr_t)to, size, true);
	return memset(to, byte, size);
}

int explore_memcmp(const void *left, const void *right, size_t size)
{
	machine_plain((uintptr_t)left, size, false);
	machine_plain((uintptr_t)right, size, false);
	return memcmp(left, right, size);
}

void *explore_malloc(size_t size)
{
	return explore_alloc(size);
}

void *explore_calloc(size_t count, size_t size)
{
	return explore_alloc(count * size);
}

void *explore_aligned_alloc(size_t alignment, size_t size)
{
	(void)alignment;
	return explore_alloc(size);
}

/* The next run begins with an empty arena. */
void explore_free(void *memory)
{
	(void)memory;
}

/* ---- threads ---- */

static struct {
	void *(*body)(void *);
	void *argument;
} started;

static void run_started(void *unused)
{
	(void)unused;
	started.body(started.argument);
}

int explore_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                           void *(*body)(void *), void *argument)
{
	(void)attributes;
	started.body = body;
	started.argument = argument;
	*thread = explore_start("flusher", run_started, NULL);
	return 0;
}

int explore_pthread_join(pthread_t thread, void **result)
{
	if (result != NULL)
		*result = NULL;
	explore_join((unsigned)thread);
	return 0;
}

int explore_pthread_setname_np(pthread_t thread, const char *name)
{
	(void)thread;
	(void)name;
	return 0;
}

/* One key is enough. Its destructor is not called: threads of a scenario detach. */
int explore_pthread_setspecific(pthread_key_t key, const void *value)
{
	(void)key;
	*schedule_own_value() = value;
	return 0;
}

void *explore_pthread_getspecific(pthread_key_t key)
{
	(void)key;
	return (void *)(uintptr_t)*schedule_own_value();
}

/* Who finds it taken lets others go on. Taking it is no step that others may come before: what a
 * mutex protects is no race. */
int explore_pthread_mutex_lock(pthread_mutex_t *mutex)
{
	while (pthread_mutex_trylock(mutex) != 0)
		explore_pause();
	machine_take_over((uintptr_t)mutex);
	return 0;
}

int explore_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	machine_hand_over((uintptr_t)mutex);
	schedule_stirred();
	return pthread_mutex_unlock(mutex);
}
