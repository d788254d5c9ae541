/* SPDX-License-Identifier: MIT */
/*
 * cut_bytes.c - the connection to Postgres breaks after every byte of a conversation, either way:
 * nothing is lost, doubled or changed.
 *
 *      cut_bytes [--how cut|reset|silence|answers] [--every N] [--seed N] [--only PLACE]
 *
 * A conversation (conversation.h) is left in peace and its bytes are counted: of each of its
 * connections, each way. These are the places. Then, for every place or every N-th, one is broken
 * there: cut, reset (TCP), or silent. The sink finds another connection and ends what it has to
 * say; the oracle reads all of it. So with the batches of which no row is refused, over one
 * connection, and with the others, over several. These all open with the same statements, so that
 * only every fiftieth place of their openings is tried.
 *
 * Before, the oracle is tested: it must find each of many corruptions. Last, every answer to
 * COMMIT is held back until the commit is seen in the database, and then lost; and so is every
 * ReadyForQuery.
 */
#include "db/server/disposable.h"
#include "tests/contract/database.h"
#include "tests/torture/arguments.h"
#include "tests/torture/conversation.h"
#include "tests/torture/conversation_wrongs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CLEAR_AFTER 256 /* conversations */
#define CONNECTIONS_MAX PROXY_CONNECTIONS_TOLD

/* An undisturbed conversation, measured. */
struct extent {
	uint32_t connections;
	uint64_t bytes[CONNECTIONS_MAX + 1][2];
	uint64_t opening[CONNECTIONS_MAX + 1][2]; /* of them, before the first batch */
	uint32_t commits[CONNECTIONS_MAX + 1], readies[CONNECTIONS_MAX + 1];
};

struct scene {
	struct slu_disposable *server;
	char *dsn;
	PGconn *connection;
	struct fault_proxy proxy;
	struct conversation conversation;
	struct extent extent;
	uint64_t seed;
	int64_t uncleared; /* conversations since the tables were emptied */
	char finding[400];
};

static const struct {
	const char *name, *done;
	enum proxy_break what;
} ways_to_break[] = {
	{"cut", "cut", PROXY_CUT},
	{"reset", "reset", PROXY_RESET},
	{"silence", "fell silent", PROXY_SILENCE},
};

static const struct part {
	const char *name;
	uint64_t first, last;
	uint64_t opening_stride;
} parts[] = {
	{"batches", 1, 3, 1},
	{"batches with refused rows", 4, 6, 50},
};

static const struct part whole = {"all", 1, 6, 1};

#define PARTS (sizeof(parts) / sizeof(parts[0]))
#define WAYS_TO_BREAK (sizeof(ways_to_break) / sizeof(ways_to_break[0]))

/* ---- the scene ---- */

static _Noreturn void give_up(const char *doing, const char *why)
{
	fprintf(stderr, "cut_bytes: can't %s: %s\n", doing, why);
	abort();
}

static void open_scene(struct scene *scene)
{
	struct sluice_error error;

	scene->server = slu_disposable_start(&error);
	if (scene->server == NULL)
		give_up("start a server", error.message);
	setenv("SLUICE_TEST_DSN", slu_disposable_dsn(scene->server), 1);
	scene->dsn = database_create(true);
	fault_proxy_open(&scene->proxy, scene->dsn);
	scene->connection = database_connect(scene->dsn);
	database_run(scene->connection, conversation_sql);
	scene->conversation.proxy = &scene->proxy;
	scene->conversation.seed = scene->seed;
}

static void close_scene(struct scene *scene)
{
	struct sluice_error error;

	fault_proxy_close(&scene->proxy);
	PQfinish(scene->connection);
	free(scene->dsn);
	if (slu_disposable_stop(scene->server, &error) != SLUICE_OK)
		give_up("stop the server", error.message);
}

/* ---- one conversation ---- */

static bool clear(struct scene *scene)
{
	bool alone = conversation_alone(&scene->conversation, scene->connection, scene->uncleared,
	                                scene->finding);

	conversation_clear(scene->connection);
	scene->uncleared = 0;
	return alone;
}

/* A conversation under `plan`, and the oracle's word on it. */
static bool converse(struct scene *scene, const struct proxy_plan *plan)
{
	struct conversation *conversation = &scene->conversation;

	if (scene->uncleared == CLEAR_AFTER && !clear(scene))
		return false;
	scene->uncleared++;
	scene->finding[0] = '\0';
	conversation->run++;
	conversation->conninfo = plan->what == PROXY_RESET ? scene->proxy.tcp_conninfo
	                                                   : scene->proxy.unix_conninfo;
	fault_proxy_set(&scene->proxy, plan);
	if (conversation_run(conversation))
		return conversation_agrees(conversation, scene->connection, scene->finding);
	snprintf(scene->finding, sizeof(scene->finding), "%s", conversation->trouble);
	return false;
}

