/* SPDX-License-Identifier: MIT */
/*
 * stale.pml - an older version of a key never reaches the database after a newer one, although the process dies.
 *
 * One key, two engines that put it once each, on lanes of one slot, and the flusher. A slot that is released is overwritten at once
 * by other keys' records, so that it tells nobody anything any more. The process dies at any step; the next one finds the
 * slots, and the positions that the database has applied, and writes the newest version that is pending.
 *
 * STAMP_WITH_VERSION  the epoch is read before and after the version is taken, until it is the same: core/put.h, E12
 * WHOLE_EPOCHS        a cut leaves nothing behind that is stamped up to its end: core/batch.h, B1
 * MARK                a slot first seen after a newer version was sent is marked stale: core/flusher.c
 * LOOK_AGAIN          the lanes are looked through once more before slots are released: core/flusher.c
 * GRACE               a slot is released when every engine that was in a call has left it: core/grace.h
 * LOOK_BACK           the next process also looks at the slots whose records are applied: core/recovery.c
 *
 * search: -m1000000
 */
#ifndef STAMP_WITH_VERSION
#define STAMP_WITH_VERSION 1
#endif
#ifndef WHOLE_EPOCHS
#define WHOLE_EPOCHS 1
#endif
#ifndef MARK
#define MARK 1
#endif
#ifndef LOOK_AGAIN
#define LOOK_AGAIN 1
#endif
#ifndef GRACE
#define GRACE 1
#endif
#ifndef LOOK_BACK
#define LOOK_BACK 1
#endif

#define LANES 2
#define SCANS 4 /* so often the epoch moves */

/* the file: one slot a lane, and what became of it */
bool committed[LANES], stale[LANES], overwritten[LANES];
byte version[LANES], stamp[LANES];

/* the database */
bool applied[LANES];
byte written; /* the version in its row */

/* the process */
byte epoch = 1, next_version;
bool inside[LANES];
bool seen[LANES], gathered[LANES], acknowledged[LANES];
byte sent;
bool dead;

inline write(v)
{
	assert(v > written);
	written = v
}

proctype engine(byte me)
{
	byte before;

	{
		inside[me] = true;
		do
		:: before = epoch;
			atomic { next_version++; version[me] = next_version };
			stamp[me] = epoch;
			if
			:: !STAMP_WITH_VERSION || stamp[me] == before -> break
			:: else /* one more version */
			fi
		od;
		committed[me] = true;
		inside[me] = false
	} unless { dead }
}

/* A slot that is seen for the first time; `i` is the flusher's. */
inline look_at(lane)
{
	if
	:: committed[lane] && !seen[lane] ->
		d_step {
			seen[lane] = true;
			if
			:: MARK && version[lane] <= sent -> stale[lane] = true
			:: else
			fi
		}
	:: else
	fi
}

/* A new epoch, then the lanes. */
inline scan()
{
	if
	:: epoch < SCANS -> limit = epoch; epoch++
	:: else
	fi;
	look_at(0);
	look_at(1)
}

/* Of what is stamped up to `last`; the newest of a batch is its row. */
inline take(lane)
{
	if
	:: seen[lane] && !gathered[lane] && stamp[lane] <= last && (WHOLE_EPOCHS || !taken) ->
		gathered[lane] = true;
		in_batch[lane] = true;
		taken = true;
		if
		:: !stale[lane] && version[lane] > sent -> sent = version[lane]; newest = version[lane]
		:: else /* coalesced */
		fi
	:: else
	fi
}

/* One transaction: the row and the positions. Then its answer. */
inline commit()
{
	d_step {
		if
		:: newest != 0 -> write(newest)
		:: else
		fi;
		applied[0] = applied[0] || in_batch[0];
		applied[1] = applied[1] || in_batch[1]
	};
	d_step {
		acknowledged[0] = acknowledged[0] || in_batch[0];
		acknowledged[1] = acknowledged[1] || in_batch[1];
		in_batch[0] = false;
		in_batch[1] = false;
		taken = false;
		newest = 0;
		last = 0
	}
}

inline release()
{
	d_step {
		before[0] = acknowledged[0];
		before[1] = acknowledged[1];
		entered[0] = inside[0];
		entered[1] = inside[1]
	};
	if
	:: GRACE -> (!entered[0] || !inside[0]); (!entered[1] || !inside[1])
	:: !GRACE
	fi;
	if
	:: LOOK_AGAIN -> scan()
	:: !LOOK_AGAIN
	fi;
	d_step {
		overwritten[0] = overwritten[0] || before[0];
		overwritten[1] = overwritten[1] || before[1];
		before[0] = false;
		before[1] = false;
		entered[0] = false;
		entered[1] = false
	}
}

proctype flusher()
{
	byte limit, last, newest;
	bool in_batch[LANES], before[LANES], entered[LANES], taken;

	{
		do
		:: scan()
		:: limit > 0 ->
			/* as many epochs as the budget allows */
			last = 1;
			do
			:: last < limit -> last++
			:: break
			od;
			if
			:: true -> d_step { take(0); take(1) }
			:: !WHOLE_EPOCHS -> d_step { take(1); take(0) }
			fi;
			commit()
		:: acknowledged[0] && !overwritten[0] || acknowledged[1] && !overwritten[1] -> release()
		od
	} unless { dead }
}

#define PENDING(lane) (committed[lane] && !applied[lane] && !stale[lane])
#define KNOWN(lane) (LOOK_BACK && committed[lane] && applied[lane] && !overwritten[lane])

init
{
	byte known, accepted;

	atomic { run engine(0); run engine(1); run flusher() };
	dead = true;
	d_step {
		if :: KNOWN(0) && version[0] > known -> known = version[0] :: else fi;
		if :: KNOWN(1) && version[1] > known -> known = version[1] :: else fi;
		if :: PENDING(0) && version[0] > known -> known = version[0]; accepted = known :: else fi;
		if :: PENDING(1) && version[1] > known -> known = version[1]; accepted = known :: else fi;
		if :: accepted != 0 -> write(accepted) :: else fi;
		/* nor is the newest lost */
		assert(!committed[0] || version[0] <= written);
		assert(!committed[1] || version[1] <= written)
	}
}
