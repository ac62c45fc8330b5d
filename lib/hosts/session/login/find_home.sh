# Takes a home that is none (not there, of somebody else, not absolute) from the host's accounts.
# shellcheck shell=sh
case $HOME in
  /*) [ -d "$HOME" ] && [ -O "$HOME" ] ;;
  *) false ;;
esac || HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
