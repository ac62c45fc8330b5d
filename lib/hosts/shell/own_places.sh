# Says where kvm-play keeps its own files for the user who runs the script, in `kvm_play_state` and `kvm_play_run`: another user than root has
# places of their own. (`/` belongs to root.) The paths are those of paths.ts.
# shellcheck shell=sh
if [ -O / ]; then kvm_play_state=/var/lib/kvm-play kvm_play_run=/run/kvm-play
else kvm_play_state=$HOME/.local/state/kvm-play kvm_play_run=$HOME/.local/state/kvm-play/run; fi
