/* SPDX-License-Identifier: MIT */
/*
 * peers.cc - two rings of the C++ world: boost::lockfree::spsc_queue and moodycamel's
 * ReaderWriterQueue, of as many slots as asked for, records by value, nothing allocated by a put.
 *
 * boost's slots get the same huge pages as the other rings'; moodycamel allocates its blocks
 * itself.
 */
#include "bench/pages.h"
#include "bench/ring.h"

#include <boost/lockfree/spsc_queue.hpp>
#include <readerwriterqueue/readerwriterqueue.h>

#include <cstring>
#include <new>

namespace
{

/* On cache lines of its own where its size allows. */
template <size_t size> struct alignas(size % 64 == 0 ? 64 : 8) record {
	unsigned char bytes[size];
};

template <typename element> struct huge_pages {
	typedef element value_type;

	huge_pages() = default;
	template <typename other> huge_pages(const huge_pages<other> &)
	{
	}
	element *allocate(size_t count)
	{
		void *memory = slu_pages_allocate(count * sizeof(element));

		if (memory == nullptr)
			throw std::bad_alloc();
		return static_cast<element *>(memory);
	}
	void deallocate(element *memory, size_t)
	{
		slu_pages_free(memory);
	}
};

template <size_t size> class boost_ring
{
      public:
	explicit boost_ring(size_t slots) : queue(slots)
	{
	}
	bool put(const record<size> &one)
	{
		return queue.push(one);
	}
	uint64_t drain(uint64_t *sum)
	{
		return queue.consume_all([sum](const record<size> &one) {
			*sum += slu_record_sum(one.bytes, size);
		});
	}

      private:
	boost::lockfree::spsc_queue<record<size>,
	                            boost::lockfree::allocator<huge_pages<record<size>>>>
		queue;
};

template <size_t size> class moodycamel_ring
{
      public:
	explicit moodycamel_ring(size_t slots) : queue(slots)
	{
	}
	bool put(const record<size> &one)
	{
		return queue.try_enqueue(one);
	}
	uint64_t drain(uint64_t *sum)
	{
		record<size> one;
		uint64_t count = 0;

		for (; queue.try_dequeue(one); count++)
			*sum += slu_record_sum(one.bytes, size);
		return count;
	}

      private:
	moodycamel::ReaderWriterQueue<record<size>> queue;
};

/* ---- the same for both: a ring as C sees it ---- */

template <typename ring> void *open_ring(size_t slots)
{
	try {
		return new ring(slots);
	} catch (const std::bad_alloc &) {
		return nullptr;
	}
}

template <typename ring> void close_ring(void *self)
{
	delete static_cast<ring *>(self);
}

template <typename ring, size_t size> bool put(void *self, const void *one)
{
	return static_cast<ring *>(self)->put(*static_cast<const record<size> *>(one));
}

template <typename ring, size_t size>
size_t burst(void *self, const unsigned char *records, size_t stride, size_t count)
{
	size_t done = 0;

	while (done < count && put<ring, size>(self, records + done * stride))
		done++;
	return done;
}

template <typename ring> uint64_t drain(void *self, uint64_t *sum)
{
	return static_cast<ring *>(self)->drain(sum);
}

template <template <size_t> class ring, size_t size> const struct slu_ring_ops *ops_of()
{
	static const struct slu_ring_ops ops = {
		open_ring<ring<size>>, burst<ring<size>, size>, put<ring<size>, size>,
		drain<ring<size>>,     close_ring<ring<size>>,
	};

	return &ops;
}

template <template <size_t> class ring> const struct slu_ring_ops *find_ops(size_t size)
{
	switch (size) {
#define CASE_OF(bytes) \
	case bytes:    \
		return ops_of<ring, bytes>();
		SLU_RECORD_SIZES(CASE_OF)
	default:
		return nullptr;
	}
}

} // namespace

const struct slu_ring_ops *slu_ring_boost(size_t size)
{
	return find_ops<boost_ring>(size);
}

const struct slu_ring_ops *slu_ring_moodycamel(size_t size)
{
	return find_ops<moodycamel_ring>(size);
}
