# shellcheck shell=bash
# RabbitMQ: novalike's bus. A node of our own, with its own port mapper.

start_rabbitmq() {
  [ -z "$RABBIT_URL" ] || return 0
  mkdir -p "$DATA/rabbitmq" "$LOGS/rabbitmq"
  write "$ETC/rabbitmq.conf" <<EOF
listeners.tcp.default = 127.0.0.1:$RABBIT_PORT
default_user = novalike
default_pass = $SERVICE_PASSWORD
vm_memory_high_watermark.absolute = 1GB
log.console = true
log.console.level = warning
log.file = false
EOF
  write "$ETC/rabbitmq-plugins" <<<'[].'
  # busy waiting in the schedulers would cost half a core on a small machine
  local erl="+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"
  program epmd "/usr/bin/epmd -port $EPMD_PORT -address 127.0.0.1" priority=5
  program rabbitmq /usr/lib/rabbitmq/bin/rabbitmq-server files="$ETC/rabbitmq.conf" priority=10 stopasgroup=true \
    environment="HOME=\"$DATA/rabbitmq\",RABBITMQ_NODENAME=\"novalike-devstack@localhost\",RABBITMQ_MNESIA_BASE=\"$DATA/rabbitmq\",RABBITMQ_LOG_BASE=\"$LOGS/rabbitmq\",RABBITMQ_CONFIG_FILE=\"$ETC/rabbitmq\",RABBITMQ_ENABLED_PLUGINS_FILE=\"$ETC/rabbitmq-plugins\",RABBITMQ_NODE_PORT=\"$RABBIT_PORT\",RABBITMQ_DIST_PORT=\"$RABBIT_DIST_PORT\",ERL_EPMD_PORT=\"$EPMD_PORT\",ERL_EPMD_ADDRESS=\"127.0.0.1\",RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=\"$erl\""
  start_programs
}
wait_for_rabbitmq() { [ -n "$RABBIT_URL" ] || within 90 listening "$RABBIT_PORT"; }

transport_url() { echo "${RABBIT_URL:-rabbit://novalike:$SERVICE_PASSWORD@127.0.0.1:$RABBIT_PORT/}"; }
