/* The daemon's parts together, and the handlers of its messages. */
#pragma once
#include "server/broker/cache.h"
#include "server/broker/config.h"
#include "server/broker/jobs.h"
#include "server/broker/linger.h"
#include "server/broker/listen.h"
#include "server/broker/options.h"
#include "server/broker/peers.h"
#include "server/broker/stats.h"
#include "server/broker/tenants.h"
#include "server/broker/workers.h"

typedef struct Broker {
    uv_loop_t loop;
    uv_timer_t idle, watchdog, handover;
    uv_signal_t terminate, interrupt, hangup;
    const Options *options;
    const Listener *listener;
    Config config;
    int state_dir;       /* of ledgers; -1: none */
    bool private;        /* its socket is its own: it serves this user alone (and root) */
    bool handover_waits; /* it has just begun: who has an arena of the daemon before may still come */
    bool stopping;
    unsigned idle_exit_s; /* 0: never */
    Peers peers;
    Tenants tenants;
    Lingers lingers;
    Workers workers;
    Jobs jobs;
    Cache cache;
    Stats stats;
} Broker;

/* reload.c */
/* Reads the configuration file at the start, if the options name one: 0; or 1, and what is wrong has been logged. */
int broker_read_config(Broker *broker);
void broker_reload(Broker *broker); /* SIGHUP */

/* dispatch.c */
PeerHandled dispatch_message(void *broker, Peer *peer, const MsgMessage *m); /* PeerOps.message */
void dispatch_left(void *broker, Peer *peer);                                /* PeerOps.left */
unsigned dispatch_kept(void *broker, const struct ucred *who, bool all);     /* PeerOps.kept */
void dispatch_gone(void *broker, void *tenant, uint32_t row);                /* Lingers.gone */
void dispatch_refuse(Peer *peer, const MsgMessage *m, const char *code, const char *message);
bool broker_is_idle(const Broker *broker); /* no peer but observers */

/* compile.c */
PeerHandled compile_lookup(Broker *broker, Peer *peer, const MsgMessage *m);
PeerHandled compile_compile(Broker *broker, Peer *peer, const MsgMessage *m);
PeerHandled compile_dump(Broker *broker, Peer *peer, const MsgMessage *m);
void compile_done(void *broker, Job *job, const MsgMessage *done, Str frame, const Key *identity, const char *failure);

/* report.c */
PeerHandled report_stats(Broker *broker, Peer *peer, const MsgMessage *m);
PeerHandled report_classes(Broker *broker, Peer *peer, const MsgMessage *m);
void report_forget(Peer *peer); /* what it is not to be answered any more */

/* operate.c */
PeerHandled operate_names(Broker *broker, Peer *peer, const MsgMessage *m);
PeerHandled operate_clients(Broker *broker, Peer *peer, const MsgMessage *m);
PeerHandled operate_namespaces(Broker *broker, Peer *peer, const MsgMessage *m);
PeerHandled operate_log(Broker *broker, Peer *peer, const MsgMessage *m);
PeerHandled operate_purge(Broker *broker, Peer *peer, const MsgMessage *m);
