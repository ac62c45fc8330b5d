# Passes on exactly so many bytes of standard input: `dd` by `iflag=fullblock` where it knows that, else byte by byte.
# shellcheck shell=sh

# kvm_play_take BYTES: fewer than a block of 64 KiB.
kvm_play_take() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null || dd bs=1 count="$1" 2>/dev/null; }

# kvm_play_feed BYTES: any number.
kvm_play_feed() {
  if [ "$1" -ge 65536 ]; then dd bs=65536 count=$(($1 / 65536)) iflag=fullblock 2>/dev/null || { dd bs=1 count="$1" 2>/dev/null; return; }; fi
  if [ $(($1 % 65536)) -ne 0 ]; then kvm_play_take $(($1 % 65536)); fi
}
