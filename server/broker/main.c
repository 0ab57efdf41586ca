/* jitd, the daemon: sets up its parts, runs the loop, takes them down again. It compiles nothing, executes no generated
 * code and believes nobody. */
#include "base/cleanup.h"
#include "server/broker/broker.h"
#include "server/broker/handover.h"
#include "server/broker/identity.h"
#include "server/broker/ledger.h"
#include "server/broker/listen.h"
#include "server/broker/log.h"
#include "server/broker/notify.h"
#include "server/broker/options.h"
#include "server/broker/step.h"
#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

static void broker_stop(Broker *broker) {
    if (uv_is_closing((uv_handle_t *)&broker->idle))
        return;
    notify_systemd("STOPPING=1");
    uv_close((uv_handle_t *)&broker->idle, NULL);
    uv_close((uv_handle_t *)&broker->terminate, NULL);
    uv_close((uv_handle_t *)&broker->interrupt, NULL);
    uv_close((uv_handle_t *)&broker->hangup, NULL);
    uv_close((uv_handle_t *)&broker->watchdog, NULL);
    broker->stopping = true;
    handover_stop(broker);
    peers_stop(&broker->peers);
    lingers_stop(&broker->lingers);
    workers_stop(&broker->workers);
}

static void broker_signalled(uv_signal_t *handle, int signal_) {
    Broker *broker = handle->data;
    if (signal_ == SIGHUP) {
        broker_reload(broker);
        return;
    }
    log_at(LOG_NOTICE, "%s: stops, with %u connections", signal_ == SIGTERM ? "SIGTERM" : "SIGINT",
           broker->peers.count);
    broker_stop(broker);
}

/* Whoever has connected by now has found a daemon, which must not leave then. The next ones do not find it, until it is there again. */
static bool somebody_came(Broker *broker) {
    listener_hide(broker->listener);
    if (!peers_take_last(&broker->peers))
        return false;
    int r = listener_show(broker->listener);
    if (r < 0)
        log_at(LOG_WARNING, "the socket cannot be made again: %s",
               strerror(-r)); /* others start a daemon when this one leaves */
    else
        peers_listen(&broker->peers);
    return true;
}

static void broker_idle(uv_timer_t *timer) {
    Broker *broker = timer->data;
    if (!broker_is_idle(broker) || somebody_came(broker)) /* it is started again when the last one leaves */
        return;
    log_at(LOG_INFO, "no client for %u s: stops", broker->idle_exit_s);
    broker_stop(broker);
}

static void broker_identified(void *arg) {
    Broker *broker = arg;
    const Workers *w = &broker->workers;
    if (w->have_identity)
        identity_remember(&broker->cache, w->path, &w->identity);
    peers_resume(&broker->peers);
}

static uint64_t memory_of_machine(void) {
    struct sysinfo info;
    return sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
}

static void broker_set_up_tenants(Broker *broker, const Options *options) {
    broker->config.defaults = (Limits){.arena = options->arena_quota,
                                       .code = JITD_WINDOW_SIZE,
                                       .connections = PEERS_MAX_PER_UID,
                                       .arena_total = (uint64_t)1 << 50,
                                       .compile_s = CONFIG_HOUR_S * 1000};
    broker->tenants = (Tenants){.segment_size = options->segment_size / 4096 * 4096,
                                .arena_size = ARENA_DEFAULT_SIZE,
                                .arena_quota = options->arena_quota,
                                .memory = memory_of_machine(),
                                .config = &broker->config};
}

static int broker_set_up_workers(Broker *broker, const Options *options) {
    Workers *w = &broker->workers;
    w->path = options->worker;
    w->max = options->max_workers;
    w->idle_ms = options->worker_idle_ms;
    w->deadline_ms = options->deadline_ms;
    w->memory = options->memory;
    w->on_identity = broker_identified;
    w->arg = broker;
    w->have_identity = identity_recall(&broker->cache, w->path, &w->identity) == 0;
    broker->jobs = (Jobs){.workers = w, .config = &broker->config, .on_done = compile_done, .arg = broker};
    return workers_init(w, &broker->loop);
}

static int broker_set_up_peers(Broker *broker, const Listener *listener) {
    broker->peers.ops =
        (PeerOps){.message = dispatch_message, .left = dispatch_left, .kept = dispatch_kept, .arg = broker};
    broker->peers.any_uid = !listener->path;
    broker->peers.config = &broker->config;
    broker->listener = listener;
    broker->lingers = (Lingers){.loop = &broker->loop, .gone = dispatch_gone, .arg = broker};
    return peers_init(&broker->peers, &broker->loop, listener->fd);
}

/* Held back from before the socket is there until they are handled: who could connect may also ask us to leave. */
static void hold_signals(int how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(how, &set, NULL);
}

/* Where it cannot be written down, the next daemon begins anew: no reason not to serve. */
static int broker_set_up_handover(Broker *broker, const Listener *listener) {
    const char *path = broker->options->state_dir;
    broker->private = listener->path != NULL;
    broker->state_dir = path && *path ? ledger_open_dir(path) : -1;
    if (path && *path && broker->state_dir < 0)
        log_at(LOG_WARNING, "%s: %s: the next daemon will begin anew", path, strerror(-broker->state_dir));
    return handover_start(broker);
}

