/* One namespace, from broker to broker (server/broker/handover.c, hello_enter in dispatch.c, ledger.h, client/lib/reconnect.c). Brokers die at any
 * step, and another one follows. Clients come for the first time, ask for things, and come back with arena and row when their broker is gone, in any
 * order; they may be killed at any time. Checked: no arena is made while somebody uses another one; what a client was told stays true (its row is nobody
 * else's, the name is there, the class keeps its number and has it alone); nobody who lives is sent away, and nobody waits for ever.
 *
 * From where a broker has its predecessor's arena: any living process that has it open (a private daemon, which searches); -DSTORE: the manager's
 * store; -DHANDED: only from a client that comes back: all who live are taken to do so before newcomers have waited long enough. Who sleeps
 * longer finds that he has an arena alone. With -DSTORE the second broker is of another version, and cannot read what the first one
 * wrote down: who was there goes on alone.
 *
 * A step of the broker is what lies between two changes of what outlives it. Left out: answers that were sent and not read when their broker dies; a full
 * disk; a process number that is given again; that the broker may not see a process (its row is in use, which is what counts here, too); forks; how a dead row is reaped (rows.pml).
 *
 * The check must fail with -DTELL_FIRST: a client is told before it is written down; -DKEEP_LATE: it has an arena before that is in ledger and
 * store; -DROWS_ANEW: a broker takes the rows of an arena that it takes over to be free; -DHANDED -DNOBODY_WAITS: newcomers do not wait; -DSTORE
 * -DNAME_OF_TWO: what is left in the store of an arena that was given up is taken out by name a second later, and takes the new one along. */
#ifndef CLIENTS
#define CLIENTS 3
#endif
#ifndef BROKERS
#define BROKERS 3
#endif
#ifndef REQUESTS
#define REQUESTS 0 /* of all clients, besides their hellos */
#endif
#define ROWS 5 /* a client has more than one if a broker died before it could say so */
#define ARENAS 4

mtype = { nothing, newly, back, handing, publish, compile, done, handback, stale, lost };

/* Of clients. What they are told is theirs at once. */
bool alive[CLIENTS] = true;
bool greeted[CLIENTS];      /* by the broker that is there */
bool alone[CLIENTS];        /* nobody can take over what it has */
byte arena[CLIENTS];        /* 0: none yet; arenas are numbered as they are made */
byte row[CLIENTS];
mtype request[CLIENTS] = nothing, result[CLIENTS] = nothing;
byte requests;

/* What outlives a broker. */
byte arenas, brokers = 1;
byte rows[ROWS];            /* of the last arena: 1 + who has it */
bool store[ARENAS];         /* which are in it, all under the namespace's name */
byte ledger;                /* of which arena it speaks; 0: there is none */
bool ledger_name;
byte ledger_number[CLIENTS];

/* Of the broker that is there. */
byte tenant;                /* its arena; 0: none */
bool waits, swept, stash[ARENAS];
byte numbers;               /* of classes that are given */
byte number[CLIENTS];       /* of the class that a client makes */

/* What was promised. */
bool told_name;
byte told[CLIENTS];

#define USES(c, a) (alive[c] && !alone[c] && arena[c] == (a))
#define ANY_USES(a) (USES(0, a) || USES(1, a) || USES(CLIENTS - 1, a))

/* ---- clients ---- */

inline ask(what) {
    d_step { request[_pid] = what; result[_pid] = nothing }
}

inline wait() {
    if
    :: result[_pid] != nothing
    :: goto gone /* killed meanwhile */
    fi
}

