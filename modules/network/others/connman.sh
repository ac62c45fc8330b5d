# Prints the links that ConnMan has configured, of those named. A daemon that does not run is not asked: the question could start it.
# shellcheck shell=sh
systemctl is-active --quiet connman || exit 3
for service in $(connmanctl services | sed 's/.* //'); do
  text=$(connmanctl services "$service")
  case $text in *'State = ready'* | *'State = online'*) ;; *) continue ;; esac
  for link; do
    case $text in *"Interface=$link,"*) echo "$link" ;; esac
  done
done
true
