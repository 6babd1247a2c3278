#!/bin/sh
# deploy | status | logs | restart | health: the stack of compose.yaml. A restart takes one replica after the other.
set -eu

cd "$(dirname "$0")"
REPLICAS="dari-1 dari-2 dari-3"
HEALTH_URL=${HEALTH_URL:-http://localhost:8000/api/v1/health}
WAIT_SECONDS=${WAIT_SECONDS:-120}

if docker compose version >/dev/null 2>&1; then
    compose() { docker compose "$@"; }
elif command -v podman-compose >/dev/null 2>&1; then
    compose() { podman-compose "$@"; }
else
    echo "neither docker compose nor podman-compose is here" >&2
    exit 1
fi

# Wait until a replica answers inside its own container.
ready() {
    left=$WAIT_SECONDS
    until compose exec -T "$1" python -c \
        'import urllib.request as u; u.urlopen("http://127.0.0.1:8010/readyz", timeout=2)' >/dev/null 2>&1; do
        left=$((left - 2))
        if [ "$left" -le 0 ]; then
            echo "$1 is not ready after $WAIT_SECONDS s: ./deploy.sh logs $1" >&2
            return 1
        fi
        sleep 2
    done
    echo "$1 is ready"
}

rolled() {
    for one in $REPLICAS; do
        compose up -d --no-deps --force-recreate "$one"
        ready "$one"
    done
    compose up -d --no-deps --force-recreate worker mcp-volume-ranking
}

case "${1:-}" in
deploy)
    if [ ! -f .env ]; then
        echo "copy .env.example to .env and fill it in first" >&2
        exit 2
    fi
    chmod 600 .env
    compose build
    compose up -d redis
    rolled
    compose up -d
    ;;
status) compose ps ;;
logs)
    shift
    compose logs --tail 200 -f "$@"
    ;;
restart) rolled ;;
health)
    if command -v curl >/dev/null 2>&1; then
        curl --fail --silent --show-error --max-time 5 "$HEALTH_URL"
    else
        wget -q -T 5 -O - "$HEALTH_URL"
    fi
    echo
    ;;
*)
    echo "usage: $0 deploy|status|logs [service]|restart|health" >&2
    exit 2
    ;;
esac
