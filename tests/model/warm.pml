/* SPDX-License-Identifier: MIT */
/*
 * warm.pml - a record of the database's, written straight to the clean copy, never meets another writer nor hides a put.
 *
 * core/cache.h, C4. One key, one engine that puts it twice through a lane of one slot, one that gets it twice, two that warm it, and
 * the flusher, whose three grace periods are those of reclaim.pml. A place (slot, clean copy) holds a version and whose record it is;
 * writing it takes two steps, as does reading it. Entering a section is a store that may be seen late, until the engine's next locked
 * instruction.
 *
 * TAKES_VERSION who warms has moved the key's version off the first one: only one does, and before any put
 * IN_SECTION    the copy is filled before the section is left
 * NEWER_STAYS   a put that was published meanwhile is left alone
 * GRACE         the flusher writes the copy a grace period after the commit
 */
#ifndef TAKES_VERSION
#define TAKES_VERSION 1
#endif
#ifndef IN_SECTION
#define IN_SECTION 1
#endif
#ifndef NEWER_STAYS
#define NEWER_STAYS 1
#endif
#ifndef GRACE
#define GRACE 1
#endif

#define SLOT 0
#define CLEAN 1
#define NOTHING 2

/* engines */
#define PUTTER 0
#define GETTER 1
#define WARMER 2
#define ENGINES 4

/* places */
byte version[2], generation[2], writers[2];
bool put_there[2]; /* by an engine; else it is the database's */
byte newest = NOTHING;
byte taken; /* the key's version */

/* sections: even outside, odd inside; `entering` while the entry is still in its engine's store buffer */
byte section[ENGINES];
bool entering[ENGINES];

byte stage; /* of the slot: 0 free, 1 committed, 2 acknowledged, 3 published, 4 installed */
bool put_all;

inline enter(me)
{
	entering[me] = true
}

inline seen(me)
{
	if
	:: entering[me] -> entering[me] = false; section[me] = (section[me] + 1) % 8
	:: else
	fi
}

inline leave(me)
{
	atomic { seen(me); section[me] = (section[me] + 1) % 8 }
}

inline write(place, number, is_put)
{
	atomic {
		assert(writers[place] == 0);
		writers[place]++;
		generation[place] = (generation[place] + 1) % 16;
		version[place] = number;
		put_there[place] = is_put
	};
	writers[place]--
}

active proctype memory()
{
end:	do
	:: atomic { entering[PUTTER] -> seen(PUTTER) }
	:: atomic { entering[GETTER] -> seen(GETTER) }
	:: atomic { entering[WARMER] -> seen(WARMER) }
	:: atomic { entering[WARMER + 1] -> seen(WARMER + 1) }
	od
}

proctype putter()
{
	byte puts, mine, found;

	do
	:: puts < 2 && stage == 0 ->
		enter(PUTTER);
		atomic { seen(PUTTER); taken++; mine = taken };
		write(SLOT, mine, true);
		stage = 1; /* commit */
		do /* publish */
		:: found = newest;
			if
			:: found != NOTHING && version[found] >= mine -> break
			:: else ->
				if
				:: atomic { newest == found -> newest = SLOT } -> break
				:: newest != found
				fi
			fi
		od;
		/* its own put, or what the flusher made of it */
		atomic { assert(newest != NOTHING && put_there[newest] && version[newest] >= mine) };
		leave(PUTTER);
		puts++
	:: puts == 2 -> break
	od;
	put_all = true
}

inline fill_and_show()
{
	write(CLEAN, mine, false);
	atomic {
		if
		:: newest == NOTHING || !NEWER_STAYS -> newest = CLEAN
		:: else
		fi
	}
}

proctype warmer(byte me)
{
	byte mine;

	enter(me);
	atomic {
		seen(me);
		if
		:: TAKES_VERSION && taken == 0 -> taken = 1; mine = 1
		:: !TAKES_VERSION && newest == NOTHING -> mine = 1
		:: else
		fi
	};
	if
	:: mine > 0 && IN_SECTION -> fill_and_show()
	:: else
	fi;
	leave(me);
	if
	:: mine > 0 && !IN_SECTION -> fill_and_show()
	:: else
	fi
}

proctype getter()
{
	byte gets, place, found, last;

	do
	:: gets < 2 ->
		enter(GETTER);
		place = newest;
		if
		:: place == NOTHING
		:: else ->
			atomic { assert(writers[place] == 0); found = generation[place] };
			atomic { /* copying takes time */
				assert(generation[place] == found && version[place] >= last);
				last = version[place]
			}
		fi;
		leave(GETTER);
		gets++
	:: gets == 2 -> break
	od
}

byte at_start[ENGINES], index;

inline grace_period()
{
	atomic {
		index = 0;
		do
		:: index < ENGINES ->
			seen(index); /* membarrier */
			at_start[index] = section[index];
			index++
		:: else -> break
		od
	};
	index = 0;
	do
	:: index < ENGINES ->
		(!GRACE || at_start[index] % 2 == 0 || section[index] != at_start[index]);
		index++
	:: else -> break
	od
}

proctype flusher()
{
	do
	:: stage == 1 ->
		stage = 2;
		grace_period();
		stage = 3;
		grace_period();
		if
		:: newest == SLOT ->
			write(CLEAN, version[SLOT], true);
			atomic {
				if
				:: newest == SLOT -> newest = CLEAN
				:: else
				fi
			}
		:: else
		fi;
		stage = 4;
		grace_period();
		stage = 0
	:: put_all && stage == 0 -> break
	od;
	assert(newest == CLEAN && put_there[CLEAN] && version[CLEAN] == taken)
}

init
{
	atomic { run putter(); run getter(); run warmer(WARMER); run warmer(WARMER + 1); run flusher() }
}
