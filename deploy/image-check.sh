#!/bin/sh
# Builds the image and runs it: a mail becomes a JSON file, a daemon that is killed or frozen comes
# back, the health check tells it, all ends well, and a second start tells no token. With Docker or
# Podman; else with buildah and a base that debootstrap makes.
#
#     image-check.sh [FOLDER]    FOLDER is scratch room, and kept: the next time is quicker
#
# Status 0 also where nothing here can build an image: it says so.
# shellcheck disable=SC2016,SC2317 # text for the shell inside; functions that are called by name
set -eu

HOME_DIR=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
TAG=localhost/postroom:check
NAME=postroom-check-$$
# Seconds until a daemon must be up or back: a machine may have much else to do.
LIMIT=300

say() { echo "image-check: $*"; }

fail() {
    [ -z "${running:-}" ] || logs | tail -n 30 >&2
    say "FAILED: $*" >&2
    exit 1
}

# step WORDS COMMAND... - say how long it took.
step() {
    words=$1
    shift
    from=$(date +%s)
    "$@" || fail "$words"
    say "$words: $(($(date +%s) - from)) s"
}

# within SECONDS COMMAND... - until it succeeds.
within() {
    limit=$(($(date +%s) + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$(date +%s)" -lt "$limit" ] || return
        sleep 1
    done
}

# The template that tells the words of the health check.
test_of() { echo "{{range $1.Healthcheck.Test}}{{.}} {{end}}"; }

# What is done with a container, by Docker or Podman ...
with_engine() {
    engine=$1
    build() { "$engine" build -f "$HOME_DIR/deploy/Dockerfile" -t "$TAG" "$HOME_DIR"; }
    run() {
        folder=$(mktemp -d)
        trap '"$engine" rm -f "$NAME" > /dev/null; rm -rf -- "$folder"' EXIT
        "$engine" run -d --name "$NAME" --user "$(id -u):$(id -g)" -v "$folder:/postroom" \
            -e POSTROOM_JSON=json -e POSTROOM_FROZEN_SECONDS=10 $TAG > /dev/null
        running=$NAME
    }
    again() { "$engine" start "$NAME" > /dev/null; }
    healthcheck() { "$engine" inspect -f "$(test_of .Config)" "$TAG"; }
    # Programs come on its standard input.
    inside() { "$engine" exec -i "$NAME" "$@"; }
    logs() { "$engine" logs "$NAME" 2>&1; }
    end() {
        "$engine" stop -t 60 "$NAME" > /dev/null
        [ "$("$engine" inspect -f '{{.State.ExitCode}}' "$NAME")" = 0 ]
    }
}

# ... and by buildah, which has no engine: what it starts are processes of this machine.
with_buildah() {
    buildah() {
        command buildah --root "$room/store" --runroot "$room/run" --storage-driver vfs "$@"
    }
    build() {
        # What an earlier build, cut off, left.
        buildah rm --all > /dev/null 2>&1 || true
        buildah rmi --prune > /dev/null 2>&1 || true
        base
        bud -f "$HOME_DIR/deploy/Dockerfile" --build-arg BASE=localhost/python-slim -t "$TAG" \
            "$HOME_DIR"
    }
    run() {
        container=$(buildah from --pull-never $TAG)
        trap 'buildah rm "$container" > /dev/null' EXIT
        # It would be mounted over the folder.
        buildah config --volume /postroom- "$container"
        rm -rf -- "$room/folder" "$room/log"
        # A user whom the image does not know, as docker run --user may bring.
        install -d -o 12345 -g 12345 "$room/folder"
        again
    }
    again() {
        inside env POSTROOM_JSON=json POSTROOM_FROZEN_SECONDS=10 \
            /opt/postroom/deploy/entrypoint >> "$room/log" 2>&1 &
        running=$!
    }
    healthcheck() {
        buildah inspect --type image --format "$(test_of .Docker.Config)" "$TAG"
    }
    inside() {
        buildah run --isolation chroot --user 0:0 -v "$room/folder:/postroom" "$container" -- \
            setpriv --reuid 12345 --regid 12345 --clear-groups -- "$@"
    }
    logs() { cat "$room/log"; }
    end() {
        # The first process of the container is the parent of Monit.
        inside sh -c 'kill $(awk "/^PPid/ {print \$2}" /proc/$(cat /run/postroom/monit.pid)/status)'
        wait "$running"
    }
}

bud() {
    buildah bud --isolation chroot --format docker --pull-never --layers=false \
        -v "$room/pip.conf:/etc/pip.conf:ro" ${authority:+-v "$authority:/run/host-ca.crt:ro"} "$@"
}

# An image as python:3.13-slim is, from the mirror and with the authority that this machine uses.
base() {
    authority=${SSL_CERT_FILE:-}
    {
        echo "[global]"
        for key in index-url extra-index-url trusted-host proxy timeout; do
            value=$(python3 -m pip config get "global.$key" 2> /dev/null) || continue
            # Folders of this machine are not in the image.
            case $value in *file:*) ;; *) echo "$key = $value" ;; esac
        done
        [ -z "$authority" ] || echo "cert = /run/host-ca.crt"
    } > "$room/pip.conf"
    buildah inspect --type image localhost/python-slim > /dev/null 2>&1 && return
    [ -e "$room/root/done" ] || {
        debootstrap --variant=minbase trixie "$room/root" "$(mirror)"
        rm -rf "$room/root/var/cache/apt/archives"/*.deb
        touch "$room/root/done"
    }
    printf '%s\n' 'FROM scratch' 'COPY . /' \
        'RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv' \
        > "$room/Dockerfile.base"
    bud -f "$room/Dockerfile.base" -t localhost/python-slim "$room/root"
}

mirror() {
    cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2> /dev/null |
        awk '/^URIs:/ {print $2; exit} /^deb / {print $2; exit}'
}

page() {
    inside sh -c 'python - "$(cat /postroom/data/monit.password)" "$1"' - "$1" << 'END'
import base64, sys, urllib.error, urllib.request
request = urllib.request.Request("http://127.0.0.1:2812/_status?format=text")
if sys.argv[2] == "in":
    word = base64.b64encode(b"admin:" + sys.argv[1].encode()).decode()
    request.add_header("Authorization", "Basic " + word)
try:
    print(urllib.request.urlopen(request, timeout=10).read().decode())
except urllib.error.HTTPError as e:
    print(e.code)
END
}

# One mail in a Maildir of the mounted folder, and the provider started again from Monit.
mail() {
    inside sh -c 'mkdir -p Maildir/cur Maildir/new Maildir/tmp
        printf "From: ann@example.org\r\nSubject: Bonjour\r\n\r\nA demain.\r\n" > Maildir/new/1.a.b
        printf "\n[mailbox work]\nsource = maildir\npath = Maildir\n" >> config.ini
        monit -c /run/postroom/monitrc restart provider'
    within $LIMIT inside sh -c 'grep -q Bonjour json/*/*.json'
}

# replaced DAEMON SIGNAL - another process takes its place, and answers.
replaced() {
    before=$(inside cat "/run/postroom/$1.pid")
    # The image has no program of that name.
    inside sh -c 'kill "-$1" "$2"' - "$2" "$before"
    within $LIMIT inside sh -c '[ "$(cat "/run/postroom/$1.pid")" != "$2" ] && postroom status "$1" &&
        python -c "import urllib.request as u; u.urlopen(\"http://127.0.0.1:5000/health\")"' \
        - "$1" "$before"
}

# What the image says an engine has to run; its first word is how.
healthy() {
    # shellcheck disable=SC2046 # a list of words
    inside $(healthcheck | cut -d ' ' -f 2-)
}

tokens() { logs | grep -c 'your token, .* pr_' || true; }

check() {
    run
    step "the daemons are up" within $LIMIT healthy
    [ "$(tokens)" = 1 ] || fail "the first start tells a token"
    [ "$(page out)" = 401 ] || fail "Monit's page wants a password"
    for name in api master provider; do
        page in | grep -q "$name" || fail "Monit's page lists $name"
    done
    step "a mail is a JSON file" mail
    step "the API, killed, is back" replaced api KILL
    step "the provider, frozen, is back" replaced provider STOP
    inside monit -c /run/postroom/monitrc stop provider
    step "stopped on Monit's page, it is told by the health check" within $LIMIT unhealthy
    step "stopped, with status 0" end
    again
    step "started again" within $LIMIT healthy
    [ "$(tokens)" = 1 ] || fail "the second start tells no token"
    end || fail "stopped again, with status 0"
}

unhealthy() { ! healthy; }

room=${1:-}
for engine in docker podman; do
    if command -v $engine > /dev/null && $engine info > /dev/null 2>&1; then
        with_engine $engine
        step "built by $engine" build
        check
        exit
    fi
done
if [ "$(id -u)" = 0 ] && command -v buildah debootstrap unshare ip > /dev/null; then
    [ -n "$room" ] || room=$(mktemp -d)
    mkdir -p -- "$room"
    with_buildah
    if [ "${2:-}" = inside ]; then
        check
    else
        step "built by buildah" build > "$room/build.log" 2>&1 || {
            tail -n 20 "$room/build.log"
            exit 1
        }
        tail -n 1 "$room/build.log"
        # Ports and process ids of its own, as a container would have them.
        unshare --net --pid --fork --kill-child --mount-proc sh -c 'ip link set lo up && "$0" "$1" inside' \
            "$0" "$room"
        [ -n "${1:-}" ] || rm -rf -- "$room"
    fi
    exit
fi
say "skipped: no Docker or Podman that answers here; nor, for root, buildah, debootstrap, unshare, ip"
