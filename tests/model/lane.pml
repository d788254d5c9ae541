/* SPDX-License-Identifier: MIT */
/*
 * lane.pml - a record that was accepted is in the database once, in order, whenever the process is killed.
 *
 * Three runs of a program, one lane of two slots each in a file of its own; the first two are killed at any step, also while they
 * recover what was left. Lost with a run: all but the files and the database, and what it had sent, which may still arrive. A
 * record is a number in two halves. A transaction's answer may be lost: the sender looks at `applied` to learn what became of it.
 *
 * COMMIT_LAST   the commit word is written after the record: core/lane.h, E1
 * TRUST_SLOTS   the end of a lane is what its slots say, not what the flusher had noted: core/file/reader.h, V1
 * FENCE         a transaction is applied only where the one before it stopped: include/sluice/sink.h
 * ACKNOWLEDGED  a slot is released when the database has its record, not when it was sent: core/lane.h, L4
 * OLD_FIRST     a run's own records wait until those of former runs are carried: core/recovery.h, R3
 * REMOVE_LAST   a file is removed when all of it is committed: core/recovery.h, R2
 * OWN_FILE      a run never writes into the file of another: core/file/generation.h
 *
 * pan: -DCOLLAPSE
 * search: -m1000000
 */
#ifndef COMMIT_LAST
#define COMMIT_LAST 1
#endif
#ifndef TRUST_SLOTS
#define TRUST_SLOTS 1
#endif
#ifndef FENCE
#define FENCE 1
#endif
#ifndef ACKNOWLEDGED
#define ACKNOWLEDGED 1
#endif
#ifndef OLD_FIRST
#define OLD_FIRST 1
#endif
#ifndef REMOVE_LAST
#define REMOVE_LAST 1
#endif
#ifndef OWN_FILE
#define OWN_FILE 1
#endif

#define RUNS 3
#define SLOTS 2
#define SLOT(file, position) ((file) * SLOTS + (position) % SLOTS)
#define PUTS(who) (3 - who)

/* files: the commit word and the record of each slot */
byte sequence[RUNS * SLOTS], left[RUNS * SLOTS], right[RUNS * SLOTS];
byte hint[RUNS];
bool there[RUNS];

/* the database */
byte applied[RUNS];
bool sealed[RUNS];

/* one transaction of each run on its way: of a file, from one position up to another, with its records */
#define NOTHING 0
#define SENT 1
#define ANSWERED 2
byte wire[RUNS];
byte wire_file[RUNS], wire_from[RUNS], wire_to[RUNS], wire_left[RUNS * SLOTS], wire_right[RUNS * SLOTS];

/* a run's memory */
byte released[RUNS];
bool all_put[RUNS];

/* what the model knows, and nobody else */
byte run_now, gone;
byte accepted[RUNS], rows[RUNS];
bool done;

/* Every record is the one that follows, whole, and none of a newer file came before. */
inline apply(who)
{
	d_step {
		file = wire_file[who];
		position = wire_from[who];
		do
		:: position < wire_to[who] ->
			assert(wire_left[SLOT(who, position)] == position + 1);
			assert(wire_right[SLOT(who, position)] == position + 1);
			assert(rows[file] == position);
			assert(position < accepted[file]);
			newer = file + 1;
			do
			:: newer < RUNS -> assert(rows[newer] == 0); newer++
			:: else -> break
			od;
			rows[file] = position + 1;
			position++
		:: else -> break
		od;
		applied[file] = wire_to[who];
		file = 0;
		position = 0;
		newer = 0
	}
}

/* What does not matter any more is zeroed everywhere in this model: fewer states. */
inline forget(who)
{
	d_step {
		wire_file[who] = 0;
		wire_from[who] = 0;
		wire_to[who] = 0;
		wire_left[SLOT(who, 0)] = 0;
		wire_left[SLOT(who, 1)] = 0;
		wire_right[SLOT(who, 0)] = 0;
		wire_right[SLOT(who, 1)] = 0
	}
}

inline remove(file_gone)
{
	d_step {
		there[file_gone] = false;
		hint[file_gone] = 0;
		sequence[SLOT(file_gone, 0)] = 0;
		sequence[SLOT(file_gone, 1)] = 0;
		left[SLOT(file_gone, 0)] = 0;
		left[SLOT(file_gone, 1)] = 0;
		right[SLOT(file_gone, 0)] = 0;
		right[SLOT(file_gone, 1)] = 0
	}
}

active proctype database()
{
	byte who, file, position, newer;

end:	do
	:: atomic { wire[0] == SENT -> who = 0 } -> goto answer
	:: atomic { wire[1] == SENT -> who = 1 } -> goto answer
	:: atomic { wire[2] == SENT -> who = 2 } -> goto answer
	od;
answer:	atomic {
		if
		:: !FENCE || applied[wire_file[who]] == wire_from[who] -> apply(who)
		:: true /* refused, or the connection broke */
		fi;
		forget(who);
		wire[who] = (who == run_now -> ANSWERED : NOTHING);
		who = 0;
		goto end
	}
}


