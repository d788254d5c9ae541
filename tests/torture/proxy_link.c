/* SPDX-License-Identifier: MIT */
/*
 * proxy_link.c - read, look, send, strike.
 *
 * The break is a limit: an offset that a way's bytes are never sent beyond. A byte's is known from
 * the begin. That of an answer is found while its message goes by: of such a connection the head of
 * each message is kept back until it is known whether it is the one.
 */
#include "tests/torture/proxy_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SLICES 50 /* of a second: how finely a rate is kept */

uint64_t proxy_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- the server's messages ---- */

static bool waits_for_mark(const struct proxy_link *link)
{
	return link->plan->what != PROXY_NEVER && link->plan->mark != PROXY_AT_BYTE &&
	       link->plan->connection == link->number;
}

static void note_message(struct proxy_link *link)
{
	struct proxy_told *told = link->told;
	uint32_t number = link->number <= PROXY_CONNECTIONS_TOLD ? link->number : 0;
	enum proxy_mark mark;
	uint32_t count;

	if (link->scan.head[0] == 'Z') {
		mark = PROXY_AT_READY;
		count = ++told->of[number].readies;
		if (count == 2) {
			told->of[number].opened[PROXY_TO_SERVER] = link->ways[PROXY_TO_SERVER].sent;
			told->of[number].opened[PROXY_TO_CLIENT] = link->scan.next;
		}
	} else if (link->scan.head_size == sizeof(link->scan.head) &&
	           memcmp(link->scan.head + 5, "COMMIT", sizeof("COMMIT")) == 0) {
		mark = PROXY_AT_COMMIT;
		count = ++told->of[number].commits;
	} else {
		return;
	}
	if (waits_for_mark(link) && link->plan->mark == mark && link->plan->at == count)
		link->ways[PROXY_TO_CLIENT].limit = link->scan.next;
}

/* Looks at one byte more of a message's head; at its end the message is noted and jumped over. */
static void scan_byte(struct proxy_link *link, unsigned char byte)
{
	struct proxy_scan *scan = &link->scan;
	size_t wanted = 5;
	uint32_t size;

	scan->head[scan->head_size++] = byte;
	if (scan->head_size < wanted)
		return;
	memcpy(&size, scan->head + 1, sizeof(size));
	size = ntohl(size);
	if (scan->head[0] == 'C' && size == 4 + sizeof("COMMIT"))
		wanted += sizeof("COMMIT");
	if (scan->head_size < wanted)
		return;
	if (size >= 4)
		note_message(link);
	/* Else this is no such conversation, and all of it goes by. */
	scan->next = size >= 4 ? scan->next + 1 + size : UINT64_MAX;
	scan->head_size = 0;
}

/* `offset` of the first of `size` bytes, counted from the begin of the connection. */
static void scan(struct proxy_link *link, uint64_t offset, const unsigned char *bytes, size_t size)
{
	size_t index = 0;

	while (index < size) {
		uint64_t head = link->scan.next + link->scan.head_size;

		if (offset + index < head) {
			uint64_t inside = head - (offset + index);

			index += inside < size - index ? (size_t)inside : size - index;
			continue;
		}
		scan_byte(link, bytes[index++]);
	}
}

/* ---- breaking ---- */

void proxy_link_close(struct proxy_link *link)
{
	close(link->ends[0]);
	close(link->ends[1]);
	link->ends[0] = link->ends[1] = -1;
}

