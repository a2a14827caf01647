# Make nginx read a changed configuration. An unchanged one is left alone: a reload closes the idle connections of
# clients, and one that is about to ask on such a connection sees it end.
sha256sum --quiet --check /tmp/loaded >/dev/null 2>&1 && exit 0
nginx -q -t -c /etc/ontime/gateway.conf || exit 1
nginx -c /etc/ontime/gateway.conf -s reload
sha256sum /etc/ontime/gateway.conf >/tmp/loaded
