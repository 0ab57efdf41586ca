/* Counts, epochs and limbo (shared-mem/object.h, limbo.c): a parent, its child, two places where others find them. Checked: what somebody has in
 * hand is never freed; and in the end, when nothing refers to them, both are.
 *
 * Each client does a few things, each in an epoch of its own: it reads a place, follows the parent to its child, stores what it has in hand
 * in a place, or takes the child off its parent. One process has everything in limbo, and judges it. -DCOLLECTOR: another one has the child
 * there as a suspect, though it can be reached, and puts it back. A step is what one instruction does. Nobody dies.
 *
 * -DMARK_ANYHOW sets the mark of revival also on what has left limbo meanwhile: the check must fail, by what is never freed then.
 * -DZERO_IS_DEAD frees what is found with a count of zero, whenever it became so: the check must fail, by what is freed in somebody's hand. */
#ifndef OPERATIONS
#define OPERATIONS 2
#endif
#define CLIENTS 2
#define P 0
#define C 1
#define NONE 2

byte place[2], field = C;        /* the parent's */
byte count[2];
bool limbo[2], revived[2], dead[2], freed[2];
bool filling[2], waiting[2];
byte epoch[CLIENTS];             /* odd: in one */
byte seen[CLIENTS];
#ifdef COLLECTOR
byte busy = CLIENTS + 1;
#else
byte busy = CLIENTS;
#endif

/* Counting up, by who has it in hand. */
inline incref(o) {
    d_step { assert(!freed[o]); count[o]++; marks = limbo[o] }
    if
    :: marks ->
#ifdef MARK_ANYHOW
        revived[o] = true
#else
        d_step { if :: limbo[o] -> revived[o] = true :: else fi }
#endif
    :: else
    fi
}

/* From a count of n to limbo, if it is not there. */
inline enter(o, n, ret) {
    d_step {
        ret = (count[o] == n && !limbo[o] && !revived[o] && !freed[o]);
        if
        :: ret -> limbo[o] = true; dead[o] = (n == 0); filling[o] = true
        :: else
        fi
    }
}

inline retire(o) {
    enter(o, 0, marks);
    if
    :: marks && o == P && field == C ->
        enter(C, 1, marks);
        if
        :: marks && field != C -> revived[C] = true
        :: else
        fi
    :: else
    fi
}

inline decref(o) {
    d_step { assert(!freed[o]); count[o]--; marks = (count[o] == 0 && !limbo[o] && !revived[o]) }
    if
    :: marks -> retire(o)
    :: else
    fi
}

/* The count of `o`, if it is an object, goes into place i. */
inline swap(i, o) {
    d_step { old = place[i]; place[i] = o }
    if
    :: old != NONE -> decref(old)
    :: else
    fi
}

proctype client(byte me) {
    byte i, n, hand, old;
    bool marks;
    for (n : 1 .. OPERATIONS) {
        epoch[me]++;
        atomic { if :: i = 0 :: i = 1 fi; hand = place[i] }
        atomic {
            if
            :: hand == P -> assert(!freed[P]); hand = field /* borrowed as well */
            :: true
            fi
        }
        if
        :: hand != NONE -> /* stored again */
            incref(hand);
            atomic { if :: i = 0 :: i = 1 fi };
            swap(i, hand)
        :: hand == P -> /* its child is taken off */
            assert(!freed[P]);
            d_step { old = field; field = NONE }
            if
            :: old != NONE -> decref(old)
            :: else
            fi
        :: swap(i, NONE)
        fi;
        d_step { assert(hand == NONE || !freed[hand]); hand = NONE; old = NONE; i = 0; epoch[me]++ }
    }
    busy--
}

inline destroy(o) {
    if
    :: o == P && field == C ->
        field = NONE;
        d_step {
            marks = false;
            if
            :: limbo[C] && count[C] == 1 && !revived[C] && !dead[C] -> count[C] = 0; dead[C] = true
            :: else -> count[C]--; marks = (count[C] == 0 && !limbo[C] && !revived[C])
            fi
        }
        if
        :: marks -> retire(C)
        :: else
        fi
    :: else
    fi;
    freed[o] = true
}

#ifdef ZERO_IS_DEAD
#define IS_DEAD(o) true
#else
#define IS_DEAD(o) dead[o]
#endif

inline judge(o) {
    if
    :: waiting[o] ->
        waiting[o] = false;
        d_step {
            marks = false;
            if
            :: count[o] == 0 && IS_DEAD(o) && !revived[o] -> marks = true
            :: else ->
                limbo[o] = (count[o] == 0); dead[o] = limbo[o]; filling[o] = limbo[o]; revived[o] = false
            fi
        }
        if
        :: marks -> destroy(o)
        :: else
        fi
    :: else
    fi
}

#define IS_OVER(i) (seen[i] % 2 == 0 || epoch[i] != seen[i])

active proctype judge_of_all() {
    byte i, old;
    bool marks;
    d_step { place[0] = P; place[1] = NONE; count[P] = 1; count[C] = 1 }
    atomic { for (i : 0 .. CLIENTS - 1) { run client(i) } }
    do
    :: filling[P] || filling[C] ->
        d_step { waiting[P] = filling[P]; waiting[C] = filling[C]; filling[P] = false; filling[C] = false }
        for (i : 0 .. CLIENTS - 1) { seen[i] = epoch[i] }
        for (i : 0 .. CLIENTS - 1) { IS_OVER(i) }
        judge(P);
        judge(C)
    :: busy == 0 && !filling[P] && !filling[C] ->
        if
        :: place[0] == NONE && place[1] == NONE -> break
        :: else -> swap(0, NONE); swap(1, NONE)
        fi
    od;
    assert(freed[P] && freed[C])
}

#ifdef COLLECTOR
active proctype collector() {
    bool marks;
    d_step {
        if
        :: !limbo[C] && !revived[C] && !freed[C] && count[C] -> limbo[C] = true; dead[C] = false; marks = true
        :: else
        fi
    }
    if
    :: marks ->
#ifndef ZERO_IS_DEAD
        revived[C] = true;
#endif
        filling[C] = true
    :: else
    fi;
    busy--
}
#endif
