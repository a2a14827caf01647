# Sourced by the entrypoints: `secret NAME` prints the secret NAME, which Compose mounts as a file.
# A password goes into the environment of this one process, never into the container's configuration.
secret() {
  value=$(cat "/run/secrets/$1") || { echo "secret $1 is not mounted" >&2; exit 1; }
  case $value in
    '' | *[!A-Za-z0-9_.-]*) echo "secret $1: expected letters, digits, '_', '.' and '-' only" >&2; exit 1 ;;
  esac
  printf '%s' "$value"
}

# `database_url DRIVER NAME` prints the address of this service's own database.
database_url() {
  printf '%s://%s:%s@%s:%s/%s' "$1" "$2" "$(secret "$2_database_password")" \
    "${DATABASE_HOST:-postgres}" "${DATABASE_PORT:-5432}" "$2"
}