static void strike(struct proxy_link *link)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	if (link->plan->what == PROXY_RESET)
		(void)setsockopt(link->ends[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (link->plan->what == PROXY_SILENCE)
		link->silent = true;
	else
		proxy_link_close(link);
	atomic_store(&link->told->struck, true);
}

/* ---- carrying ---- */

/* Bytes of way `way` that may go now. */
static size_t sendable(const struct proxy_link *link, enum proxy_way way)
{
	const struct proxy_stream *stream = &link->ways[way];
	uint64_t until = stream->read;

	/* The head of a message is kept back until it is known whether it is the one. */
	if (way == PROXY_TO_CLIENT && waits_for_mark(link) && link->scan.next < until)
		until = link->scan.next;
	if (stream->limit < until)
		until = stream->limit;
	return stream->shut ? 0 : (size_t)(until - stream->sent);
}

static bool may_read(const struct proxy_link *link, const struct proxy_stream *stream)
{
	if (stream->ended)
		return false;
	if (link->plan->delay_us > 0)
		return stream->begin == stream->end;
	return stream->end - stream->begin < PROXY_BUFFER_SIZE;
}

static void receive(struct proxy_link *link, enum proxy_way way)
{
	struct proxy_stream *stream = &link->ways[way];
	ssize_t got;

	if (!may_read(link, stream))
		return;
	memmove(stream->bytes, stream->bytes + stream->begin, stream->end - stream->begin);
	stream->end -= stream->begin;
	stream->begin = 0;
	got = recv(link->ends[way], stream->bytes + stream->end, PROXY_BUFFER_SIZE - stream->end,
	           MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		stream->ended = true;
		return;
	}
	if (way == PROXY_TO_CLIENT)
		scan(link, stream->read, stream->bytes + stream->end, (size_t)got);
	if (link->plan->delay_us > 0)
		stream->due_ns = proxy_now() + link->plan->delay_us * 1000;
	stream->end += (size_t)got;
	stream->read += (uint64_t)got;
}

/* What a rate lets pass of `size` bytes now; and the rest has to wait. */
static size_t rationed(const struct proxy_link *link, struct proxy_stream *stream, size_t size)
{
	uint64_t rate = link->plan->bytes_per_second;
	uint64_t slice = rate / SLICES + 1;

	if (rate == 0)
		return size;
	if (size > slice)
		size = (size_t)slice;
	stream->due_ns = proxy_now() + size * 1000000000 / rate;
	return size;
}

static void send_on(struct proxy_link *link, enum proxy_way way)
{
	struct proxy_stream *stream = &link->ways[way];
	size_t size = sendable(link, way);
	ssize_t put;

	if (size == 0 || proxy_now() < stream->due_ns)
		return;
	size = rationed(link, stream, size);
	put = send(link->ends[!way], stream->bytes + stream->begin, size,
	           MSG_DONTWAIT | MSG_NOSIGNAL);
	if (put < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Whoever should take it is gone; what it said before may still be on its way. */
	if (put < 0) {
		stream->shut = true;
		return;
	}
	stream->begin += (size_t)put;
	stream->sent += (uint64_t)put;
	if (link->number <= PROXY_CONNECTIONS_TOLD)
		atomic_store(&link->told->of[link->number].bytes[way], stream->sent);
}

static bool is_over(const struct proxy_stream *stream)
{
	return stream->ended && (stream->begin == stream->end || stream->shut);
}

void proxy_link_carry(struct proxy_link *link)
{
	for (unsigned way = PROXY_TO_SERVER; way <= PROXY_TO_CLIENT; way++) {
		if (link->silent || link->ends[0] < 0)
			return;
		receive(link, way);
		send_on(link, way);
		if (link->ways[way].sent == link->ways[way].limit)
			strike(link);
		else if (is_over(&link->ways[way]))
			proxy_link_close(link);
	}
}

/* ---- from outside ---- */

void proxy_link_begin(struct proxy_link *link, const struct proxy_plan *plan,
                      struct proxy_told *told, int client_fd, int server_fd)
{
	memset(link, 0, sizeof(*link));
	link->plan = plan;
	link->told = told;
	link->ends[0] = client_fd;
	link->ends[1] = server_fd;
	link->number = ++told->connections;
	link->ways[PROXY_TO_SERVER].limit = link->ways[PROXY_TO_CLIENT].limit = UINT64_MAX;
	if (plan->what != PROXY_NEVER && plan->mark == PROXY_AT_BYTE &&
	    plan->connection == link->number)
		link->ways[plan->way].limit = plan->at;
	proxy_link_carry(link);
}

/* An end of which nothing is wanted is left out: it may have hung up, and would always wake us. */
struct pollfd proxy_link_wish(const struct proxy_link *link, enum proxy_way way, uint64_t now_ns,
                              uint64_t *wake_ns)
{
	struct pollfd wish = {.fd = -1};
	const struct proxy_stream *back = &link->ways[!way];

	if (link->ends[0] < 0 || link->silent)
		return wish;
	if (may_read(link, &link->ways[way]))
		wish.events |= POLLIN;
	if (sendable(link, !way) > 0) {
		if (back->due_ns <= now_ns)
			wish.events |= POLLOUT;
		else if (back->due_ns < *wake_ns)
			*wake_ns = back->due_ns;
	}
	if (wish.events != 0)
		wish.fd = link->ends[way];
	return wish;
}
