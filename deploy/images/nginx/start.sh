# Start nginx, and note which configuration it runs.
: >/tmp/key_rate.conf
: >/tmp/key_limit.conf
if [ -n "$KEY_RATE" ]; then
  case "$KEY_RATE" in
    *[!0-9]* | 0*) echo "KEY_RATE: expected whole requests a second, 1 or more, got $KEY_RATE" >&2; exit 1 ;;
  esac
  # One gateway counts for all workers of all replicas. Half a second's worth may come at once.
  echo "limit_req_zone \$presented_key zone=keys:10m rate=${KEY_RATE}r/s;" >/tmp/key_rate.conf
  echo "limit_req zone=keys burst=$((KEY_RATE / 2 + 1)) nodelay; limit_req_status 429;" >/tmp/key_limit.conf
fi
sha256sum /etc/ontime/gateway.conf >/tmp/loaded
exec nginx -c /etc/ontime/gateway.conf
