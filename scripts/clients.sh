# shellcheck shell=bash
# Makes the client programs of `clients` ready to run, for the scripts beside this file: a Python environment
# and Node packages under target/clients, of exactly the versions that are pinned. Source it and call
# `prepare_clients`; it is quick when nothing has changed. `tests/clients.rs` runs what is made here.

clients_folder="${CARGO_TARGET_DIR:-target}/clients"

# Installs Debian packages, as root or with sudo.
install_packages() {
    command -v apt-get >/dev/null || fail "no apt-get to install $* with: install them and run this again"
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "run 'apt-get install $*' as root first"
        root=(sudo)
    fi
    "${root[@]}" apt-get update -q
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

# Whether what was made in a folder was made of these very files.
made_of() {
    local folder=$1
    shift
    [ -f "$folder/made-of" ] && cat "$@" | cmp -s - "$folder/made-of"
}

prepare_python() {
    local folder=$clients_folder/python pinned=clients/python/requirements.txt
    local contract=(proto/childsync/v1/*.proto)
    made_of "$folder" "$pinned" "${contract[@]}" && [ -x "$folder/bin/python" ] && return 0
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3 python3-venv
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$pinned"
    mkdir "$folder/contract"
    "$folder/bin/python" -m grpc_tools.protoc --proto_path=proto --python_out="$folder/contract" \
        --grpc_python_out="$folder/contract" "${contract[@]}"
    cat "$pinned" "${contract[@]}" >"$folder/made-of"
}

prepare_node() {
    local folder=$clients_folder/node pinned=(clients/node/package.json clients/node/package-lock.json)
    local modules=clients/node/node_modules
    if ! made_of "$folder" "${pinned[@]}"; then
        command -v node >/dev/null && command -v npm >/dev/null || install_packages nodejs npm
        rm -rf "$folder"
        mkdir -p "$folder"
        cp "${pinned[@]}" "$folder"
        (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
        cat "${pinned[@]}" >"$folder/made-of"
    fi
    # A folder of somebody's own `npm ci` stays.
    if [ -L "$modules" ] || [ ! -e "$modules" ]; then
        ln -sfn "$(cd "$folder" && pwd)/node_modules" "$modules"
    fi
}

prepare_clients() {
    mkdir -p "$clients_folder"
    prepare_python
    prepare_node
    command -v curl >/dev/null || install_packages curl
}
