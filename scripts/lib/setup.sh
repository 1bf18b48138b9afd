# Sourced by the scripts beside it: finds a Python, makes .venv, installs a hash-locked set into it.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
VENV="$ROOT/.venv"

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$(basename "$0"): $*"
    exit 1
}

# help_if_asked ARGS...: with -h or --help first, prints the comment that opens the calling script, and ends it.
help_if_asked() {
    case "${1:-}" in
        -h | --help)
            awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0" | fmt --split-only --width=80
            exit 0
            ;;
    esac
}

# A pyenv shim is found on PATH and yet fails when run, so a candidate counts only when it has answered.
_is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 13))' </dev/null >/dev/null 2>&1
}

_find_python() {
    local name candidate
    for name in python3.13 python3.14 python3 python; do
        if candidate="$(command -v "$name")" && _is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    while IFS= read -r candidate; do
        if _is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done < <(printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python | sort --version-sort)
    if command -v uv >/dev/null; then
        say "No Python 3.13 or newer was found: uv installs one."
        if uv python install 3.13 >&2 && candidate="$(uv python find 3.13)" && _is_new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    fi
    return 1
}

_apt() {
    if [ "$(id -u)" -eq 0 ]; then
        printf 'apt-get install %s' "$1"
    else
        printf 'sudo apt-get install %s' "$1"
    fi
}

# Debian has 3.13 since trixie; older systems need another way.
_advice() {
    if apt-cache show python3.13 >/dev/null 2>&1; then
        _apt 'python3.13 python3.13-venv'
    else
        printf "this system's packages have none; install uv, and it is fetched from there at the next run"
    fi
}

_make_venv() {
    local python version
    python="$(_find_python)" ||
        die "no Python 3.13 or newer was found; install one: $(_advice)"
    version="$("$python" -c 'import sys; print("{}.{}".format(*sys.version_info))')"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        die "$python cannot make virtual environments; run: $(_apt "python$version-venv")"
    say "Making .venv with $python ..."
    "$python" -m venv --clear "$VENV" >&2 || die "$python could not make a virtual environment in $VENV"
}

_fingerprint() {
    cat "$ROOT/requirements/$1.txt" "$ROOT/pyproject.toml" | sha256sum | cut -d' ' -f1
}

_is_set_up() {
    [ "$(cat "$VENV/.lock-$1" 2>/dev/null)" = "$(_fingerprint "$1")" ] && "$VENV/bin/python" -c '' 2>/dev/null
}

_pip_install() {
    "$VENV/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input --root-user-action=ignore "$@" \
        </dev/null >&2
}

# A virtual environment that was moved or copied still points at the old place, so it is made anew.
_venv_works() {
    [ "$("$VENV/bin/python" -c 'import pip, sys; print(sys.prefix)' 2>/dev/null)" = "$VENV" ] &&
        [ "$(sed -n '1s/^#!//p' "$VENV/bin/pip")" = "$VENV/bin/python" ]
}

_install() {
    local lock="$1"
    _venv_works || _make_venv
    say "Installing requirements/$lock.txt into .venv (first use, or the lock has changed) ..."
    # The lock is complete, and overrides what one package asks of another (see pyproject.toml).
    _pip_install --require-hashes --no-deps -r "$ROOT/requirements/$lock.txt" ||
        die "requirements/$lock.txt could not be installed (see above); check the connection and run it again"
    _pip_install --no-deps --no-build-isolation --editable "$ROOT" ||
        die "the project itself could not be installed into .venv (see above)"
    # Otherwise the first start would build it, before the radio is opened.
    "$VENV/bin/python" -P -m device_plugins.zigbee.quirks </dev/null >&2 ||
        say "The index of quirks could not be built now; the first start builds it."
    _fingerprint "$lock" >"$VENV/.lock-$lock"
    # The development set holds the runtime set at the same versions.
    [ "$lock" != dev ] || _fingerprint runtime >"$VENV/.lock-runtime"
    say "Ready."
}

_has_mosquitto() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mosquitto >/dev/null
}

# set_up_mosquitto: installs the MQTT broker when it may, else says how; tests and the demo can do without.
set_up_mosquitto() {
    _has_mosquitto && return
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "Installing mosquitto, a broker for MQTT ..."
        if { apt-get install --yes --no-install-recommends mosquitto ||
            { apt-get update && apt-get install --yes --no-install-recommends mosquitto; }; } </dev/null >/dev/null 2>&1 &&
            _has_mosquitto; then
            return
        fi
    fi
    say "MQTT is left out, as mosquitto is not installed; run: $(_apt mosquitto)"
}

# set_up runtime|dev: returns at once when .venv already holds that lock.
set_up() {
    _is_set_up "$1" && return
    (
        if command -v flock >/dev/null; then
            flock --nonblock 9 || { say "Another setup is under way: waiting for it ..." && flock 9; }
        fi
        _is_set_up "$1" || _install "$1" 9>&-
    ) 9>"$ROOT/.setup.lock" || exit 1
}

_zwave_is_set_up() {
    [ "$(cat "$1/.lock" 2>/dev/null)" = "$(sha256sum <"$2/package-lock.json")" ]
}

_install_zwave() {
    local folder="$1" server="$2" major
    major="$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p')"
    [ -n "$major" ] || { say "Z-Wave is left out: Node.js is not installed." && return 1; }
    [ "$major" -ge 20 ] || { say "Z-Wave is left out: Node.js $major is too old, it needs 20 or newer." && return 1; }
    command -v npm >/dev/null || { say "Z-Wave is left out: npm is not installed." && return 1; }
    say "Installing the Z-Wave server into ${folder#"$ROOT"/} (first use, or its lock has changed) ..."
    mkdir -p "$folder"
    cp "$server/package.json" "$server/package-lock.json" "$folder/"
    # No script of a package runs: the serial port's binary comes ready-made with it.
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2) ||
        { say "Z-Wave is left out: its packages could not be installed (see above)." && return 1; }
    sha256sum <"$server/package-lock.json" >"$folder/.lock"
}

# set_up_zwave: installs the Z-Wave server into build/zwave; fails, with the reason told, where that cannot be done.
set_up_zwave() {
    local folder="$ROOT/build/zwave" server="$ROOT/device_plugins/zwave/server"
    _zwave_is_set_up "$folder" "$server" && return
    (
        if command -v flock >/dev/null; then flock 9; fi
        _zwave_is_set_up "$folder" "$server" || _install_zwave "$folder" "$server" 9>&-
    ) 9>"$ROOT/.setup.lock"
}
