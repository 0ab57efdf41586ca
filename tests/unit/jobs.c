/* Single flight: who joins whom, who is told, what a leaving peer takes along. The pool of compiler processes is one that
 * starts none, so that every job waits until the test finishes it. */
#include "server/broker/jobs.h"
#include <criterion/criterion.h>

static uv_loop_t loop;
static Workers workers;
static Jobs jobs;
static int told;
static const void *last_peer;
static const char *last_failure;
static uint32_t owner;

static void on_done(void *arg, Job *job, const MsgMessage *done, Str frame, const Key *identity, const char *failure) {
    (void)done;
    (void)frame;
    (void)identity;
    cr_assert_eq(arg, &told);
    for (Waiter *w = job->waiters; w; w = w->next) {
        told++;
        last_peer = w->peer;
    }
    last_failure = failure;
}

static void setup(void) {
    uv_loop_init(&loop);
    workers = (Workers){.max = 0};
    cr_assert_eq(workers_init(&workers, &loop), 0);
    jobs = (Jobs){.workers = &workers, .on_done = on_done, .arg = &told};
    told = 0;
}

static void teardown(void) {
    workers_stop(&workers);
    uv_run(&loop, UV_RUN_DEFAULT);
    workers_deinit(&workers);
    cr_assert_eq(uv_loop_close(&loop), 0);
    cr_assert_null(jobs.table);
    cr_assert_eq(jobs.bytes, 0);
}

TestSuite(jobs, .init = setup, .fini = teardown);

static int ask(const char *unit, const char *what, const char *method, void *peer, uint64_t id) {
    Key content, identity = {0};
    jobs_content_key(str_from_cstr(unit), owner, &identity, &content);
    JobRequest request = {.unit = str_from_cstr(unit),
                          .content = &content,
                          .what = what,
                          .method = str_from_cstr(method),
                          .owner = owner};
    return jobs_request(&jobs, &request, peer, id);
}

static void finish_first(void) {
    WorkerTask *task = queue_next(&workers.queue);
    queue_begin(&workers.queue, task, false, 0);
    queue_end(&workers.queue, task, 0);
    task->finish(task, NULL, STR_NULL, &workers.identity, "test");
}

Test(jobs, equal_requests_are_one) {
    int a, b;
    cr_assert_eq(ask("unit", "image", NULL, &a, 1), 0);
    cr_assert_eq(ask("unit", "image", NULL, &b, 1), 0);
    cr_assert_eq(ask("unit", "image", NULL, &a, 2), 0);
    cr_assert_eq(workers.queue.count, 1);
    cr_assert_eq(jobs.joins, 2);
    finish_first();
    cr_assert_eq(told, 3);
    cr_assert_str_eq(last_failure, "test");
    cr_assert_eq(ask("unit", "image", NULL, &a, 3), 0); /* what is finished is not joined */
    cr_assert_eq(workers.queue.count, 1);
    cr_assert_eq(jobs.joins, 2);
}

Test(jobs, different_requests_are_not) {
    int a;
    ask("unit", "image", NULL, &a, 1);
    ask("unit2", "image", NULL, &a, 2);
    ask("unit", "ir", NULL, &a, 3);
    ask("unit", "ir", "f", &a, 4);
    ask("unit", "asm", NULL, &a, 5);
    cr_assert_eq(workers.queue.count, 5);
    cr_assert_eq(jobs.joins, 0);
}

Test(jobs, a_leaving_peer_takes_only_its_own) {
    int a, b;
    ask("shared", "image", NULL, &a, 1);
    ask("shared", "image", NULL, &b, 1);
    ask("only a", "image", NULL, &a, 2);
    jobs_forget(&jobs, &a);
    cr_assert_eq(workers.queue.count, 1);
    finish_first();
    cr_assert_eq(told, 1);
    cr_assert_eq(last_peer, &b);
}

Test(jobs, a_job_in_work_goes_on_without_waiters) {
    int a;
    ask("unit", "image", NULL, &a, 1);
    WorkerTask *task = queue_next(&workers.queue);
    queue_begin(&workers.queue, task, false, 0); /* as if a worker had it */
    jobs_forget(&jobs, &a);
    cr_assert_not_null(jobs.table);
    queue_end(&workers.queue, task, 0);
    task->finish(task, NULL, STR_NULL, &workers.identity, "test");
    cr_assert_eq(told, 0);
}

/* The order in which the units of several owners are begun. */
Test(jobs, owners_take_turns) {
    static const char *const asked[] = {"1a", "1b", "1c", "2a", "1d", "3a", "2b"};
    static const char *const begun[] = {"1a", "2a", "3a", "1b", "2b", "1c", "1d"};
    int a;
    for (size_t i = 0; i < 7; i++) {
        owner = (uint32_t)asked[i][0];
        ask(asked[i], "image", NULL, &a, i);
    }
    for (size_t i = 0; i < 7; i++) {
        Str next = queue_next(&workers.queue)->unit;
        cr_assert(str_eq_c(next, begun[i]), "%zu: %.*s", i, STR_FMT(next));
        finish_first();
    }
}

Test(jobs, too_much_is_refused) {
    int a;
    size_t size = (size_t)30 << 20;
    char *unit = malloc(size + 1);
    memset(unit, 'x', size);
    unit[size] = 0;
    cr_assert_eq(ask(unit, "image", NULL, &a, 1), 0);
    unit[0] = 'y';
    cr_assert_eq(ask(unit, "image", NULL, &a, 2), 0);
    unit[0] = 'z';
    cr_assert_eq(ask(unit, "image", NULL, &a, 3), 1); /* over half of the room */
    owner = 2;
    cr_assert_eq(ask(unit, "image", NULL, &a, 3), 0); /* there is some for others */
    owner = 0;
    unit[0] = 'y';
    cr_assert_eq(ask(unit, "image", NULL, &a, 4), 0); /* joins */
    free(unit);
}

Test(jobs, stopping_fails_what_waits) {
    int a;
    ask("unit", "image", NULL, &a, 1);
    workers_stop(&workers);
    cr_assert_eq(told, 1);
    workers.stopping = false; /* for the teardown */
    uv_run(&loop, UV_RUN_DEFAULT);
    workers_init(&workers, &loop);
}

Test(jobs, content_keys) {
    Key a, b, one = {{1}}, two = {{2}};
    jobs_content_key(STR("unit"), 0, &one, &a);
    jobs_content_key(STR("unit"), 0, &one, &b);
    cr_assert(key_eq(&a, &b));
    jobs_content_key(STR("unit"), 0, &two, &b);
    cr_assert_not(key_eq(&a, &b));
    jobs_content_key(STR("unit2"), 0, &one, &b);
    cr_assert_not(key_eq(&a, &b));
    jobs_content_key(STR("unit"), 1, &one, &b); /* another user's is another's */
    cr_assert_not(key_eq(&a, &b));
}
