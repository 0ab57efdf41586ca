/* Limits and log, read at the start and again on SIGHUP. What is wrong with the file leaves everything as it was. */
#include "server/broker/broker.h"
#include "server/broker/notify.h"
#include <errno.h>
#include <string.h>

static void apply_limits(Broker *broker) {
    log_set_level(broker->config.log_level);
    for (Tenant *t = broker->tenants.list; t; t = t->next)
        tenant_set_limits(&broker->tenants, t);
}

int broker_read_config(Broker *broker, bool must_be_there) {
    char error[CONFIG_ERROR];
    Config config = {.defaults = broker->config.defaults, .log_level = broker->options->log_level};
    int r = broker->options->config ? config_read(broker->options->config, &config, error, sizeof error) : 0;
    if (r == 1 || (r == -ENOENT && must_be_there)) {
        log_at(LOG_ERROR, "the configuration is left as it was: %s", error);
        return 1;
    }
    broker->config = config;
    apply_limits(broker);
    return 0;
}

void broker_reload(Broker *broker) {
    notify_reloading();
    int r = broker->options->log ? log_open(broker->options->log) : 0;
    if (r < 0)
        log_at(LOG_ERROR, "%s: %s", broker->options->log, strerror(-r));
    if (!broker->options->config)
        log_at(LOG_NOTICE, "SIGHUP: there is no configuration file to read again (--config)");
    else if (broker_read_config(broker, true) == 0)
        log_at(LOG_NOTICE, "SIGHUP: %s has been read again", broker->options->config);
    notify_systemd("READY=1");
}
