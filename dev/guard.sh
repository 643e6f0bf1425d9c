# guard.sh SIGNAL command args...
# Runs a command that cannot outlive its parent. Started by dev/child.ts as the leader of a process group of its own,
# with descriptor 3 as a pipe from the parent: when the parent is gone, even by kill -9, the pipe closes, the command
# gets SIGNAL, and after 15 seconds whatever is left of the group is killed.
sig=$1; shift
"$@" 3<&- </dev/null & command=$!
trap 'kill -$sig $command 2>/dev/null' TERM INT HUP
(
  trap '' TERM INT HUP
  read -r _ <&3
  kill -$sig $command 2>/dev/null
  i=0; while kill -0 $command 2>/dev/null && [ $i -lt 150 ]; do sleep 0.1; i=$((i+1)); done
  kill -KILL 0
) >/dev/null 2>&1 & watcher=$!
# `wait` also returns when a signal was trapped: go on until the command has really ended
while :; do wait $command; code=$?; kill -0 $command 2>/dev/null || break; done
kill -KILL $watcher 2>/dev/null
# what the command itself started and left behind
trap '' TERM
kill -TERM 0
exit $code
