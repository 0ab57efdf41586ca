/* Limits and log, read at the start and again on SIGHUP. A daemon does not start with a wrong file; one that runs stays as it was. */
#include "server/broker/broker.h"
#include "server/broker/notify.h"
#include <errno.h>
#include <string.h>

static void apply_limits(Broker *broker) {
    log_set_level(broker->config.log_level);
    for (Tenant *t = broker->tenants.list; t; t = t->next)
        tenant_set_limits(&broker->tenants, t);
}

static int read_config(Broker *broker, const char *wrong, bool must_be_there) {
    char error[CONFIG_ERROR];
    Config config = {.defaults = broker->config.defaults, .log_level = broker->options->log_level};
    int r = broker->options->config ? config_read(broker->options->config, &config, error, sizeof error) : 0;
    if (r == 1 || (r == -ENOENT && must_be_there)) {
        log_at(LOG_ERROR, "%s: %s", wrong, error);
        return 1;
    }
    broker->config = config;
    apply_limits(broker);
    return 0;
}

int broker_read_config(Broker *broker) {
    return read_config(broker, "the configuration is wrong", false);
}

void broker_reload(Broker *broker) {
    notify_reloading();
    int r = broker->options->log ? log_open(broker->options->log) : 0;
    if (r < 0)
        log_at(LOG_ERROR, "%s: %s", broker->options->log, strerror(-r));
    if (!broker->options->config)
        log_at(LOG_NOTICE, "SIGHUP: there is no configuration file to read again (--config)");
    else if (read_config(broker, "the configuration is left as it was", true) == 0)
        log_at(LOG_NOTICE, "SIGHUP: %s has been read again", broker->options->config);
    notify_systemd("READY=1");
}