active [CLIENTS] proctype client() {
    mtype want = nothing;
    do
    :: atomic { !arena[_pid] -> ask(newly) }; wait()
    :: atomic { arena[_pid] && !greeted[_pid] -> ask(back) };
        wait();
        if
        :: atomic { result[_pid] == handback && !greeted[_pid] -> ask(handing) }; wait()
        :: else
        fi;
        if
        :: result[_pid] == stale -> assert(alone[_pid]); break
        :: else
        fi
    :: atomic { greeted[_pid] && (want != nothing || requests < REQUESTS) ->
            if
            :: want == nothing -> requests++; if :: want = publish :: want = compile fi
            :: else
            fi;
            ask(want) };
        wait();
        if
        :: atomic { result[_pid] == done -> want = nothing }
        :: else
        fi
    :: break /* killed, or it leaves */
    od;
gone:
    skip;
    d_step { alive[_pid] = false; greeted[_pid] = false; request[_pid] = nothing; result[_pid] = nothing; want = nothing }
}

/* ---- the broker ---- */

/* A step, before which it may be killed. */
#define STEP if :: skip :: brokers < BROKERS -> brokers++; goto start fi

#ifdef STORE
#define FOUND (stash[ledger])
#define STORED(a) store[a] = true
#define MAY_GO_ON true
#elif defined(HANDED)
#define FOUND false
#define STORED(a) skip
#define IS_BACK(c) (!alive[c] || !arena[c] || greeted[c])
#define MAY_GO_ON (IS_BACK(0) && IS_BACK(1) && IS_BACK(CLIENTS - 1))
#else
#define FOUND ANY_USES(ledger)
#define STORED(a) skip
#define MAY_GO_ON true
#endif
#ifdef NOBODY_WAITS
#define HOLDS false
#else
#define HOLDS waits
#endif

#define HANDS(c) (request[c] == handing && arena[c] == ledger)
#define IS_MISSING (!tenant && ledger && !FOUND)
#define IS_READY(c) (request[c] != nothing && !(request[c] == newly && HOLDS && IS_MISSING))

inline answer(c, what) {
    d_step { if :: request[c] != nothing -> result[c] = what; request[c] = nothing :: else fi }
}

/* handover_adopt, of an arena that was found */
inline adopt() {
    d_step {
        tenant = ledger; stash[ledger] = false;
        STORED(ledger);
        assert(!told_name || ledger_name);
        for (i : 0 .. CLIENTS - 1) { number[i] = ledger_number[i]; if :: numbers < number[i] -> numbers = number[i] :: else fi };
        for (i : 0 .. ROWS - 1) {
            if
#ifdef ROWS_ANEW
            :: rows[i] -> rows[i] = 0
#else
            :: rows[i] && !alive[rows[i] - 1] -> rows[i] = 0
#endif
            :: else
            fi
        };
        i = 0
    }
}

inline unstore() {
    d_step { for (i : 0 .. ARENAS - 1) { store[i] = false }; i = 0 }
}

/* tenant_new, handover_keep */
inline make() {
    d_step {
        arenas++; tenant = arenas;
        for (i : 1 .. ARENAS - 1) { assert(i == tenant || !ANY_USES(i)) };
        for (i : 0 .. ROWS - 1) { rows[i] = 0 };
        for (i : 0 .. CLIENTS - 1) { number[i] = 0; told[i] = 0 };
        i = 0; numbers = 0; told_name = false
    }
#ifndef KEEP_LATE
    keep()
#endif
}

inline keep() {
    STEP;
    d_step { ledger = tenant; ledger_name = false; for (i : 0 .. CLIENTS - 1) { ledger_number[i] = 0 }; i = 0 };
#ifdef STORE
    STEP;
#ifndef NAME_OF_TWO
    unstore();
    d_step { for (i : 0 .. ARENAS - 1) { stash[i] = false }; i = 0 };
    STEP;
#endif
    store[tenant] = true;
#endif
    STEP
}

inline find_tenant() {
    if
    :: tenant
    :: !tenant && ledger && (FOUND || HANDS(c)) -> adopt()
    :: IS_MISSING && request[c] == back -> answer(c, handback)
    :: !tenant && !HANDS(c) && (!ledger || request[c] != back) && request[c] != newly -> answer(c, stale)
    :: !tenant && (!ledger || !FOUND) && request[c] == newly -> make()
    :: request[c] == nothing /* it was killed */
    fi
}