static int broker_set_up_signal(Broker *broker, uv_signal_t *handle, int signal_) {
    handle->data = broker;
    int r = uv_signal_init(&broker->loop, handle);
    return r == 0 ? uv_signal_start(handle, broker_signalled, signal_) : r;
}

static int broker_set_up_signals(Broker *broker) {
    broker->idle.data = broker;
    int r = uv_timer_init(&broker->loop, &broker->idle);
    if (r == 0)
        r = uv_timer_start(&broker->idle, broker_idle, broker->idle_exit_s * (uint64_t)1000, 0);
    if (r == 0 && !broker->idle_exit_s)
        uv_timer_stop(&broker->idle);
    if (r == 0)
        r = broker_set_up_signal(broker, &broker->terminate, SIGTERM);
    if (r == 0)
        r = broker_set_up_signal(broker, &broker->interrupt, SIGINT);
    if (r == 0)
        r = broker_set_up_signal(broker, &broker->hangup, SIGHUP);
    if (r == 0)
        r = notify_watchdog_start(&broker->loop, &broker->watchdog);
    return r < 0 ? r : 0;
}

static void broker_open_cache(Broker *broker, const Options *options) {
    broker->cache = CACHE_NULL;
    int r = *options->cache_dir ? cache_open(options->cache_dir, options->cache_size, &broker->cache) : 0;
    if (r < 0)
        log_at(LOG_WARNING, "no disk cache: %s: %s", options->cache_dir, strerror(-r));
}

static void broker_say_start(const Broker *broker, const Listener *listener) {
    const Options *o = broker->options;
    log_at(LOG_NOTICE, "jitd %s serves %s: %u compiler processes at most, cache %s, configuration %s", JITD_VERSION,
           listener->path ? listener->path : "systemd's socket", o->max_workers, *o->cache_dir ? o->cache_dir : "none",
           o->config ? o->config : "none");
}

/* Before there is a socket: nobody is connected to a daemon whose configuration is wrong. */
static int broker_configure(Broker *broker, const Options *options) {
    broker->options = options;
    broker->idle_exit_s = options->idle_exit_s;
    broker_set_up_tenants(broker, options);
    return broker_read_config(broker) ? -EINVAL : 0;
}

static int broker_run(Broker *broker, const Listener *listener) {
    const Options *options = broker->options;
    int r = uv_loop_init(&broker->loop);
    if (r < 0)
        return r;
    broker_open_cache(broker, options);
    r = broker_set_up_workers(broker, options);
    if (r == 0)
        r = broker_set_up_signals(broker);
    if (r == 0)
        r = broker_set_up_handover(broker, listener);
    if (r == 0)
        r = broker_set_up_peers(broker, listener);
    if (r < 0)
        return r;
    hold_signals(SIG_UNBLOCK);
    broker->stats.started_ms = uv_now(&broker->loop);
    broker_say_start(broker, listener);
    BROKER_STEP();
    notify_systemd("READY=1");
    uv_run(&broker->loop, UV_RUN_DEFAULT);
    tenants_deinit(&broker->tenants);
    workers_deinit(&broker->workers);
    if (broker->state_dir >= 0)
        close(broker->state_dir);
    if (broker->private && options->state_dir)
        rmdir(options->state_dir); /* if nothing is left in it */
    cache_deinit(&broker->cache);
    return uv_loop_close(&broker->loop);
}

/* A peer, a worker pipe, four fds a tenant: the usual soft limit of 1024 is less than PEERS_MAX needs. */
static void raise_fd_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int listen_somewhere(const Options *options, Listener *ret_listener) {
    int r = listener_from_systemd(ret_listener, handover_stash);
    if (r != 1)
        return r;
    if (!options->socket) {
        log_at(LOG_ERROR, "no --socket, and none from systemd");
        return -EINVAL;
    }
    return listener_open(options->socket, ret_listener);
}

int main(int argc, char **argv) {
    static Broker broker;
    Options options;
    Listener listener = LISTENER_NULL;
    int r = options_read(argc, argv, &options);
    if (r)
        return r == 1 ? 0 : 2;
    signal(SIGPIPE, SIG_IGN);
    hold_signals(SIG_BLOCK);
    umask(077);
    log_set_level(options.log_level);
    raise_fd_limit();
    if ((r = log_open(options.log)) < 0 || sodium_init() < 0) {
        fprintf(stderr, "jitd: %s: %s\n", options.log ? options.log : "libsodium", strerror(-r));
        return 1;
    }
    r = broker_configure(&broker, &options);
    if (r == 0)
        r = listen_somewhere(&options, &listener);
    if (r == 0)
        r = broker_run(&broker, &listener);
    else if (r == 1)
        r = 0; /* another one serves already */
    if (r < 0)
        log_at(LOG_ERROR, "%s: %s", options.socket ? options.socket : "the socket", strerror(-r));
    listener_deinit(&listener);
    options_deinit(&options);
    return r < 0;
}
