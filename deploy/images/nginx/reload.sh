# Make nginx read a changed configuration or certificate. Unchanged ones are left alone: a reload closes the idle
# connections of clients, and one that is about to ask on such a connection sees it end.
. /etc/ontime/loaded.sh
[ "$(what_is_loaded)" = "$(cat /tmp/loaded)" ] && exit 0
nginx -q -t -c /etc/ontime/gateway.conf || exit 1
nginx -c /etc/ontime/gateway.conf -s reload
what_is_loaded >/tmp/loaded
