/* A chunk and its blocks (shared-mem/chunk.c, the end of reap.c, arena_owner_grow): who has it, from the first time it is given to somebody. Clients
 * take it when it is free or an orphan, get it from the broker or, when that does not answer, by themselves; they use a block of it, free a block that
 * is another's, give it back, leave, and reap the dead. A client may be killed before any step; so may the broker, and another one follows. Checked: the
 * chunk has one owner, a block is in one list or in use, nothing that is in use lies in a chunk that is given away; and in the end, when all rows were
 * reaped, and used and left once more, it can be had again.
 *
 * There is one chunk, which has one block. A step is what one instruction does. Left out: runs; the hints (`unowned`, `remote`, `live`), which say
 * where looking is worth it, and decide nothing in the end; who may reap whom (rows.pml): a claim is one step. What a dead client was about to
 * free is at once somebody else's to free (limbo). Everybody knows at once who is dead, but for the broker, which looks at the row before it gives:
 * what it gives to one who is reaped meanwhile waits for the next client of the row.
 *
 * -DNO_SWAP takes the chunk by a look and a store: the check must fail, by a chunk that two have. -DBIT_FIRST: the owner clears the bit of a block before
 * its head: by a block that nobody can have after a death. -DREAPED_FIRST: a row can be had before its chunks were given back: by a chunk that is taken
 * from the next client of the row. -DGIVEN_FIRST: the broker gives chunks and says then (`committed`) that they are there: by chunks at the end of the
 * quota that nobody has, after its death in between, until the arena is empty. */
#ifndef BIRTHS
#define BIRTHS 3 /* of clients */
#endif
#ifndef OPERATIONS
#define OPERATIONS 3 /* of theirs */
#endif
#define ROWS 2
#define NOBODY ROWS
#define me _pid /* of a client: its row */

mtype = { none, live, dead, reaping, reaped };
mtype kind[ROWS] = none;
byte reaper[ROWS] = NOBODY;
byte births, operations, broker_deaths;

bool committed;
/* The state of the chunk is one word, read and swapped as a whole: its class, and its owner's row. */
bool sized;
byte owner = NOBODY;
/* Its block. */
#define PRIVATE 1
#define SHARED 2
bool carved, is_freed; /* the block's bit */
byte head;
bool counted;          /* somebody refers to what is shared */
/* What processes know by themselves. */
byte has = NOBODY;     /* who takes the chunk for his: its owner, or who reaps it */
bool listed;           /* the block is in his list */
bool asked[ROWS];
byte serves = NOBODY;  /* whose request the broker is about to answer, while he waits for it */
byte granted[ROWS];    /* an answer waits to be read: */
#define REFUSED 1
#define GIVEN 2

/* A step, before which the process may be killed. */
#define STEP if :: skip :: goto killed fi

/* From {sized or not, nobody} to {the same, me}. */
inline take(what) {
#ifdef NO_SWAP
    ok = (committed && sized == what && owner == NOBODY);
    STEP;
    d_step { if :: ok -> sized = what; owner = me; assert(has == NOBODY); has = me :: else fi };
#else
    d_step {
        ok = (committed && sized == what && owner == NOBODY);
        if
        :: ok -> owner = me; assert(has == NOBODY); has = me
        :: else
        fi
    };
#endif
    STEP
}

inline push() {
    d_step { assert(has == me && !listed && !counted); listed = true }
}

/* take_word: what others have freed; with `all` also a block of head 0. */
inline take_block(all) {
    if
    :: carved && is_freed ->
#ifdef BIT_FIRST
        is_freed = false;
        STEP;
        head = 0;
        push()
#else
        head = 0;
        push();
        STEP;
        is_freed = false
#endif
    :: carved && !is_freed && all && !head -> push()
    :: else
    fi
}

/* chunk_retire */
inline retire() {
    ok = (sized && carved && head && !is_freed); /* something lives in it */
    if
    :: !ok && is_freed -> head = 0; STEP; is_freed = false
    :: else
    fi;
    if
    :: !ok -> STEP; carved = false
    :: else
    fi;
    STEP;
    d_step {
        assert(has == me && (ok || (!counted && !is_freed)));
        has = NOBODY; listed = false; sized = ok; owner = NOBODY
    }
}

/* reap_row: what is private goes, then the chunk. */
inline give_back(row) {
    if
    :: committed && owner == row && sized && carved && head == PRIVATE && !is_freed -> head = 0; STEP
    :: else
    fi;
#ifdef REAPED_FIRST
    d_step { if :: row != me -> kind[row] = reaped; reaper[row] = NOBODY :: else fi };
    STEP;
#endif
    if
    :: committed && owner == row ->
        d_step { assert(has == NOBODY || (row == me && has == me)); has = me };
        retire()
    :: else
    fi
}

