# shellcheck shell=bash
# A throw-away PostgreSQL server on a private socket, for the scripts beside this file. Source it, call
# `start_postgres`, and the server lives until `stop_postgres`.
#
# Sets `postgres_url` to the address of the server's one database.

postgres_work=""
postgres_user=""

fail() {
    printf '%s: %s\n' "scripts/${0##*/}" "$1" >&2
    exit 1
}

# Runs a command as the user that the throw-away server belongs to.
as_server() {
    if [ -n "$postgres_user" ]; then
        runuser -u "$postgres_user" -- "$@"
    else
        "$@"
    fi
}

find_server() {
    for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) \
        "$(pg_config --bindir 2>/dev/null || true)" /usr/local/bin /usr/bin; do
        if [ -n "$folder" ] && [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
            printf '%s\n' "$folder"
            return 0
        fi
    done
    return 1
}

install_server() {
    command -v apt-get >/dev/null || fail "no PostgreSQL server found and no apt-get to install one: install PostgreSQL 14 or newer"
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "no PostgreSQL server found: run 'apt-get install postgresql' as root first"
        root=(sudo)
    fi
    "${root[@]}" apt-get update -q
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql
}

# Starts a server, after installing one if there is none. Takes further lines of its configuration.
start_postgres() {
    if ! server_binaries=$(find_server); then
        install_server
        server_binaries=$(find_server) || fail "PostgreSQL was installed and its server was not found"
    fi
    # A short path: a socket's name has room for about a hundred bytes.
    postgres_work=$(mktemp -d /tmp/childsync-test-XXXXXX)
    if [ "$(id -u)" -eq 0 ]; then
        # PostgreSQL refuses to run as root.
        postgres_user=postgres
        id "$postgres_user" >/dev/null 2>&1 || postgres_user=nobody
        chown "$postgres_user" "$postgres_work"
    fi
    chmod 755 "$postgres_work"
    local owner
    owner=${postgres_user:-$(id -un)}
    as_server "$server_binaries/initdb" -D "$postgres_work/data" -A trust -U "$owner" -E UTF8 --no-locale \
        >"$postgres_work/initdb.log" 2>&1 || { cat "$postgres_work/initdb.log" >&2; fail "initdb failed"; }
    cat >>"$postgres_work/data/postgresql.conf" <<CONFIGURATION
listen_addresses = ''
unix_socket_directories = '$postgres_work'
max_connections = 200
shared_buffers = 256MB
max_wal_size = 2GB
CONFIGURATION
    if [ "$#" -gt 0 ]; then
        printf '%s\n' "$@" >>"$postgres_work/data/postgresql.conf"
    fi
    as_server "$server_binaries/pg_ctl" -D "$postgres_work/data" -w -l "$postgres_work/data/server.log" start \
        >/dev/null 2>&1 || { cat "$postgres_work/data/server.log" >&2; fail "PostgreSQL did not start"; }
    postgres_url="postgres://$owner@localhost/postgres?host=$postgres_work"
}

# Stops the server and removes everything it wrote.
stop_postgres() {
    if [ -n "$postgres_work" ]; then
        if [ -f "$postgres_work/data/postmaster.pid" ]; then
            as_server "$server_binaries/pg_ctl" -D "$postgres_work/data" -m immediate -w stop >/dev/null 2>&1 || true
        fi
        rm -rf "$postgres_work"
    fi
}

# Makes sure that the server goes when the script does, however that ends.
stop_postgres_at_end() {
    trap 'status=$?; trap - EXIT INT TERM; stop_postgres; exit "$status"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}
