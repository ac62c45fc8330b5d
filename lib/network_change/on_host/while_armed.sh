# Runs what follows only while the change `$kvm_play_change` is armed, and leaves a note in `$kvm_play_current` that a step is under way.
# shellcheck shell=sh
kvm_play_current=/var/lib/kvm-play/change/current
kvm_play_note=$kvm_play_current/step.$$
{ echo > "$kvm_play_note" && [ -e "$kvm_play_current/armed" ] && grep -qxF "id='$kvm_play_change'" "$kvm_play_current/plan"; } 2>/dev/null || {
  rm -f -- "$kvm_play_note"
  echo 'the network change is over, and this step came too late' >&2
  exit 1
}