/* It is to be ours: an orphan, a free one, or a new one. */
inline have_chunk() {
    take(true);
    if
    :: ok -> take_block(true)
    :: !ok -> take(false)
    :: !ok && !asked[me] ->
        asked[me] = true;
        if
        :: granted[me]
        :: true -> /* the broker does not answer */
            STEP;
            committed = true; /* chunk_commit */
            STEP;
            take(false)
        fi
    fi;
    d_step {
        if
        :: granted[me] -> /* arena_grant, perhaps late */
            if
            :: granted[me] == GIVEN && committed && owner == me && !sized -> assert(has == NOBODY); has = me
            :: else
            fi;
            granted[me] = 0; asked[me] = false
        :: else
        fi
    }
}

inline make_object() {
    if
    :: has != me -> have_chunk()
    :: else
    fi;
    if
    :: has == me && !sized -> carved = false; STEP; sized = true; STEP
    :: else
    fi;
    if
    :: has == me && !carved -> head = 0; push(); STEP; carved = true
    :: has == me && carved -> take_block(false)
    :: else
    fi;
    if
    :: has == me && listed ->
        d_step { listed = false; assert(!head && !counted && !is_freed) };
        STEP;
        if
        :: head = PRIVATE
        :: d_step { head = SHARED; counted = true }
        fi
    :: else
    fi
}

/* chunk_free, of what was shared */
inline free_object() {
    d_step { ok = counted; counted = false };
    if
    :: ok ->
        frees = true;
        STEP;
        if
        :: owner == me -> d_step { head = 0; frees = false }; STEP; push()
        :: else -> d_step { assert(sized && head == SHARED); is_freed = true; frees = false }
        fi
    :: else
    fi
}

inline operation() {
    if
    :: make_object()
    :: free_object()
    :: has == me && head == PRIVATE -> head = 0; STEP; push()
    :: has == me && (listed || !sized) -> listed = false; retire() /* scavenge, or a spare one */
    :: take(true); /* chunk_free_orphans */
        if
        :: ok -> retire()
        :: else
        fi
    :: d_step { kind[1 - me] == dead -> kind[1 - me] = reaping; reaper[1 - me] = me };
        give_back(1 - me);
        STEP;
        d_step { if :: kind[1 - me] == reaping -> kind[1 - me] = reaped; reaper[1 - me] = NOBODY :: else fi }
    fi
}

inline end_connection() {
    asked[me] = false; granted[me] = 0;
    if :: serves == me -> serves = NOBODY :: else fi
}

active [ROWS] proctype client() {
    bool ok, frees;
end:
    atomic { births < BIRTHS && (kind[me] == none || kind[me] == reaped) -> births++; kind[me] = live };
    do
    :: atomic { operations < OPERATIONS -> operations++ };
        operation();
        ok = false
    :: break
    :: goto killed
    od;
    give_back(me);
    d_step { ok = false; kind[me] = none; end_connection() };
    goto end;
killed:
    skip;
    d_step {
        counted = counted || frees; frees = false; ok = false;
        if :: has == me -> has = NOBODY; listed = false :: else fi;
        if :: reaper[1 - me] == me -> reaper[1 - me] = NOBODY; kind[1 - me] = dead :: else fi;
        kind[me] = dead; end_connection()
    };
    goto end
}

#define BROKER_STEP if :: skip :: broker_deaths < 1 -> broker_deaths++; goto start fi

#define IS_ASKED(row) atomic { kind[row] == live && asked[row] && !granted[row] -> to = row; serves = row }

active proctype broker() {
    byte to;
    bool next, given; /* next: it is behind the chunk */
start:
    skip;
    d_step { next = committed; to = 0; given = false; serves = NOBODY };
end:
    if
    :: IS_ASKED(0)
    :: IS_ASKED(1)
    fi;
    next = next || committed;
    if
    :: !next ->
#ifdef GIVEN_FIRST
        d_step { if :: !sized && owner == NOBODY -> owner = to; given = true :: else fi };
        BROKER_STEP;
        committed = true;
#else
        committed = true;
        BROKER_STEP;
        d_step { if :: !sized && owner == NOBODY -> owner = to; given = true :: else fi };
#endif
        next = true;
        BROKER_STEP
    :: else
    fi;
    atomic {
        if
        :: serves != NOBODY -> granted[to] = (given -> GIVEN : REFUSED)
        :: else
        fi;
        to = 0; given = false; serves = NOBODY
    };
    goto end
}

/* Nobody is there any more. */
active proctype last() {
    byte row;
    timeout;
    d_step {
        for (row : 0 .. ROWS - 1) {
            if
            :: committed && owner == row ->
                owner = NOBODY;
                sized = (sized && carved && head == SHARED && !is_freed)
            :: else
            fi
        };
        assert(owner == NOBODY && (!sized || !head || is_freed || counted))
    }
}
