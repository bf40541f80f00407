# Sourced by script/run, script/test and script/check: what a fresh machine needs before the job itself.
# shellcheck shell=bash

say() { printf '%s\n' "== $*" >&2; }

stop() {
    printf '%s\n' "!! $*" >&2
    exit 1
}

# Whoever ends the script ends what it started.
end() {
    trap '' INT TERM HUP
    # shellcheck disable=SC2046  # a list of process ids
    kill $(jobs -p) 2>/dev/null || true
    wait
    exit "$1"
}
trap 'end 129' HUP
trap 'end 130' INT
trap 'end 143' TERM

# Set-up steps may take minutes. Waiting for them in the background lets a signal end them at once.
patiently() {
    "$@" &
    wait $!
}

choose_python() {
    local name
    for name in python3.11 python3; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            PYTHON=$name
            return
        fi
    done
    stop "Python 3.11 or newer is needed, and neither python3.11 nor python3 is one."
}

# One that came along with a copied or moved tree still works on the old tree, so it does not count.
has_virtual_environment() {
    grep -qsF "$(pwd -P)/.venv/" .venv/bin/pip && .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

missing_packages() {
    has_virtual_environment || "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || echo "$PYTHON-venv"
    "$PYTHON" script/system_packages.py
}

# Package lists may be absent or stale, so a first try without refreshing them is allowed to fail.
apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    local install=(apt-get install -y --no-install-recommends "$@")
    patiently "${install[@]}" >/dev/null 2>&1 || { patiently apt-get update -q && patiently "${install[@]}"; } >&2
}

install_system_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} != 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        stop "These system packages are missing (by their Debian names): ${missing[*]}"
    elif [ "$(id -u)" != 0 ]; then
        say "System packages are missing. Install them, then start again:"
        echo "sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    say "Installing system packages: ${missing[*]}"
    apt_install "${missing[@]}" || stop "apt-get could not install: ${missing[*]}"
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} = 0 ] || stop "Still missing after installing: ${missing[*]}"
}

make_virtual_environment() {
    ! has_virtual_environment || return 0
    [ ! -L .venv ] || rm .venv  # a link leads to another tree's, which is not ours to clear
    say "Creating .venv with $PYTHON"
    patiently "$PYTHON" -m venv --clear .venv
}

# The development lock holds every line of the other one, so it stands in for it.
install_locked_packages() {
    local lock=$1 digest
    digest=$(sha256sum <"$lock")
    [ "$(cat ".venv/$lock.installed" 2>/dev/null)" != "$digest" ] || return 0
    say "Installing the packages of $lock"
    patiently .venv/bin/python -m pip install --disable-pip-version-check -qq --require-hashes -r "$lock" >&2
    echo "$digest" >".venv/$lock.installed"
    if [ "$lock" = requirements-dev.lock ]; then
        sha256sum <requirements.lock >.venv/requirements.lock.installed
    fi
}

# Tokens and sessions hang on this key: made once, kept out of the repository.
provide_secret_key() {
    [ -z "${SECRET_KEY:-}" ] || return 0
    if [ ! -s var/secret_key ]; then
        (umask 077 && "$PYTHON" -c 'import secrets; print(secrets.token_urlsafe(50))' >var/secret_key)
    fi
    SECRET_KEY=$(cat var/secret_key)
    export SECRET_KEY
}

# Two scripts started at once in one tree take turns here.
set_up() {
    local lock=$1
    mkdir -p var/log
    exec 9>var/set_up.lock
    if command -v flock >/dev/null && ! flock -n 9; then
        say "Waiting for another script that is setting up this tree"
        patiently flock 9
    fi
    install_system_packages
    make_virtual_environment
    install_locked_packages "$lock"
    provide_secret_key
    exec 9>&-
}
