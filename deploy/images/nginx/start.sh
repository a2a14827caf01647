# Start nginx with what the environment and the secrets say, and note which configuration it runs.
CERTIFICATE=/run/secrets/gateway_certificate
KEY=/run/secrets/gateway_key
for part in zones limits tls redirect; do : >/tmp/$part.conf; done

# `limit NAME RATE VARIABLE`: requests a second of each value of a variable. One gateway counts for all workers of all
# replicas. Half a second's worth may come at once.
limit() {
  [ -n "$2" ] || return 0
  case "$2" in
    *[!0-9]* | 0*) echo "$1: expected whole requests a second, 1 or more, got $2" >&2; exit 1 ;;
  esac
  echo "limit_req_zone $3 zone=$1:10m rate=$2r/s;" >>/tmp/zones.conf
  echo "limit_req zone=$1 burst=$(($2 / 2 + 1)) nodelay;" >>/tmp/limits.conf
}
limit KEY_RATE "${KEY_RATE:-}" '$presented_key'
limit ADDRESS_RATE "${ADDRESS_RATE:-}" '$binary_remote_addr'

if [ -s "$CERTIFICATE" ]; then
  echo "listen 8443 ssl; ssl_certificate $CERTIFICATE; ssl_certificate_key $KEY;" >/tmp/tls.conf
  port=":${TLS_PORT:-443}"
  [ "$port" = :443 ] && port=
  # 308 and not 301: a POST stays one.
  echo "server { listen 8081; location / { return 308 https://\$host$port\$request_uri; } }" >/tmp/redirect.conf
fi
. /etc/ontime/loaded.sh
what_is_loaded >/tmp/loaded
exec nginx -c /etc/ontime/gateway.conf
