/* SPDX-License-Identifier: MIT */
/*
 * epoch.pml - the cut of core/epoch.h holds no effect without its cause.
 *
 * Engine A puts a record on lane a. Engine B sees it, and because of it puts a record on lane b. The flusher advances the epoch and
 * reads both lanes, in either order. Stores wait in a store buffer of one entry for any time (x86-TSO, seen by all at once);
 * a barrier waits until the thread's own buffer is empty.
 *
 * BARRIER  the flusher's advance is a full barrier: epoch.h, E3
 * STAMP    only records stamped up to the ended epoch are cut: epoch.h, EP2
 */
#ifndef BARRIER
#define BARRIER 1
#endif
#ifndef STAMP
#define STAMP 1
#endif

byte epoch = 1;
bool advance_buffered;
byte a_sequence, a_stamp, b_sequence, b_stamp;
bool a_buffered, b_buffered;
bool done;

active proctype memory()
{
end:	do
	:: atomic { advance_buffered -> epoch = 2; advance_buffered = false }
	:: atomic { a_buffered -> a_sequence = 1; a_buffered = false }
	:: atomic { b_buffered -> b_sequence = 1; b_buffered = false }
	:: done -> break
	od
}

active proctype engine_a()
{
	a_stamp = epoch;
	a_buffered = true
}

active proctype engine_b()
{
	a_sequence == 1; /* the cause is seen */
	b_stamp = epoch;
	b_buffered = true
}

active proctype flusher()
{
	bool a_seen, b_seen, a_cut, b_cut;

	advance_buffered = true;
	if
	:: BARRIER -> !advance_buffered
	:: !BARRIER
	fi;
	if
	:: a_seen = (a_sequence == 1); b_seen = (b_sequence == 1)
	:: b_seen = (b_sequence == 1); a_seen = (a_sequence == 1)
	fi;
	a_cut = a_seen && (!STAMP || a_stamp <= 1);
	b_cut = b_seen && (!STAMP || b_stamp <= 1);
	assert(!b_cut || a_cut);
	done = true
}