/* Goes on with another part, and leaves its tables and numbers of a conversation in peace. */
static bool measure(struct scene *scene, const struct part *part)
{
	const struct proxy_plan peace = {.what = PROXY_NEVER};
	const struct proxy_told *told = scene->proxy.told;
	struct extent *extent = &scene->extent;
	bool fine = clear(scene);

	scene->conversation.first = part->first;
	scene->conversation.last = part->last;
	if (!fine || !converse(scene, &peace)) {
		fprintf(stderr, "cut_bytes: %s, left in peace: %s\n", part->name, scene->finding);
		return false;
	}
	/* The last goodbye may not be counted yet: nothing hangs on it. */
	extent->connections = told->connections;
	if (extent->connections > CONNECTIONS_MAX)
		give_up("measure a conversation", "it takes too many connections");
	for (uint32_t c = 1; c <= extent->connections; c++) {
		for (unsigned way = PROXY_TO_SERVER; way <= PROXY_TO_CLIENT; way++) {
			extent->bytes[c][way] = told->of[c].bytes[way];
			extent->opening[c][way] = told->of[c].opened[way];
		}
		extent->commits[c] = told->of[c].commits;
		extent->readies[c] = told->of[c].readies;
	}
	return true;
}

/* ---- every place ---- */

static uint64_t bytes_of(const struct extent *extent, enum proxy_way way)
{
	uint64_t bytes = 0;

	for (uint32_t c = 1; c <= extent->connections; c++)
		bytes += extent->bytes[c][way];
	return bytes;
}

static void complain(const struct scene *scene, const struct proxy_plan *plan)
{
	static const char *const marks[] = {"byte", "answer to COMMIT", "ReadyForQuery"};

	fprintf(stderr, "cut_bytes: connection %u, to the %s, %s %" PRIu64 ": %s\n",
	        plan->connection, plan->way == PROXY_TO_SERVER ? "server" : "client",
	        marks[plan->mark], plan->at, scene->finding);
}

/* What a sweep does, and has done. */
struct sweep {
	size_t how;              /* of ways_to_break */
	const struct part *part; /* of the conversation */
	uint64_t every, only;
	uint64_t place; /* counted through all parts, connections and ways */
	uint64_t broken, missed;
};

static bool is_chosen(const struct sweep *sweep, uint64_t seed, bool opening)
{
	uint64_t stride = sweep->every * (opening ? sweep->part->opening_stride : 1);

	if (sweep->only != UINT64_MAX)
		return sweep->place == sweep->only;
	return sweep->place % stride == seed % stride;
}

/* Breaks one way of one connection, at each of its places that is chosen. */
static bool sweep_way(struct scene *scene, struct sweep *sweep, uint32_t connection,
                      enum proxy_way way)
{
	const struct extent *extent = &scene->extent;
	struct proxy_plan plan = {
		.what = ways_to_break[sweep->how].what, .connection = connection, .way = way};

	for (; plan.at < extent->bytes[connection][way]; plan.at++, sweep->place++) {
		if (!is_chosen(sweep, scene->seed, plan.at < extent->opening[connection][way]))
			continue;
		if (!converse(scene, &plan)) {
			complain(scene, &plan);
			fprintf(stderr,
			        "cut_bytes: again: --seed %" PRIu64 " --how %s --only %" PRIu64
			        "\n",
			        scene->seed, ways_to_break[sweep->how].name, sweep->place);
			return false;
		}
		if (scene->proxy.told->struck)
			sweep->broken++;
		else
			sweep->missed++;
	}
	return true;
}

static bool sweep_part(struct scene *scene, struct sweep *sweep)
{
	const struct extent *extent = &scene->extent;

	sweep->broken = sweep->missed = 0;
	if (!measure(scene, sweep->part))
		return false;
	for (uint32_t c = 1; c <= extent->connections; c++)
		for (unsigned way = PROXY_TO_SERVER; way <= PROXY_TO_CLIENT; way++)
			if (!sweep_way(scene, sweep, c, way))
				return false;
	printf("cut_bytes: %s, connections: %u, %" PRIu64 " bytes to the server, %" PRIu64
	       " to the client: %s at %" PRIu64 " places (not reached: %" PRIu64
	       "), each row and letter once and intact, positions and accounts exact\n",
	       sweep->part->name, extent->connections, bytes_of(extent, PROXY_TO_SERVER),
	       bytes_of(extent, PROXY_TO_CLIENT), ways_to_break[sweep->how].done, sweep->broken,
	       sweep->missed);
	/* A few bytes come and go: digits of numbers, and what a server still says to a sink that
	 * has left it at an error. */
	if (sweep->only != UINT64_MAX || sweep->missed * 10 <= sweep->broken)
		return true;
	fputs("cut_bytes: too few places were reached\n", stderr);
	return false;
}

