/* Giving names: the count that a name has of its object changes hands between a client and the broker, either of which may die on the way.
 *
 * The client counts the object up and notes that in its row; the broker, when it gives the name, turns the note from ASKED to DONE by one
 * compare-and-swap, and leaves there what the name stood for before, whose count is the client's from then on. So the note says at any time
 * which count the row has. Whoever gives it back wipes the note first: the client when it has its answer, or who reaps its row. Then the
 * broker, which may have the request still before it, can do it no more. */
#include "shared-mem/arena_private.h"

/* A cancelled note is, but for the object for which the broker may still have the request. */
static int is_free(uint64_t note, uint64_t object) {
    return !note || ((note & 15) == SHM_NOTE_CANCELLED && note != (object | SHM_NOTE_CANCELLED));
}

int arena_publish_begin(Arena *a, JitdFrame *frame, uint64_t object) {
    int note = -1;
    for (int i = SHM_ROW_NOTES; i-- > 0;)
        if (is_free(atomic_load_explicit(&a->me->notes[i].object, memory_order_relaxed), object))
            note = i;
    arena_enter(a);
    if (object) {
        arena_share(frame, object);
        shm_incref(frame, object);
    }
    arena_order();
    if (note >= 0) {
        atomic_store_explicit(&a->me->notes[note].old, 0, memory_order_relaxed);
        atomic_store_explicit(&a->me->notes[note].object, object | SHM_NOTE_ASKED, memory_order_release);
    }
    arena_leave(a);
    return note;
}

/* Wipes the note to `then`; the object whose count it named. */
static uint64_t take_note(ShmNote *note, uint64_t then) {
    uint64_t object =
        atomic_exchange_explicit(&note->object, then, memory_order_acq_rel); /* partner: arena_owner_publish */
    uint64_t old = atomic_load_explicit(&note->old, memory_order_acquire);
    switch (object & 15) {
    case SHM_NOTE_ASKED:
        return object & ~(uint64_t)15;
    case SHM_NOTE_DONE:
        return old;
    default:
        return 0;
    }
}

/* From the name's place, or a note: not believed. */
static void give_back(Arena *a, uint64_t object) {
    uint32_t class_id;
    if (object && arena_check_ref(a, object, &class_id) == 0 && shm_is_shared(arena_object(a, object)))
        release_count(a, object);
}

/* What the broker says counts for more than the note: the one that follows a dead one may know of nothing. */
void arena_publish_end(Arena *a, int note, uint64_t object, PublishOutcome outcome, uint64_t old) {
    uint64_t then = outcome == PUBLISH_UNKNOWN ? object | SHM_NOTE_CANCELLED : 0, noted = 0;
    arena_enter(a);
    if (note >= 0)
        noted = take_note(&a->me->notes[note], then);
    give_back(a, outcome == PUBLISH_DONE ? old : outcome == PUBLISH_REFUSED ? object : noted);
    arena_leave(a);
}

void publish_drop_row(Arena *a, uint32_t row) {
    for (int i = 0; i < SHM_ROW_NOTES; i++)
        give_back(a, take_note(&arena_row(a, row)->notes[i], SHM_NOTE_CANCELLED));
}
