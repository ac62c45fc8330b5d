# Answers with a line `OUTCOME LENGTH` for each command that was run outside of a session, and the end of its output behind it. Two may ask at
# once, over the old connection and over a fresh one. It needs prologue.sh, and the variable `id` (detached.ts).
# Exit status 75 (`stillRunning` in detached.ts): the commands have not ended.
# shellcheck shell=sh
cd "$kvm_play_run/steps/$id" 2>/dev/null || { echo 'the journal of the steps is gone: the host was rebooted meanwhile' >&2; exit 1; }
[ -e ./done ] || exit 75
n=0
while [ -e $n.status ]; do
  tail -c 20000 $n.output > tail.$$
  printf '%s %s\n' "$(cat $n.status)" "$(($(wc -c < tail.$$)))"
  cat tail.$$
  n=$((n + 1))
done
