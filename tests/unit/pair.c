/* Two pieces of work on two threads, or one after the other where there is no second thread. */
#include "server/compiler/pair.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>

typedef struct Piece {
    sem_t here;
    struct Piece *other;
    pthread_t thread;
    int runs;
} Piece;

static void note(void *arg) {
    Piece *p = arg;
    p->thread = pthread_self();
    p->runs++;
}

/* Ends only if the other piece runs meanwhile. */
static void meet(void *arg) {
    Piece *p = arg;
    note(p);
    sem_post(&p->here);
    while (sem_wait(&p->other->here))
        ;
}

Test(pair, without_a_second_thread) {
    Piece first = {0}, second = {0};
    pair_run(note, &first, &second);
    cr_assert(first.runs == 1 && second.runs == 1);
    cr_assert(pthread_equal(first.thread, second.thread));
}

Test(pair, at_the_same_time) {
    Piece first = {0}, second = {0};
    first.other = &second;
    second.other = &first;
    cr_assert(sem_init(&first.here, 0, 0) == 0 && sem_init(&second.here, 0, 0) == 0);
    pair_init();
    for (int i = 1; i <= 1000; i++) {
        pair_run(meet, &first, &second);
        cr_assert(first.runs == i && second.runs == i);
    }
    cr_assert(pthread_equal(first.thread, pthread_self()) && !pthread_equal(second.thread, pthread_self()));
}
