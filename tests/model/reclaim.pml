/* SPDX-License-Identifier: MIT */
/*
 * reclaim.pml - slots and clean copies are never reused under anybody's eyes, and the newest value is never lost.
 *
 * One key, two engines that put it, twice and once, through lanes of one slot, one engine that gets it twice, and the flusher of
 * core/cache.h, C3. A place (slot 0, slot 1, the clean copy) holds a version and a generation that moves whenever the place is written.
 * Entering a section is a store that may be seen late (core/grace.h, E6).
 *
 * FIRST_GRACE   acknowledged -> published: putters have published
 * SECOND_GRACE  published -> installed: nobody reads the clean copy any more
 * THIRD_GRACE   installed -> released: nobody reads the slot any more
 * MEMBARRIER    a grace period begins by making every buffered entry visible
 * STILL_NEWEST  only the newest value moves to the clean copy
 * NO_GOING_BACK publish leaves a newer version alone
 *
 * pan: -DVECTORSZ=2048 -DCOLLAPSE
 * search: -m2000000
 */
#ifndef FIRST_GRACE
#define FIRST_GRACE 1
#endif
#ifndef SECOND_GRACE
#define SECOND_GRACE 1
#endif
#ifndef THIRD_GRACE
#define THIRD_GRACE 1
#endif
#ifndef MEMBARRIER
#define MEMBARRIER 1
#endif
#ifndef STILL_NEWEST
#define STILL_NEWEST 1
#endif
#ifndef NO_GOING_BACK
#define NO_GOING_BACK 1
#endif

#define CLEAN 2
#define NOTHING 3
#define READER 2

/* places */
byte version[3], generation[3];
byte newest = NOTHING;
byte next_version;

/* sections: even outside, odd inside; `entering` while the entry is still in its engine's store buffer */
byte section[3];
bool entering[3];

/* a slot's way: 0 free, 1 committed, 2 acknowledged, 3 published, 4 installed */
byte stage[2];
byte finished_putters;

inline enter(me)
{
	entering[me] = true
}

/* Stores leave a buffer in order: the exit is seen after the entry. */
inline leave(me)
{
	atomic {
		if
		:: entering[me] -> entering[me] = false; section[me] = (section[me] + 2) % 64
		:: else -> section[me] = (section[me] + 1) % 64
		fi
	}
}

active proctype memory()
{
end:	do
	:: atomic { entering[0] -> entering[0] = false; section[0] = (section[0] + 1) % 64 }
	:: atomic { entering[1] -> entering[1] = false; section[1] = (section[1] + 1) % 64 }
	:: atomic { entering[2] -> entering[2] = false; section[2] = (section[2] + 1) % 64 }
	od
}

proctype putter(byte me; byte wanted)
{
	byte puts, mine, seen;

	do
	:: puts < wanted && stage[me] == 0 ->
		enter(me);
		atomic { next_version++; mine = next_version };
		atomic { version[me] = mine; generation[me]++ };
		stage[me] = 1; /* commit */
		do /* publish */
		:: seen = newest;
			if
			:: NO_GOING_BACK && seen != NOTHING && version[seen] >= mine -> break
			:: else ->
				if
				:: atomic { newest == seen -> newest = me } -> break
				:: newest != seen
				fi
			fi
		od;
		leave(me);
		puts++
	:: puts == wanted -> break
	od;
	finished_putters++
}

proctype getter()
{
	byte gets, place, seen_generation, seen_version, last;

	do
	:: gets < 2 ->
		enter(READER);
		place = newest;
		if
		:: place == NOTHING
		:: else ->
			atomic { seen_generation = generation[place]; seen_version = version[place] };
			/* copying takes time */
			assert(generation[place] == seen_generation);
			assert(seen_version >= last);
			last = seen_version
		fi;
		leave(READER);
		gets++
	:: gets == 2 -> break
	od
}

byte at_start[3], section_index;

inline grace_period()
{
	atomic {
		section_index = 0;
		do
		:: section_index < 3 ->
			if
			:: MEMBARRIER && entering[section_index] ->
				entering[section_index] = false;
				section[section_index] = (section[section_index] + 1) % 64
			:: else
			fi;
			at_start[section_index] = section[section_index];
			section_index++
		:: else -> break
		od
	};
	section_index = 0;
	do
	:: section_index < 3 ->
		(at_start[section_index] % 2 == 0 || section[section_index] != at_start[section_index]);
		section_index++
	:: else -> break
	od
}

inline install(slot)
{
	if
	:: newest == slot || !STILL_NEWEST ->
		version[CLEAN] = version[slot];
		generation[CLEAN]++;
		atomic {
			if
			:: newest == slot || !STILL_NEWEST -> newest = CLEAN
			:: else
			fi
		}
	:: else
	fi
}

proctype flusher()
{
	byte slot, before[2];

	do
	:: stage[0] != 0 || stage[1] != 0 ->
		/* the sink acknowledges what is committed by now */
		if :: stage[0] == 1 -> stage[0] = (FIRST_GRACE -> 2 : 3) :: else fi;
		if :: stage[1] == 1 -> stage[1] = (FIRST_GRACE -> 2 : 3) :: else fi;
		before[0] = stage[0];
		before[1] = stage[1];
		grace_period();
		slot = 0;
		do
		:: slot < 2 ->
			/* with a stage's grace period taken out, the slot passes two stages in one */
			if
			:: before[slot] == 2 -> stage[slot] = 3
			:: else
			fi;
			if
			:: before[slot] == 3 || (before[slot] == 2 && !SECOND_GRACE) ->
				install(slot);
				stage[slot] = 4
			:: else
			fi;
			if
			:: before[slot] == 4 || (stage[slot] == 4 && !THIRD_GRACE) -> stage[slot] = 0
			:: else
			fi;
			slot++
		:: else -> break
		od
	:: finished_putters == 2 && stage[0] == 0 && stage[1] == 0 -> break
	od;
	/* all is clean, and nothing was lost */
	assert(newest == CLEAN);
	assert(version[CLEAN] == next_version)
}

init
{
	atomic { run putter(0, 2); run putter(1, 1); run getter(); run flusher() }
}
