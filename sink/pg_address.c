/* SPDX-License-Identifier: MIT */
/* pg_address.c - hosts and addresses as text, judged without asking anybody. */
#include "sink/pg_address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* NULL unless `text` is a number to the resolver, which is then not asked. */
static struct addrinfo *read_number(const char *text)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;

	return getaddrinfo(text, NULL, &hints, &found) == 0 ? found : NULL;
}

enum slu_host_kind slu_host_kind(const char *host)
{
	struct addrinfo *number;

	if (host[0] == '/' || host[0] == '@')
		return SLU_HOST_DIRECTORY;
	number = read_number(host);
	if (number == NULL)
		return SLU_HOST_NAME;
	freeaddrinfo(number);
	return SLU_HOST_NUMBER;
}

static bool is_loopback(const struct sockaddr *address)
{
	enum { LOOPBACK_NET = 127, FIRST_OF_V4 = 12 };

	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, address, sizeof(v4));
		return ntohl(v4.sin_addr.s_addr) >> 24 == LOOPBACK_NET;
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, address, sizeof(v6));
		return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) &&
		        v6.sin6_addr.s6_addr[FIRST_OF_V4] == LOOPBACK_NET);
	}
	return false;
}

bool slu_address_is_loopback(const char *address)
{
	struct addrinfo *number = read_number(address);
	bool loopback = number != NULL && is_loopback(number->ai_addr);

	if (number != NULL)
		freeaddrinfo(number);
	return loopback;
}

void slu_address_print(char *text, size_t size, const char *host, const char *port)
{
	if (host[0] == '/' || host[0] == '@')
		(void)snprintf(text, size, "%s/.s.PGSQL.%s", host, port);
	else if (strchr(host, ':') != NULL)
		(void)snprintf(text, size, "[%s]:%s", host, port);
	else
		(void)snprintf(text, size, "%s:%s", host, port);
}
