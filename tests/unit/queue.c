/* The queue of units: whose turn it is, who may have a compiler process beyond the usual number, what is remembered of whom. The clock is
 * the test's. */
#include "server/broker/queue.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static TaskQueue queue;
static uint64_t now;

static void setup(void) {
    queue = (TaskQueue){0};
    now = 0;
}

static void teardown(void) {
    queue_deinit(&queue);
}

TestSuite(queue, .init = setup, .fini = teardown);

static WorkerTask task_of(uint32_t user, uint32_t client) {
    return (WorkerTask){.owner = user, .client = client};
}

static void add(WorkerTask *task) {
    cr_assert_eq(queue_add(&queue, task, now), 0);
}

static void run(WorkerTask *task, uint64_t ms) {
    queue_begin(&queue, task, false, now);
    now += ms;
    queue_end(&queue, task, now);
}

/* A whole unit of somebody, which takes that long. */
static void compile(uint32_t user, uint32_t client, uint64_t ms) {
    WorkerTask task = task_of(user, client);
    add(&task);
    run(&task, ms);
}

Test(queue, a_newcomer_is_before_all_who_are_at_it) {
    WorkerTask bombs[4], good = task_of(2, 20);
    compile(1, 10, 10000);
    for (int i = 0; i < 4; i++) {
        bombs[i] = task_of(1, 10);
        add(&bombs[i]);
    }
    queue_begin(&queue, &bombs[0], false, now);
    add(&good);
    cr_assert_eq(queue_next(&queue), &good);
    run(&good, 5);
    cr_assert_eq(queue_next(&queue), &bombs[1]);
    queue_end(&queue, &bombs[0], now);
    for (int i = 1; i < 4; i++)
        run(&bombs[i], 1);
    cr_assert_null(queue_next(&queue));
}

Test(queue, so_it_is_with_many_who_are_at_it) {
    WorkerTask bombs[8], good = task_of(100, 1);
    for (uint32_t i = 0; i < 8; i++) {
        compile(i, 1, 2000);
        bombs[i] = task_of(i, 1);
        add(&bombs[i]);
    }
    queue_begin(&queue, &bombs[0], false, now);
    now += 2000;
    queue_end(&queue, &bombs[0], now);
    add(&good);
    cr_assert_eq(queue_next(&queue), &good);
    queue_remove(&queue, &good);
    for (int i = 1; i < 8; i++)
        queue_remove(&queue, &bombs[i]);
}

Test(queue, among_a_users_processes_it_is_the_same) {
    WorkerTask bomb = task_of(1, 10), next = task_of(1, 10), good = task_of(1, 11);
    compile(1, 10, 5000);
    add(&bomb);
    queue_begin(&queue, &bomb, false, now);
    now += 5000;
    add(&next);
    add(&good);
    queue_end(&queue, &bomb, now);
    cr_assert_eq(queue_next(&queue), &good);
    run(&good, 5);
    run(&next, 5);
}

Test(queue, nobody_saves_up_what_it_does_not_use) {
    WorkerTask a[3], b[3];
    compile(1, 10, 10);
    compile(2, 20, 100000); /* meanwhile user 1 wants nothing */
    for (int i = 0; i < 3; i++) {
        a[i] = task_of(1, 10);
        b[i] = task_of(2, 20);
        add(&a[i]);
        add(&b[i]);
    }
    cr_assert_eq(queue_next(&queue), &a[0]);
    run(&a[0], 200000);
    cr_assert_eq(queue_next(&queue), &b[0], "it would have all the time that user 2 had");
    for (int i = 0; i < 3; i++)
        run(&b[i], 1);
    run(&a[1], 1);
    run(&a[2], 1);
}

Test(queue, what_was_begun_in_vain_is_next) {
    WorkerTask a = task_of(1, 10), b = task_of(2, 20);
    add(&a);
    add(&b);
    queue_begin(&queue, &a, false, now);
    now += 1000;
    queue_put_back(&queue, &a, now);
    cr_assert_eq(queue_next(&queue), &a);
    run(&a, 1);
    run(&b, 1);
}

/* At most `most` of them further, of which a user has half. */
Test(queue, a_light_process_may_have_one_more) {
    WorkerTask light = task_of(1, 10), second = task_of(1, 10), other = task_of(1, 11), third = task_of(1, 12),
               foreign = task_of(2, 20);
    WorkerTask *all[] = {&light, &second, &other, &third, &foreign};
    for (size_t i = 0; i < 5; i++)
        add(all[i]);
    cr_assert(queue_is_light(&queue, &light, 4, now));
    queue_begin(&queue, &light, true, now);
    cr_assert_not(queue_is_light(&queue, &second, 4, now), "one is working for it already");
    cr_assert(queue_is_light(&queue, &other, 4, now));
    queue_begin(&queue, &other, true, now);
    cr_assert_not(queue_is_light(&queue, &third, 4, now), "its user has half of them");
    cr_assert(queue_is_light(&queue, &foreign, 4, now));
    queue_end(&queue, &light, now);
    queue_end(&queue, &other, now);
    cr_assert(queue_is_light(&queue, &third, 4, now));
    run(&second, 1);
    run(&third, 1);
    run(&foreign, 1);
}

Test(queue, who_bombs_is_not_light_for_a_while) {
    WorkerTask task = task_of(1, 10), bomb = task_of(2, 20);
    compile(1, 10, 4000);
    add(&task);
    cr_assert_not(queue_is_light(&queue, &task, 4, now));
    now += (4000 - QUEUE_LIGHT_MS) * QUEUE_DRAIN;
    cr_assert_not(queue_is_light(&queue, &task, 4, now));
    now += 2 * QUEUE_DRAIN;
    cr_assert(queue_is_light(&queue, &task, 4, now));
    queue_remove(&queue, &task);
    compile(1, 10, 4000);
    add(&task);
    add(&bomb);
    queue_begin(&queue, &bomb, false, now);
    cr_assert_not(queue_is_light(&queue, &task, 4, now));
    now += 10000;
    cr_assert(queue_is_light(&queue, &task, 4, now), "what is at work has had twice as much");
    queue_end(&queue, &bomb, now);
    queue_remove(&queue, &task);
}

Test(queue, the_time_of_an_hour) {
    uint64_t hour = 3600 * 1000;
    now = 10 * hour;
    cr_assert_eq(queue_hour_ms(&queue, 1, now), 0);
    compile(1, 10, 4000);
    compile(1, 11, 3000);
    compile(2, 20, 9000);
    cr_assert_eq(queue_hour_ms(&queue, 1, now), 7002);
    cr_assert_eq(queue_hour_ms(&queue, 1, now + hour), 0);
}

/* A hundred thousand processes that come and go take no more memory than a thousand. */
Test(queue, those_who_are_gone_are_forgotten) {
    WorkerTask waits = task_of(7, 70);
    add(&waits);
    for (uint32_t client = 1; client <= 100000; client++)
        compile(client % 5, client, 100);
    cr_assert_leq(HASH_COUNT(queue.shares), 1025);
    cr_assert_eq(waits.shares[1]->key.client, 70, "who waits is not forgotten");
    run(&waits, 1);
}
