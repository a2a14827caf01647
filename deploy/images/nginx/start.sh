# Start nginx, and note which configuration it runs.
sha256sum /etc/ontime/gateway.conf >/tmp/loaded
exec nginx -c /etc/ontime/gateway.conf
