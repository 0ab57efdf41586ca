/* Rows of roots, from the death of their process to the next one (shared-mem/reap.c, arena_owner.c): who claims a dead row, what becomes
 * of the claims of one who dies itself, and when a row is given out anew. Checked: a row is worked on by one process at a time, else its
 * objects would be counted down twice.
 *
 * A state of a row is one word {kind, reaper, generation of the reaper}, read and compared-and-swapped as a whole. -DNO_GENERATION leaves
 * the last one out, and the check must fail then: between a look at a reaper that is dead and the swap, its row may be another's, who has
 * claimed the same. */
#ifndef ROWS
#define ROWS 4
#endif
#ifndef BIRTHS
#define BIRTHS 4 /* processes in all; the one of row 0 has died before */
#endif
#define NOBODY 255

#ifdef NO_GENERATION
#define GENERATION(row) 0
#else
#define GENERATION(row) generation[row]
#endif

#define free 0
mtype = { live, dead, reaping, reaped };
byte kind[ROWS];
byte reaper[ROWS], by_generation[ROWS]; /* of one that is being reaped */
byte generation[ROWS];                  /* of the process that has the row, or had it last */
byte inside[ROWS];                      /* processes that give back what the row held */
bool gone[ROWS];                        /* its process has died, and the broker has not seen it yet */
byte births;

/* A step, before which the process may be killed. */
#define STEP if :: skip :: goto killed fi

proctype client(byte row) {
    byte seen, seen_reaper, seen_by, r, other, at = NOBODY;
    bool ok;
    for (r : 0 .. ROWS - 1) {
        d_step { seen = kind[r]; seen_reaper = reaper[r]; seen_by = by_generation[r] }
        ok = (r != row && seen == dead);
        if
        :: r != row && seen == reaping ->
            d_step { ok = !(kind[seen_reaper] == live && GENERATION(seen_reaper) == seen_by) }
        :: else
        fi;
        if
        :: !ok -> goto next
        :: else
        fi;
        d_step {
            if
            :: ok && kind[r] == seen && reaper[r] == seen_reaper && by_generation[r] == seen_by ->
                kind[r] = reaping; reaper[r] = row; by_generation[r] = GENERATION(row);
                inside[r]++; at = r;
                assert(inside[r] == 1)
            :: else -> ok = false
            fi
        }
        if
        :: ok ->
            STEP;
            for (other : 0 .. ROWS - 1) {
                d_step {
                    if
                    :: kind[other] == reaping && reaper[other] == r -> kind[other] = dead; reaper[other] = 0; by_generation[other] = 0
                    :: else
                    fi
                }
            }
            STEP;
            d_step { inside[r]--; at = NOBODY; kind[r] = reaped; reaper[r] = 0; by_generation[r] = 0 }
        :: else
        fi;
next:   skip
    }
killed: /* or it has seen to all, and ends */
    skip;
    d_step {
        if
        :: at != NOBODY -> inside[at]--
        :: else
        fi;
        gone[row] = true; seen = 0; seen_reaper = 0; seen_by = 0; r = 0; other = 0; at = NOBODY; ok = false
    }
}

/* The broker, for one row: it sees its death, and gives it to a newcomer when it holds nothing. */
active [ROWS] proctype broker() {
    if
    :: _pid == 0 -> kind[0] = dead; generation[0] = 1;
end0:   false
    :: else
    fi;
end:
    do
    :: d_step { births < BIRTHS && (kind[_pid] == free || kind[_pid] == reaped) ->
           kind[_pid] = live; generation[_pid]++; births++ };
       run client(_pid)
    :: d_step { gone[_pid] && kind[_pid] == live -> gone[_pid] = false; kind[_pid] = dead }
    od
}