inline enter() {
    if
    :: request[c] == newly ->
        d_step { i = 0; do :: rows[i] -> i++ :: else -> break od; rows[i] = c + 1 };
        STEP
    :: request[c] == back || request[c] == handing ->
        if
        :: arena[c] != tenant -> answer(c, stale)
        :: else -> d_step { i = row[c]; assert(rows[i] == c + 1) }
        fi
    :: request[c] == nothing
    fi;
    d_step {
        if
        :: request[c] != nothing -> arena[c] = tenant; row[c] = i; greeted[c] = true; request[c] = nothing; result[c] = done
        :: else
        fi;
        i = 0
    }
#ifdef KEEP_LATE
    keep()
#endif
}

inline hello() {
    find_tenant();
    if
    :: tenant && request[c] != nothing -> enter()
    :: else
    fi
}

inline tell_name() {
    d_step { if :: request[c] == publish -> told_name = true :: else fi };
    answer(c, done)
}

inline tell_number() {
    d_step {
        if
        :: request[c] == compile ->
            assert(!told[c] || told[c] == number[c]);
            told[c] = number[c];
            for (i : 0 .. CLIENTS - 1) { assert(i == c || told[i] != told[c] || !told[c]) };
            i = 0
        :: else
        fi
    };
    answer(c, done)
}

inline serve() {
    if
    :: request[c] == newly || request[c] == back || request[c] == handing -> hello()
    :: request[c] == publish ->
#ifdef TELL_FIRST
        tell_name();
        STEP;
        ledger_name = true
#else
        STEP;
        ledger_name = true;
        STEP;
        tell_name()
#endif
    :: request[c] == compile ->
        d_step {
            if
            :: !number[c] -> number[c] = numbers + 1; numbers++
            :: else
            fi
        };
#ifdef TELL_FIRST
        tell_number();
        STEP;
        ledger_number[c] = number[c]
#else
        STEP;
        ledger_number[c] = number[c];
        STEP;
        tell_number()
#endif
    :: request[c] == nothing
    fi
}

inline sweep() {
    if
    :: !tenant && ledger && FOUND -> adopt()
    :: else
    fi;
    if
    :: tenant && !ledger_name && !rows[0] && !rows[1] && !rows[2] && !rows[3] && !rows[4] -> /* nobody needs it */
        assert(!ANY_USES(tenant));
        STEP;
        unstore();
        STEP;
        d_step { ledger = 0; tenant = 0 }
    :: else
    fi;
    d_step {
        for (i : 1 .. ARENAS - 1) { if :: stash[i] -> stash[0] = true; stash[i] = false :: else fi };
        i = stash[0]; stash[0] = false
    };
    if
    :: i -> i = 0; unstore()
    :: else
    fi;
    swept = true
}

inline begin() {
    d_step {
        tenant = 0; numbers = 0; waits = true; swept = false; c = 0;
        for (i : 0 .. CLIENTS - 1) {
            number[i] = 0; greeted[i] = false;
            if :: request[i] != nothing -> request[i] = nothing; result[i] = lost :: else fi
        };
        for (i : 0 .. ARENAS - 1) { stash[i] = store[i] };
#ifdef STORE
        if
        :: brokers == 2 -> ledger = 0; for (i : 0 .. CLIENTS - 1) { alone[i] = (arena[i] != 0) }
        :: else
        fi;
#endif
        i = 0
    }
}

active proctype broker() {
    byte c, i;
start:
    atomic { skip; begin() };
end:
    do
    :: waits && MAY_GO_ON -> waits = false
    :: atomic { !waits && !swept -> STEP; sweep() }
    :: atomic { IS_READY(0) -> c = 0; STEP; serve(); c = 0 }
    :: atomic { IS_READY(1) -> c = 1; STEP; serve(); c = 0 }
#if CLIENTS > 2
    :: atomic { IS_READY(2) -> c = 2; STEP; serve(); c = 0 }
#endif
    :: atomic { brokers < BROKERS -> brokers++; goto start }
    od
}
