# Sourced: `what_is_loaded` prints the checksums of what nginx reads at its start.
what_is_loaded() {
  sha256sum /etc/ontime/gateway.conf
  [ -s /run/secrets/gateway_certificate ] && sha256sum /run/secrets/gateway_certificate
  return 0
}
