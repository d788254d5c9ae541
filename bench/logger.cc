/* SPDX-License-Identifier: MIT */
/* logger.cc - spdlog's asynchronous logger, with a sink that reads what it is given. */
#include "bench/logger.h"

#include <spdlog/async.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <cstring>
#include <exception>
#include <memory>

namespace
{

constexpr size_t digits = 16; /* of a record's number */
constexpr size_t number_size = sizeof(uint64_t);

class reading_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex>
{
      public:
	std::atomic<uint64_t> count{0}, sum{0};

      protected:
	void sink_it_(const spdlog::details::log_msg &message) override
	{
		const char *text = message.payload.data();

		/* Relaxed: only its thread writes them, and `count` publishes both. */
		sum.store(sum.load(std::memory_order_relaxed) + read_number(text) +
		                  slu_record_sum(text + digits, message.payload.size() - digits),
		          std::memory_order_relaxed);
		count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
	}
	void flush_() override
	{
	}

      private:
	static uint64_t read_number(const char *text)
	{
		uint64_t number = 0;

		for (size_t i = 0; i < digits; i++) {
			unsigned digit = static_cast<unsigned char>(text[i]);

			number = number << 4 | (digit >= 'a' ? digit - 'a' + 10 : digit - '0');
		}
		return number;
	}
};

} // namespace

struct slu_logger {
	std::shared_ptr<reading_sink> sink;
	std::shared_ptr<spdlog::details::thread_pool> thread;
	std::shared_ptr<spdlog::async_logger> logger;
};

struct slu_logger *slu_logger_open(size_t slots)
{
	try {
		auto self = std::make_unique<slu_logger>();

		self->sink = std::make_shared<reading_sink>();
		self->thread = std::make_shared<spdlog::details::thread_pool>(slots, 1);
		self->logger = std::make_shared<spdlog::async_logger>(
			"bench", self->sink, self->thread, spdlog::async_overflow_policy::block);
		return self.release();
	} catch (const std::exception &) {
		return nullptr;
	}
}

void slu_logger_put(struct slu_logger *self, const void *record)
{
	const char *bytes = static_cast<const char *>(record);
	uint64_t number;

	std::memcpy(&number, bytes, sizeof(number));
	self->logger->info(
		"{:016x}{}", number,
		spdlog::string_view_t(bytes + number_size, SLU_LOGGER_RECORD_SIZE - number_size));
}

uint64_t slu_logger_count(const struct slu_logger *self)
{
	return self->sink->count.load(std::memory_order_acquire);
}

uint64_t slu_logger_sum(const struct slu_logger *self)
{
	return self->sink->sum.load(std::memory_order_relaxed);
}

void slu_logger_close(struct slu_logger *self)
{
	delete self;
}