/* ---- every answer ---- */

struct held {
	PGconn *connection;
	bool commit;
	int64_t applied; /* answers held of which the batch was in the database */
	int64_t readies; /* others; the last of a connection that the sink leaves may never come */
};

/* The answer is held. After a COMMIT the batch must be there: else this was no lost answer. */
static bool look(struct conversation *conversation, void *context)
{
	struct held *held = context;

	if (!held->commit)
		return true;
	if (conversation_applied(conversation, held->connection, conversation->submitted)) {
		held->applied++;
		return true;
	}
	snprintf(conversation->trouble, sizeof(conversation->trouble),
	         "COMMIT is answered, but batch %" PRIu64 " is not there", conversation->submitted);
	return false;
}

static bool hold_answers(struct scene *scene, enum proxy_mark mark, struct held *held)
{
	struct proxy_plan plan = {.what = PROXY_SILENCE, .mark = mark, .way = PROXY_TO_CLIENT};
	const struct extent *extent = &scene->extent;

	held->commit = mark == PROXY_AT_COMMIT;
	for (uint32_t c = 1; c <= extent->connections; c++) {
		uint32_t count = held->commit ? extent->commits[c] : extent->readies[c];

		plan.connection = c;
		for (plan.at = 1; plan.at <= count; plan.at++) {
			if (!converse(scene, &plan)) {
				complain(scene, &plan);
				return false;
			}
			held->readies += !held->commit && scene->proxy.told->struck;
		}
	}
	return true;
}

static bool lose_answers(struct scene *scene)
{
	struct held held = {.connection = scene->connection};
	uint32_t commits = 0;
	bool fine;

	if (!measure(scene, &whole))
		return false;
	for (uint32_t c = 1; c <= scene->extent.connections; c++)
		commits += scene->extent.commits[c];
	scene->conversation.held = look;
	scene->conversation.context = &held;
	fine = hold_answers(scene, PROXY_AT_COMMIT, &held) &&
	       hold_answers(scene, PROXY_AT_READY, &held);
	scene->conversation.held = NULL;
	if (fine && (commits == 0 || held.applied != commits)) {
		fprintf(stderr, "cut_bytes: of %u answers to COMMIT %" PRId64 " were held\n",
		        commits, held.applied);
		return false;
	}
	if (fine)
		printf("cut_bytes: %u answers to COMMIT, each held until its batch was seen in the "
		       "database and then lost, and %" PRId64 " ends of exchanges: the same\n",
		       commits, held.readies);
	return fine;
}

/* ---- all ---- */

static bool test_oracle(struct scene *scene)
{
	int count = 0;

	if (!measure(scene, &whole) ||
	    !conversation_wrongs_seen(&scene->conversation, scene->connection, &count))
		return false;
	printf("cut_bytes: seed %" PRIu64 ", %d corruptions, 0 not seen\n", scene->seed, count);
	return true;
}

static bool run(struct scene *scene, const char *how, uint64_t every, uint64_t only)
{
	bool fine = test_oracle(scene);

	for (size_t i = 0; i < WAYS_TO_BREAK && fine; i++) {
		struct sweep sweep = {.how = i, .every = every, .only = only};

		if (how != NULL && strcmp(how, ways_to_break[i].name) != 0)
			continue;
		for (size_t p = 0; p < PARTS && fine; p++) {
			sweep.part = &parts[p];
			fine = sweep_part(scene, &sweep);
		}
	}
	if (fine && (how == NULL || strcmp(how, "answers") == 0))
		fine = lose_answers(scene);
	if (fine && !clear(scene)) {
		fprintf(stderr, "cut_bytes: %s\n", scene->finding);
		fine = false;
	}
	return fine;
}

int main(int argc, char **arguments)
{
	static struct scene scene;
	const char *how = argument_text(arguments, "--how", NULL);
	uint64_t every = argument_number(arguments, "--every", 1);
	uint64_t only = argument_number(arguments, "--only", UINT64_MAX);
	bool known = how == NULL || strcmp(how, "answers") == 0;
	bool fine;

	scene.seed = argument_number(arguments, "--seed", (uint64_t)time(NULL));
	for (size_t i = 0; i < WAYS_TO_BREAK; i++)
		known = known || strcmp(how, ways_to_break[i].name) == 0;
	if (argc % 2 == 0 || every < 1 || !known) {
		fputs("usage: cut_bytes [--how cut|reset|silence|answers] [--every N] [--seed N] "
		      "[--only PLACE]\n",
		      stderr);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_scene(&scene);
	fine = run(&scene, how, every, only);
	close_scene(&scene);
	return fine ? 0 : 1;
}
