#!/bin/sh
# Shows FollowMemoryPressure in a memory cgroup of its own, beside a program that takes memory. Needs root, and a writable cgroup
# file system of version 1 or 2. The stress program works all the time, and says once a second what its budgets are.
#
#   samples/cgroup.sh [MiB of the cgroup, 768] [MiB that the other program takes, 384]
set -eu
limit=$(( ${1:-768} << 20 ))
taken=${2:-384}
cd "$(dirname "$0")/.."
dotnet build -c Release -v q --nologo tests/Paging.Stress
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    group=/sys/fs/cgroup/paging-sample-$$
    mkdir "$group"
    echo "$limit" > "$group/memory.max"
else
    group=/sys/fs/cgroup/memory/paging-sample-$$
    mkdir "$group"
    echo "$limit" > "$group/memory.limit_in_bytes"
fi
trap 'wait; sleep 1; rmdir "$group"' EXIT
# A shell that joins the cgroup, and then becomes the program.
inside() { sh -c 'echo $$ > "$0/cgroup.procs"; exec "$@"' "$group" "$@"; }
echo "A pager of 256 + 256 MiB in a cgroup of $(( limit >> 20 )) MiB; after 10 s another program takes $taken MiB, and gives them back after 15 s."
inside dotnet tests/Paging.Stress/bin/Release/net10.0/Paging.Stress.dll --follow 45 &
sleep 10
inside sh -c "head -c ${taken}m /dev/zero | tail -c ${taken}m | { sleep 15; cat > /dev/null; }" &
wait
