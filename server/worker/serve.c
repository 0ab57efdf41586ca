/* One job at a time: read, compile, answer; see serve.h. */
#include "server/worker/serve.h"
#include "base/cleanup.h"
#include "protocol/messages.h"
#include "server/compiler/compiler.h"
#include "server/compiler/stage.h"
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdatomic.h>

/* What is kept of freed memory for the next job. */
#define SERVE_FREE_MEMORY ((size_t)16 << 20)

typedef struct Serve {
    int out;
    uint64_t job; /* the one in hand, 0 = none */
    const SandboxLimits *limits;
} Serve;

static Serve serve_state;

static int serve_write(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -errno;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

typedef struct Done {
    const Image *image;
    Str error; /* or an error */
    bool dump;
} Done;

static void serve_put_key(msgpack_packer *pk, const char *key) {
    wire_put_cstr(pk, key);
}

static void serve_put_entries(msgpack_packer *pk, const Image *image) {
    msgpack_pack_array(pk, image->nentries);
    for (size_t i = 0; i < image->nentries; i++) {
        msgpack_pack_array(pk, 2);
        msgpack_pack_uint32(pk, image->entries[i].thunk);
        msgpack_pack_uint32(pk, image->entries[i].native);
    }
}

static void serve_put_fixups(msgpack_packer *pk, const Image *image) {
    msgpack_pack_array(pk, image->nfixups);
    for (size_t i = 0; i < image->nfixups; i++) {
        msgpack_pack_array(pk, 3);
        msgpack_pack_uint32(pk, image->fixups[i].offset);
        msgpack_pack_uint32(pk, image->fixups[i].import);
        msgpack_pack_int32(pk, image->fixups[i].addend);
    }
}

static void serve_put_timings(msgpack_packer *pk, const Image *image) {
    msgpack_pack_map(pk, N_PASSES);
    for (Pass p = 0; p < N_PASSES; p++) {
        wire_put_cstr(pk, pass_name(p));
        msgpack_pack_uint64(pk, image->timings.us[p]);
    }
}

static void serve_put_image(msgpack_packer *pk, const Image *image) {
    msgpack_pack_map(pk, 7);
    serve_put_key(pk, "code");
    wire_put_bin(pk, image->code);
    serve_put_key(pk, "entries");
    serve_put_entries(pk, image);
    serve_put_key(pk, "fixups");
    serve_put_fixups(pk, image);
    serve_put_key(pk, "class_table");
    msgpack_pack_uint32(pk, image->class_table);
    serve_put_key(pk, "nclasses");
    msgpack_pack_uint32(pk, image->nclasses);
    serve_put_key(pk, "meta");
    wire_put_bin(pk, image->meta);
    serve_put_key(pk, "timings");
    serve_put_timings(pk, image);
}

static void serve_put_text(msgpack_packer *pk, const char *key, Str text) {
    msgpack_pack_map(pk, 1);
    serve_put_key(pk, key);
    wire_put_str(pk, text);
}

static void serve_put_done(msgpack_packer *pk, const Done *done) {
    if (done->error.ptr)
        serve_put_text(pk, "error", done->error);
    else if (done->dump)
        serve_put_text(pk, "text", done->image->text);
    else
        serve_put_image(pk, done->image);
}

/* Sends a frame that is complete, or says why there is none. */
static int serve_answer(uint64_t id, const Done *done) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_DONE, id);
    serve_put_done(&w.packer, done);
    int r = message_end(&w);
    if (r < 0) {
        message_begin(&w, MESSAGE_DONE, id);
        serve_put_text(&w.packer, "error", STR("the result is too large"));
        r = message_end(&w);
    }
    if (r == 0)
        r = serve_write(serve_state.out, w.buffer.data, w.buffer.size);
    message_writer_deinit(&w);
    return r;
}

void serve_fatal(const char *message) {
    static char text[1024];
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&said)) /* the other thread is about to end the process */
        for (;;)
            sched_yield();
    if (serve_state.job == 0)
        _exit(1);
    int n = snprintf(text, sizeof text, "the compiler gave up in stage %s: %s", stage_current(), message);
    Done done = {.error = {text, n < (int)sizeof text ? (size_t)n : sizeof text - 1}};
    serve_answer(serve_state.job, &done);
    _exit(1);
}

static int serve_identity(void) {
    MessageWriter w;
    message_writer_init(&w);
    message_begin(&w, MESSAGE_DONE, 0);
    msgpack_pack_map(&w.packer, 2);
    serve_put_key(&w.packer, "version");
    msgpack_pack_uint32(&w.packer, PROTOCOL_VERSION);
    serve_put_key(&w.packer, "identity");
    wire_put_str(&w.packer, str_from_cstr(compiler_identity()));
    int r = message_end(&w);
    r = r ? r : serve_write(serve_state.out, w.buffer.data, w.buffer.size);
    message_writer_deinit(&w);
    return r;
}

/* What a large job has taken does not stay with the process. */
static void serve_tidy(void) {
    compiler_tidy();
    if (mallinfo2().fordblks > SERVE_FREE_MEMORY)
        malloc_trim(SERVE_FREE_MEMORY);
}

static int serve_compile(uint64_t id, Str unit, CompileWhat what, Str method) {
    Pool pool = {.limit = COMPILE_POOL_LIMIT};
    Image image = {0};
    Done done = {.image = &image, .dump = what != COMPILE_IMAGE};
    serve_state.job = id;
    sandbox_start_clock(serve_state.limits);
    compiler_run(&pool, unit, what, method, &image, &done.error);
    sandbox_stop_clock();
    serve_state.job = 0;
    int r = serve_answer(id, &done);
    pool_deinit(&pool);
    serve_tidy();
    return r;
}

static int serve_job(const MsgMessage *m) {
    Str unit, word, method = STR_NULL;
    CompileWhat what;
    if (m->number != MESSAGE_JOB || m->id == 0 || !wire_bin(wire_find(&m->body, "unit"), &unit) ||
        !wire_str(wire_find(&m->body, "what"), &word) || !compile_what(word, &what))
        return -EBADMSG;
    if (wire_find(&m->body, "method") && !wire_str(wire_find(&m->body, "method"), &method))
        return -EBADMSG;
    return serve_compile(m->id, unit, what, method);
}

static int serve_frame(Str frame) {
    msgpack_unpacked owner;
    MsgMessage m;
    int r = message_read(frame, &owner, &m);
    r = r ? -EBADMSG : serve_job(&m);
    msgpack_unpacked_destroy(&owner);
    return r;
}

/* All whole frames that have come. */
static int serve_frames(FrameBuffer *frames) {
    Str frame;
    int r;
    while ((r = frame_buffer_next(frames, &frame)) == 1) {
        r = serve_frame(frame);
        if (r < 0)
            return r;
    }
    return r;
}

int serve(int in, int out, const SandboxLimits *limits) {
    cleanup(frame_buffer_deinit) FrameBuffer frames = FRAME_BUFFER_NULL;
    serve_state = (Serve){.out = out, .limits = limits};
    int r = serve_identity();
    compiler_tidy();
    while (r == 0) {
        char *at;
        size_t room;
        r = frame_buffer_reserve(&frames, 64 * 1024, &at, &room);
        if (r < 0)
            break;
        ssize_t n = read(in, at, room);
        if (n == 0)
            return frame_buffer_partial(&frames) ? -EBADMSG : 0;
        if (n < 0 && errno != EINTR)
            return -errno;
        frame_buffer_commit(&frames, n > 0 ? (size_t)n : 0);
        r = serve_frames(&frames);
    }
    return r;
}
