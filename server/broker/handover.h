/* Taking over what the daemon before this one had: its ledgers (ledger.h), and the arenas that they speak of. An arena's descriptor
 * comes from the service manager's store, from a client that still has it open, or is found in a client of this very user. */
#pragma once
#include "server/broker/tenants.h"

struct Broker;
struct Peer;

#define HANDOVER_WAIT_MS 75 /* from the start on: newcomers wait that long for those who can hand an arena back */

void handover_stash(int fd, const char *name); /* from the manager's store; takes the descriptor */

typedef enum Handover {
    HANDOVER_DONE,
    HANDOVER_NOTHING, /* there is nothing to take over */
    HANDOVER_MISSING, /* there is, but nobody has handed back the arena yet */
} Handover;

/* The tenant that (uid, namespace) had. `arena`: a descriptor that a client handed back, or -1; believed only if it is the very file
 * that the ledger speaks of. */
Handover handover_adopt(struct Broker *broker, uid_t uid, Str namespace_, int arena, Tenant **ret_tenant);
/* Whether the ledger of (uid, namespace) speaks of that arena. */
bool handover_expects(const struct Broker *broker, uid_t uid, Str namespace_, uint64_t device, uint64_t inode);

/* A new tenant's arena and knowledge, kept for the next daemon; and no longer. */
void handover_keep(struct Broker *broker, Tenant *tenant);
void handover_drop(Tenant *tenant);

int handover_start(struct Broker *broker); /* its timer: 0 or a negative errno */
void handover_stop(struct Broker *broker); /* closes it; what nobody can need any more is not kept */
bool handover_waits(const struct Broker *broker);
