# Sourced by script/test and script/check: run the parts of a job one after another, then say how each went.
# shellcheck shell=bash

report=()
failed=0

# part NAME COMMAND…
# A part that ends with status 75 could not run here and has said why: an honest gap on somebody's machine,
# a failure where everything must be tried.
part() {
    local name=$1 began=$SECONDS status=0 result
    shift
    say "$name"
    "$@" || status=$?
    case $status in
        0) result=ok ;;
        75)
            result="SKIPPED: cannot run here, see above"
            [ "${CI:-}" != true ] || result='FAILED: must not be skipped when CI=true' failed=1
            say "$name: $result"
            ;;
        130 | 143) exit "$status" ;; # somebody ended it, and means all of it
        *) result="FAILED (status $status)" failed=1 ;;
    esac
    report+=("$(printf '%-12s %5ss  %s' "$name" $((SECONDS - began)) "$result")")
}

finish() {
    say 'Summary'
    printf '   %s\n' "${report[@]}" >&2
    exit "$failed"
}