proctype engine(byte me)
{
	byte file, position;

	file = (OWN_FILE -> me : 0);
	{
		do
		:: position < PUTS(me) && position - released[me] < SLOTS ->
			if
			:: COMMIT_LAST
			:: !COMMIT_LAST -> atomic { sequence[SLOT(file, position)] = position + 1; accepted[file]++ }
			fi;
			left[SLOT(file, position)] = position + 1;
			right[SLOT(file, position)] = position + 1;
			if
			:: COMMIT_LAST -> atomic { sequence[SLOT(file, position)] = position + 1; accepted[file]++ }
			:: !COMMIT_LAST
			fi;
			position++
		:: position == PUTS(me) -> break
		od;
		all_put[me] = true;
		false
	} unless { d_step { run_now != me -> position = 0; file = 0; gone++ } }
}

/* Copies the records out of the file, sends them, and waits for any answer. */
inline send(me, file, from, to)
{
	d_step {
		wire_file[me] = file;
		wire_from[me] = from;
		wire_to[me] = to;
		position = from;
		do
		:: position < to ->
			wire_left[SLOT(me, position)] = left[SLOT(file, position)];
			wire_right[SLOT(me, position)] = right[SLOT(file, position)];
			position++
		:: else -> break
		od;
		position = 0;
		wire[me] = SENT
	};
	if
	:: !ACKNOWLEDGED && file == me -> released[me] = to
	:: else
	fi;
	wire[me] == ANSWERED;
	wire[me] = NOTHING
}

/* The largest sequence, or the note that may be behind. */
inline find_end(file)
{
	d_step {
		end = hint[file];
		position = 0;
		do
		:: TRUST_SLOTS && position < SLOTS ->
			if
			:: sequence[file * SLOTS + position] > end -> end = sequence[file * SLOTS + position]
			:: else
			fi;
			position++
		:: else -> break
		od;
		position = 0
	}
}

inline recover(me)
{
	old = 0;
	do
	:: old < me ->
		if
		:: there[old] ->
			find_end(old);
			if
			:: !REMOVE_LAST -> there[old] = false /* its records are in memory */
			:: REMOVE_LAST
			fi;
			do
			:: applied[old] < end ->
				assert(end - applied[old] <= SLOTS); /* nothing was overwritten */
				send(me, old, applied[old], end)
			:: applied[old] >= end -> break
			od;
			atomic { sealed[old] = true; end = 0 };
			remove(old)
		:: !there[old]
		fi;
		old++
	:: old == me -> break
	od;
	old = 0
}

inline carry_own(me)
{
	do
	:: atomic { sequence[SLOT(mine, acknowledged)] == acknowledged + 1 ->
			seen = acknowledged + 1;
			if
			:: sequence[SLOT(mine, seen)] == seen + 1 -> seen++
			:: true
			fi };
		send(me, mine, acknowledged, seen);
		atomic { acknowledged = applied[mine]; seen = 0 };
		hint[mine] = acknowledged;
		if
		:: ACKNOWLEDGED -> released[me] = acknowledged
		:: !ACKNOWLEDGED
		fi
	:: all_put[me] && acknowledged == PUTS(me) -> break
	od
}

proctype flusher(byte me)
{
	byte mine, old, end, position, seen, acknowledged;

	mine = (OWN_FILE -> me : 0);
	{
		if
		:: OLD_FIRST -> recover(me); carry_own(me)
		:: !OLD_FIRST -> carry_own(me); recover(me)
		fi;
		sealed[mine] = true;
		remove(mine);
		me == RUNS - 1; /* the others are killed even now */
		old = 0;
		do
		:: old < RUNS ->
			assert(rows[old] == accepted[old] && sealed[old] && !there[old]);
			old++
		:: old == RUNS -> break
		od;
		done = true;
		false
	} unless {
		d_step {
			run_now != me ->
			mine = 0; old = 0; end = 0; position = 0; seen = 0; acknowledged = 0; gone++
		}
	}
}

/* Its memory is lost. What it has sent is not. */
inline kill(me)
{
	released[me] = 0;
	all_put[me] = false;
	if
	:: wire[me] == ANSWERED -> wire[me] = NOTHING
	:: else
	fi;
	run_now = me + 1;
	gone == 2; /* threads of it */
	gone = 0
}

/* Opening makes the file, before anybody puts. */
inline start(me)
{
	there[me] = true;
	run engine(me);
	run flusher(me)
}

init
{
	atomic { start(0) };
	atomic { kill(0); start(1) };
	atomic { kill(1); start(2) };
	(timeout); /* nobody gets on any more */
	assert(done)
}
